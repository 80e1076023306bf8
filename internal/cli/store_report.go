package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gantry/internal/dimse"
)

// storeResult is what --json prints.
type storeResult struct {
	Peer         string
	Objects      int // found
	Stored       int
	Bytes        int64
	Seconds      float64
	Associations int
	Statuses     map[string]int    // "0000H": 12
	Failed       []failedObject    `json:",omitempty"`
	Damaged      []problem         `json:",omitempty"`
	Unusable     []problem         `json:",omitempty"`
	NotDICOM     []string          `json:",omitempty"`
	Commitment   *commitmentResult `json:",omitempty"`
	Error        string            `json:",omitempty"`
}

// report prints the outcome. The error it returns decides the exit code.
func (s *sending) report(list transactions, sendErr, commitErr error) error {
	r := s.result()
	if list != nil {
		r.Commitment = newCommitmentResult(s.target, list, nil, commitErr)
	}
	if sendErr != nil {
		r.Error, _ = explain(sendErr)
	}
	if err := s.print(r, list); err != nil && sendErr == nil {
		return err
	}
	switch {
	case sendErr != nil:
		return sendErr
	case commitErr != nil:
		return commitErr
	}
	return errors.Join(r.failure(), r.commitmentFailure())
}

func (s *sending) result() *storeResult {
	r := &storeResult{
		Peer: s.target.String(), Objects: len(s.findings.objects), Stored: s.stored, Bytes: s.bytes, Seconds: s.elapsed.Seconds(),
		Associations: s.opened, Statuses: map[string]int{}, Failed: s.failed,
		Damaged: s.findings.damaged, Unusable: s.findings.unusable,
	}
	for status, n := range s.statuses {
		r.Statuses[fmt.Sprintf("%04XH", uint16(status))] = n
	}
	for _, p := range s.findings.foreign {
		r.NotDICOM = append(r.NotDICOM, p.Path)
	}
	return r
}

func (r *storeResult) failure() error {
	n := r.Objects - r.Stored + len(r.Damaged) + len(r.Unusable)
	if n == 0 {
		return nil
	}
	return &failuresError{text: fmt.Sprintf("%s not stored", count(n, "file"))}
}

func (r *storeResult) commitmentFailure() error {
	if r.Commitment == nil {
		return nil
	}
	return r.Commitment.failure()
}

func (s *sending) print(r *storeResult, list transactions) error {
	env := s.o.env
	if s.o.json {
		return writeJSON(env, r)
	}
	for _, f := range r.Failed {
		_, _ = fmt.Fprintf(env.Stderr, "gantry: %s\n", printable(f.Path+": "+f.text()))
	}
	printProblems(env, r.Damaged)
	printProblems(env, r.Unusable)
	if s.o.quiet {
		return nil
	}
	printProblems(env, s.findings.foreign)
	if err := s.table(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(env.Stdout, s.summary(r))
	if err != nil || r.Commitment == nil {
		return err
	}
	return r.Commitment.print(&s.o.clientOptions, len(list))
}

// summary is the last line: what was stored, and what was not even sent.
func (s *sending) summary(r *storeResult) string {
	text := fmt.Sprintf("%s: stored %d of %s", r.Peer, r.Stored, count(r.Objects, "object"))
	if r.Objects > 0 {
		text += fmt.Sprintf(", %s in %.2f s (%s), %s", size(r.Bytes), r.Seconds, rate(r.Bytes, s.elapsed), count(r.Associations, "association"))
	}
	unreadable := s.findings.unreadable()
	text += fmt.Sprintf("; %d damaged, %d not DICOM", len(r.Damaged), len(r.NotDICOM)+len(r.Unusable)-unreadable)
	if unreadable > 0 {
		text += fmt.Sprintf(", %d not readable", unreadable)
	}
	return text
}

// text is the status, and what the peer says beyond it.
func (f *failedObject) text() string {
	if f.Status == "" || strings.Contains(f.Status, f.Reason) {
		return first(f.Status, f.Reason)
	}
	return f.Status + ": " + f.Reason
}

// table shows how many objects got which status.
func (s *sending) table() error {
	var statuses []dimse.Status
	for status := range s.statuses {
		statuses = append(statuses, status)
	}
	slices.Sort(statuses)
	var rows [][]string
	for _, status := range statuses {
		rows = append(rows, []string{status.String(), strconv.Itoa(s.statuses[status])})
	}
	if len(rows) == 0 {
		return nil
	}
	return writeTable(s.o.env.Stdout, []string{"STATUS", "OBJECTS"}, rows)
}

// printProblems names files that were not sent.
func printProblems(env *Env, list []problem) {
	for _, p := range list {
		_, _ = fmt.Fprintf(env.Stderr, "gantry: %s\n", printable(p.Path+": "+p.Reason))
	}
}
