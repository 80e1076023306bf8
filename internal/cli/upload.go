package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

type uploadOptions struct {
	daemonOptions
	parallel    int
	json, lines bool
	quiet       bool
}

func newUploadCommand(env *Env) *cobra.Command {
	o := uploadOptions{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "upload PATH...",
		Short: "Send DICOM files to the REST API of a daemon",
		Long: long(`Send DICOM files, all those below folders, and ZIP files of them to the running daemon by HTTP. Files below a folder that
are neither are passed over, DICOMDIRs too. A file that the daemon refuses does not stop the others.

A file that is there already is no failure: sending everything once more after a break is safe.`),
		Example: "  gantry upload ./study\n  gantry upload export.zip image.dcm --url https://pacs.example.org:8042 --user me --password-file ./secret\n" +
			"  gantry upload ./study --lines | jq -r 'select(.Reason) | .Path'",
		Args: wants("PATH..."),
		RunE: func(cmd *cobra.Command, args []string) error { return runUpload(cmd.Context(), &o, args) },
	}
	o.register(cmd)
	f := cmd.Flags()
	f.IntVarP(&o.parallel, "parallel", "p", 4, "requests at the same time, 1 to 64")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVar(&o.lines, "lines", false, "print a line of JSON for every file, as soon as it is done")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print errors only")
	cmd.MarkFlagsMutuallyExclusive("json", "lines")
	return cmd
}

// sentFile is what became of one file.
type sentFile struct {
	Path      string
	Instances []string `json:",omitempty"` // public ids of what was stored, or was there
	Status    int      `json:",omitempty"` // of HTTP, where the file was refused
	Reason    string   `json:",omitempty"` // why it was not stored
}

// uploadResult is what --json shows.
type uploadResult struct {
	Files         int // sent or refused
	Bytes         int64
	Seconds       float64
	Stored        int            // instances that are new
	AlreadyStored int            // instances that were there
	Refused       []sentFile     `json:",omitempty"`
	Statuses      map[string]int `json:",omitempty"` // of HTTP, of the refused files
	Damaged       []problem      `json:",omitempty"` // not sent
	Unusable      []problem      `json:",omitempty"` // not sent
	NotDICOM      []string       `json:",omitempty"` // not sent
	Error         string         `json:",omitempty"` // what has ended it
}

func runUpload(ctx context.Context, o *uploadOptions, paths []string) error {
	if o.parallel < 1 || o.parallel > 64 {
		return usagef("--parallel %d: 1 to 64 is expected", o.parallel)
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	shown := &clientOptions{env: o.env, quiet: o.quiet, json: o.json || o.lines}
	found, err := find(ctx, shown, paths)
	if err != nil {
		return err
	}
	u := &uploading{o: o, client: c, result: uploadResult{Statuses: map[string]int{}, Damaged: found.damaged}}
	files := u.choose(found)
	began := o.env.Now()
	err = u.send(ctx, shown, files)
	u.result.Seconds = o.env.Now().Sub(began).Seconds()
	return u.report(err)
}

type uploading struct {
	o      *uploadOptions
	client *apiclient.Client
	mu     sync.Mutex
	result uploadResult
}

// choose lists the files to send: DICOM files and ZIP files.
func (u *uploading) choose(found *findings) (files []string) {
	for i := range found.objects {
		files = append(files, found.objects[i].path)
	}
	for _, p := range found.foreign {
		if isZIP(p.Path) {
			files = append(files, p.Path)
		} else {
			u.result.NotDICOM = append(u.result.NotDICOM, p.Path)
		}
	}
	for _, p := range found.unusable {
		if isZIP(p.Path) {
			files = append(files, p.Path)
		} else {
			u.result.Unusable = append(u.result.Unusable, p)
		}
	}
	return files
}

// isZIP looks at the first bytes of a file.
func isZIP(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	var head [4]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && (string(head[:]) == "PK\x03\x04" || string(head[:]) == "PK\x05\x06")
}

// send sends all files; an error ends it before its end.
func (u *uploading) send(ctx context.Context, shown *clientOptions, files []string) error {
	var total int64
	sizes := make([]int64, len(files))
	for i, path := range files {
		if info, err := os.Stat(path); err == nil {
			sizes[i] = info.Size()
			total += info.Size()
		}
	}
	bar := newProgress(shown, total, len(files))
	defer bar.finish()
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(u.o.parallel)
	for i, path := range files {
		if ctx.Err() != nil {
			break
		}
		work.Go(func() error {
			part := bar.object(sizes[i])
			defer part.end()
			return u.one(ctx, path, part)
		})
	}
	return work.Wait()
}

// one sends a file. That it was refused is no error of the whole.
func (u *uploading) one(ctx context.Context, path string, part *share) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	file, err := os.Open(path)
	if err != nil {
		return u.note(sentFile{Path: path, Reason: reason(err)}, nil, 0)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return u.note(sentFile{Path: path, Reason: reason(err)}, nil, 0)
	}
	stored, err := u.client.Upload(ctx, part.reader(file), info.Size())
	var status *apiclient.StatusError
	switch {
	case errors.As(err, &status) && !endsAll(status):
		return u.note(sentFile{Path: path, Status: status.Status, Reason: first(status.Details, status.Message, http.StatusText(status.Status))}, nil, info.Size())
	case err != nil:
		return err
	}
	return u.note(sentFile{Path: path}, stored, info.Size())
}

// endsAll tells the answers that every other file would get, too. A file without a UID it needs is 404 as well, as in Orthanc.
func endsAll(answer *apiclient.StatusError) bool {
	switch answer.Status {
	case http.StatusNotFound:
		return answer.OrthancStatus != codeInexistentTag
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed:
		return true
	}
	return false
}

// codeInexistentTag is the OrthancStatus of an object that lacks an element it needs.
const codeInexistentTag = 21

func (u *uploading) note(f sentFile, stored []apiclient.Stored, bytes int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := &u.result
	r.Files++
	r.Bytes += bytes
	for _, s := range stored {
		f.Instances = append(f.Instances, s.ID)
		if s.Status == "AlreadyStored" {
			r.AlreadyStored++
		} else {
			r.Stored++
		}
	}
	if f.Reason != "" {
		r.Refused = append(r.Refused, f)
		if f.Status != 0 {
			r.Statuses[fmt.Sprint(f.Status)]++
		}
	}
	if u.o.lines {
		return writeLine(u.o.env, f)
	}
	return nil
}

// report prints the outcome; its error decides the exit code.
func (u *uploading) report(sendErr error) error {
	r, o := &u.result, u.o
	if sendErr != nil {
		r.Error, _ = explain(sendErr)
	}
	var err error
	if o.json {
		err = writeJSON(o.env, r)
	} else {
		u.tellRefused()
		if !o.quiet && !o.lines && (sendErr == nil || r.Files > 0) {
			_, err = fmt.Fprintln(o.env.Stdout, r.summary())
		}
	}
	switch bad := len(r.Refused) + len(r.Damaged) + len(r.Unusable); {
	case sendErr != nil:
		return sendErr
	case err != nil:
		return err
	case bad > 0:
		return &failuresError{text: count(bad, "file") + " not stored"}
	}
	return nil
}

func (r *uploadResult) summary() string {
	parts := []string{fmt.Sprintf("%d stored", r.Stored)}
	if r.AlreadyStored > 0 {
		parts = append(parts, fmt.Sprintf("%d there already", r.AlreadyStored))
	}
	for _, status := range sortedKeys(r.Statuses) {
		parts = append(parts, fmt.Sprintf("%d refused (%s)", r.Statuses[status], status))
	}
	if n := len(r.NotDICOM); n > 0 {
		parts = append(parts, fmt.Sprintf("%d passed over (not DICOM)", n))
	}
	return fmt.Sprintf("%s (%s) in %.1f s (%s): %s", count(r.Files, "file"), size(r.Bytes), r.Seconds,
		rate(r.Bytes, time.Duration(r.Seconds*float64(time.Second))), strings.Join(parts, ", "))
}

// tellRefused names what was not stored, the first of them.
func (u *uploading) tellRefused() {
	var lines []string
	for _, f := range u.result.Refused {
		lines = append(lines, f.Path+": "+plainText(f.Reason))
	}
	for _, p := range append(append([]problem(nil), u.result.Damaged...), u.result.Unusable...) {
		lines = append(lines, p.Path+": "+p.Reason)
	}
	for i, line := range lines {
		if i == shownRefusals {
			_, _ = fmt.Fprintf(u.o.env.Stderr, "gantry: and %d more (--json tells all)\n", len(lines)-i)
			return
		}
		_, _ = fmt.Fprintf(u.o.env.Stderr, "gantry: not stored: %s\n", printable(line))
	}
}
