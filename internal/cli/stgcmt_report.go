package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
)

// commitmentResult is what --json prints.
type commitmentResult struct {
	Peer                       string
	Committed, Failed, Pending int
	PendingTransactions        []dicom.UID `json:",omitempty"`
	Instances                  []instanceResult
	Unrequested                []referenceResult `json:",omitempty"` // reported, but not asked for
	Damaged                    []problem         `json:",omitempty"`
	Unusable                   []problem         `json:",omitempty"`
	NotDICOM                   int               `json:",omitempty"`
	Error                      string            `json:",omitempty"`
}

type referenceResult struct{ SOPClassUID, SOPInstanceUID dicom.UID }

func newCommitmentResult(t target, list transactions, f *findings, err error) *commitmentResult {
	r := &commitmentResult{Peer: t.String(), Instances: list.results(), PendingTransactions: list.pending()}
	for _, i := range r.Instances {
		switch i.Result {
		case "committed":
			r.Committed++
		case "pending":
			r.Pending++
		default:
			r.Failed++
		}
	}
	for _, e := range list.extras() {
		r.Unrequested = append(r.Unrequested, referenceResult{e.class, e.instance})
	}
	if f != nil {
		r.Damaged, r.Unusable, r.NotDICOM = f.damaged, f.unusable, len(f.foreign)
	}
	if err != nil {
		r.Error, _ = explain(err)
	}
	return r
}

// reportCommitment prints the outcome; the error it returns decides the exit code: what broke the waiting, or failures.
func reportCommitment(o *clientOptions, t target, list transactions, f *findings, err error) error {
	r := newCommitmentResult(t, list, f, err)
	printErr := r.print(o, len(list))
	switch {
	case err != nil:
		return err
	case printErr != nil:
		return printErr
	}
	return r.failure()
}

// failure is nil if everything was committed.
func (r *commitmentResult) failure() error {
	var parts []string
	for _, p := range []struct {
		n    int
		text string
	}{
		{r.Failed, "not committed"}, {len(r.Damaged), "damaged"}, {len(r.Unusable), "not readable or not DICOM"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	if parts == nil {
		return nil
	}
	return &failuresError{text: strings.Join(parts, ", "), hint: r.hint()}
}

// hint says what to do about a refusal for want of rights.
func (r *commitmentResult) hint() string {
	for _, i := range r.Instances {
		if i.Result == "refused" && strings.Contains(i.Description, dimse.StatusNotAuthorized.String()) {
			return "The peer has to know our AE title (--aet) and to allow it storage commitment; a gantry does so with " +
				"--modality NAME=AET@HOST:PORT, or DicomModalities."
		}
	}
	return ""
}

func (r *commitmentResult) print(o *clientOptions, requests int) error {
	if o.json {
		return writeJSON(o.env, r)
	}
	printProblems(o.env, slices.Concat(r.Damaged, r.Unusable))
	if o.quiet {
		return nil
	}
	if err := r.table(o); err != nil {
		return err
	}
	_, err := fmt.Fprintf(o.env.Stdout, "%s: %d of %s committed, %d failed, %d pending, in %s\n",
		r.Peer, r.Committed, count(len(r.Instances), "instance"), r.Failed, r.Pending, count(requests, "request"))
	for _, uid := range r.PendingTransactions {
		if err == nil {
			_, err = fmt.Fprintf(o.env.Stdout, "no report yet on transaction %s\n", uid)
		}
	}
	return err
}

// longTable is the number of instances above which those that are committed, and more of the same fate, are counted only.
const longTable = 100

func (r *commitmentResult) table(o *clientOptions) error {
	var rows [][]string
	fates := map[[2]string]int{}
	for _, i := range r.Instances {
		fate := [2]string{i.Result, i.Description}
		if fates[fate]++; len(r.Instances) > longTable && (i.Result == "committed" || fates[fate] > longTable) {
			continue
		}
		rows = append(rows, []string{string(i.SOPInstanceUID), i.Result, i.Description})
	}
	for _, fate := range slices.SortedFunc(maps.Keys(fates), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		n := fates[fate]
		if fate[0] != "committed" && len(r.Instances) > longTable && n > longTable {
			rows = append(rows, []string{fmt.Sprintf("and %d more", n-longTable), fate[0], fate[1]})
		}
	}
	for _, e := range r.Unrequested {
		rows = append(rows, []string{string(e.SOPInstanceUID), "unrequested", "reported, but not asked for"})
	}
	if len(rows) == 0 {
		return nil
	}
	return writeTable(o.env.Stdout, []string{"SOP INSTANCE UID", "RESULT", "REASON"}, rows)
}
