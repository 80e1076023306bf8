package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gantry/internal/storage"
	"gantry/internal/storage/index"

	"github.com/spf13/cobra"
)

func newExportCommand(env *Env) *cobra.Command {
	o := exportOptions{folderOptions: folderOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "export DIR [ID...]",
		Short: "Write stored objects as plain DICOM files",
		Long: long(`Write the objects of a data folder into DIR, one file each. ID is the identifier of a patient, study, series or instance
in the REST API; without one everything is written. A daemon may be running. Files that are there already are left, so an
export that was broken off goes on when it is started again.`),
		Example: "  gantry export ./files --storage /srv/dicom\n  gantry export ./files 66c8e41e-ac3a9029-0b85e42a-8195ee0a-92c2e62e",
		Args:    wants("DIR", "[ID...]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExport(cmd.Context(), &o, args[0], args[1:])
		},
	}
	o.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.attachments, "attachments", false, "write the attachments of users as well")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print errors only")
	return cmd
}

type exportOptions struct {
	folderOptions
	json, quiet bool
	attachments bool
}

func runExport(ctx context.Context, o *exportOptions, dir string, ids []string) (err error) {
	wanted := make([]index.ID, len(ids))
	for i, id := range ids {
		if wanted[i], err = index.ParseID(id); err != nil {
			return &usageError{err: err}
		}
	}
	s, err := o.open(ctx, beside)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	resources, err := findResources(ctx, s, wanted)
	if err != nil {
		return err
	}
	began := o.env.Now()
	n := newNotice(&clientOptions{env: o.env, quiet: o.quiet, json: o.json})
	r, err := s.Export(ctx, storage.ExportOptions{Dir: dir, Resources: resources, Attachments: o.attachments, Progress: func(files, bytes int64) {
		n.show("%s written, %s", count(int(files), "file"), size(bytes))
	}})
	n.clear()
	if err != nil {
		return err
	}
	return o.report(r, o.env.Now().Sub(began))
}

func (o *exportOptions) report(r *storage.ExportSummary, d time.Duration) error {
	var err error
	switch {
	case o.json:
		err = writeJSON(o.env, r)
	case !o.quiet:
		_, err = fmt.Fprintf(o.env.Stdout, "%s written (%s in %.2f s), %d were there already\n", count(int(r.Files), "file"), size(r.Bytes), d.Seconds(), r.Skipped)
	}
	if err == nil && len(r.Damaged) > 0 {
		for _, id := range r.Damaged {
			_, _ = fmt.Fprintf(o.env.Stderr, "gantry: instance %s is damaged\n", id)
		}
		err = &failuresError{text: count(len(r.Damaged), "instance") + " damaged; gantry fsck --checksums tells more"}
	}
	return err
}

// exists tells a data folder from what opening it would turn into one.
func exists(dir string) error {
	_, err := os.Stat(filepath.Join(dir, "VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return &notFoundError{fmt.Sprintf("there is no data folder %s; name it with --storage or --config", dir)}
	}
	return err
}

// findResources finds the level of each id.
func findResources(ctx context.Context, s *storage.Store, ids []index.ID) ([]index.Resource, error) {
	var resources []index.Resource
	err := s.View(ctx, func(tx index.ReadTx) error {
		for _, id := range ids {
			level, err := tx.Resource(id)
			switch {
			case errors.Is(err, index.ErrNotFound):
				return &notFoundError{fmt.Sprintf("there is no resource %s", id)}
			case err != nil:
				return err
			}
			resources = append(resources, index.Resource{Level: level, ID: id})
		}
		return nil
	})
	return resources, err
}
