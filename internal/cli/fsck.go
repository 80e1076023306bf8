package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"gantry/internal/daemon"
	"gantry/internal/dicom"
	"gantry/internal/storage"

	"github.com/spf13/cobra"
)

func newFsckCommand(env *Env) *cobra.Command {
	o := fsckOptions{folderOptions: folderOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check a data folder, and repair it",
		Long: long(`Check that index and stored objects agree, and with --checksums that every stored byte is what it was. Nothing is changed
unless --repair or --rebuild say so. A daemon that uses the folder has to be stopped first, or --read-only given, which looks
at what is there at this moment.

--repair moves damaged records away, drops index entries without an object, and indexes objects without an entry. --rebuild
makes the index of objects anew; what cannot be derived from them (jobs, requests, peers) is kept.`),
		Example: "  gantry fsck --storage /srv/dicom --read-only\n  gantry fsck --config /etc/gantry --checksums --repair",
		Args:    wants(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runFsck(cmd.Context(), &o) },
	}
	o.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.check.Checksums, "checksums", false, "read every stored byte")
	f.BoolVar(&o.check.Repair, "repair", false, "repair what can be repaired")
	f.BoolVar(&o.check.Rebuild, "rebuild", false, "make the index anew")
	f.BoolVar(&o.readOnly, "read-only", false, "look only, beside a running daemon")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print errors only")
	cmd.MarkFlagsMutuallyExclusive("read-only", "repair")
	cmd.MarkFlagsMutuallyExclusive("read-only", "rebuild")
	return cmd
}

type fsckOptions struct {
	folderOptions
	check                 storage.CheckOptions
	readOnly, json, quiet bool
}

// fsckResult is what --json prints.
type fsckResult struct {
	*storage.CheckSummary
	Seconds float64
	Orphans []string // folders of what jobs left behind that are gone
	Found   []fsckFinding
}

type fsckFinding struct {
	Kind, Place, Problem string
	ID                   string    `json:",omitempty"`
	SOPInstanceUID       dicom.UID `json:",omitempty"`
	Outcome              string    `json:",omitempty"` // what was done about it
	Repaired             bool
}

func runFsck(ctx context.Context, o *fsckOptions) (err error) {
	s, err := o.open(ctx, func(s *storage.Options) { s.ReadOnly, s.Salvage = o.readOnly, o.check.Rebuild })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r := fsckResult{Found: []fsckFinding{}}
	began, n := o.env.Now(), newNotice(&clientOptions{env: o.env, quiet: o.quiet, json: o.json})
	n.show("checking")
	defer n.clear()
	r.CheckSummary, err = s.Check(ctx, o.check, func(f storage.Finding) {
		found := fsckFinding{Kind: f.Kind, Place: f.Place, Problem: f.Problem, SOPInstanceUID: f.SOPInstanceUID, Outcome: f.Outcome, Repaired: f.Repaired}
		if f.ID != nil {
			found.ID = f.ID.String()
		}
		r.Found = append(r.Found, found)
	})
	if err != nil {
		return err
	}
	if r.Orphans, err = o.orphans(ctx, s); err != nil {
		return err
	}
	n.clear()
	r.Seconds = o.env.Now().Sub(began).Seconds()
	if err := o.print(&r); err != nil {
		return err
	}
	if len(r.Found) > 0 {
		return &failuresError{text: count(len(r.Found), "problem") + " found"}
	}
	return nil
}

// orphans finds the files of jobs that are gone, and deletes them if it may. They are no problem: a daemon that was
// killed leaves some, and the next one deletes them.
func (o *fsckOptions) orphans(ctx context.Context, s *storage.Store) ([]string, error) {
	c, err := o.config()
	if err != nil {
		return nil, err
	}
	orphans, err := daemon.OrphanedOutputs(ctx, c, s)
	if o.check.Repair {
		for _, dir := range orphans {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return orphans, err
}

func (o *fsckOptions) print(r *fsckResult) error {
	switch {
	case o.json:
		return writeJSON(o.env, r)
	case o.quiet:
		return nil
	}
	for _, f := range r.Found {
		if _, err := fmt.Fprintln(o.env.Stdout, f); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(o.env.Stdout, o.summary(r))
	return err
}

// String is a paragraph, since problems are too long for a table.
func (f fsckFinding) String() string {
	kinds := map[string]string{
		storage.FoundIndex: "damaged index", storage.FoundBlob: "damaged object", storage.FoundMissing: "missing object",
		storage.FoundOrphan: "object without an index entry",
	}
	text := first(kinds[f.Kind], f.Kind) + ": " + first(f.Outcome, "left as it is")
	for _, line := range []struct{ name, value string }{
		{"SOP Instance UID", string(f.SOPInstanceUID)}, {"id", f.ID}, {"place", f.Place}, {"problem", plainText(f.Problem)},
	} {
		if line.value != "" {
			text += "\n  " + line.name + ": " + printable(line.value)
		}
	}
	return text
}

func (o *fsckOptions) summary(r *fsckResult) string {
	text := fmt.Sprintf("%s and %s checked in %s: %s, %d repaired", count(int(r.Instances), "instance"),
		count(int(r.Blobs), "stored object"), seconds(r.Seconds), count(int(r.Findings), "problem"), r.Repaired)
	if r.Attachments > 0 {
		text += ", " + count(int(r.Attachments), "attachment") + " looked at"
	}
	if r.Lost > 0 {
		text += fmt.Sprintf(", %d lost", r.Lost)
	}
	if n := len(r.Orphans); n > 0 {
		text += ", " + count(n, "folder") + " of jobs that are gone"
	}
	if !o.check.Checksums {
		return text + "; contents were not read (--checksums does)"
	}
	return text + "; " + size(r.Bytes) + " read"
}
