package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
in the REST API, or as much of its beginning as is needed; without one everything is written. A daemon may be running. Files
that are there already are left, so an export that was broken off goes on when it is started again.`),
		Example: "  gantry export ./files --storage /srv/dicom\n  gantry export ./files 66c8e41e",
		Args:    wants("DIR", "[ID...]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExport(cmd.Context(), &o, args[0], args[1:])
		},
	}
	cmd.ValidArgsFunction = completeNewFolder
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
	for _, id := range ids {
		if !isIDStart(id) {
			return &usageError{err: fmt.Errorf("%.60q is not a resource id, nor the beginning of one: hexadecimal digits in groups of eight", id),
				hint: "\"gantry ls\" and /tools/lookup of a running daemon find ids; an export without one writes everything."}
		}
	}
	s, err := o.open(ctx, beside)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	resources, err := findResources(ctx, s, ids)
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

// findResources finds what ids and beginnings of ids mean.
func findResources(ctx context.Context, s *storage.Store, names []string) ([]index.Resource, error) {
	var resources []index.Resource
	err := s.View(ctx, func(tx index.ReadTx) error {
		for _, name := range names {
			found, err := findResource(ctx, tx, strings.ToLower(name))
			if err != nil {
				return err
			}
			resources = append(resources, found)
		}
		return nil
	})
	return resources, err
}

func findResource(ctx context.Context, tx index.ReadTx, start string) (r index.Resource, err error) {
	if id, err := index.ParseID(start); err == nil {
		level, err := tx.Resource(id)
		if errors.Is(err, index.ErrNotFound) {
			err = &notFoundError{fmt.Sprintf("there is no resource %s", id)}
		}
		return index.Resource{Level: level, ID: id}, err
	}
	// As in "gantry show", what the upper levels have comes first.
	for _, level := range []index.Level{index.Study, index.Patient, index.Series, index.Instance} {
		found, err := beginning(ctx, tx, level, start)
		switch {
		case err != nil:
			return r, err
		case len(found) > 1:
			return r, &usageError{err: fmt.Errorf("%q is the beginning of %s and %s", start, found[0], found[1]), hint: "Give more of the identifier."}
		case len(found) == 1:
			return index.Resource{Level: level, ID: found[0]}, nil
		}
	}
	return r, &notFoundError{fmt.Sprintf("no resource has an id that begins with %q", start)}
}

// beginning finds up to two resources of a level whose ids begin so.
func beginning(ctx context.Context, tx index.ReadTx, level index.Level, start string) (found []index.ID, err error) {
	const page = 1000
	for after := int64(0); ; {
		list, err := tx.List(level, after, page)
		if err != nil || len(list) == 0 {
			return found, errors.Join(err, ctx.Err())
		}
		for _, e := range list {
			if strings.HasPrefix(e.ID.String(), start) {
				if found = append(found, e.ID); len(found) > 1 {
					return found, nil
				}
			}
		}
		after = list[len(list)-1].Key
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}
