package cli

import (
	"context"
	"errors"
	"fmt"

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
	Found []fsckFinding
}

type fsckFinding struct {
	Kind, Place, Problem string
	ID                   string `json:",omitempty"`
	Repaired             bool
}

func runFsck(ctx context.Context, o *fsckOptions) (err error) {
	s, err := o.open(ctx, func(s *storage.Options) { s.ReadOnly, s.Salvage = o.readOnly, o.check.Rebuild })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r := fsckResult{Found: []fsckFinding{}}
	r.CheckSummary, err = s.Check(ctx, o.check, func(f storage.Finding) {
		found := fsckFinding{Kind: f.Kind, Place: f.Place, Problem: f.Problem, Repaired: f.Repaired}
		if f.ID != nil {
			found.ID = f.ID.String()
		}
		r.Found = append(r.Found, found)
	})
	if err != nil {
		return err
	}
	if err := o.print(&r); err != nil {
		return err
	}
	if len(r.Found) > 0 {
		return &failuresError{text: count(len(r.Found), "problem") + " found"}
	}
	return nil
}

func (o *fsckOptions) print(r *fsckResult) error {
	switch {
	case o.json:
		return writeJSON(o.env, r)
	case o.quiet:
		return nil
	}
	var rows [][]string
	for _, f := range r.Found {
		rows = append(rows, []string{f.Kind, first(f.ID, f.Place), f.Problem, map[bool]string{true: "repaired", false: "-"}[f.Repaired]})
	}
	if len(rows) > 0 {
		if err := writeTable(o.env.Stdout, []string{"KIND", "OBJECT", "PROBLEM", "STATE"}, rows); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(o.env.Stdout, "%s and %s checked, %s read: %s, %d repaired\n", count(int(r.Instances), "instance"),
		count(int(r.Blobs), "stored object"), size(r.Bytes), count(int(r.Findings), "problem"), r.Repaired)
	return err
}
