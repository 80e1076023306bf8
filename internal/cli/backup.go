package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gantry/internal/daemon"
	"gantry/internal/storage"
	"gantry/internal/storage/index"

	"github.com/spf13/cobra"
)

func newBackupCommand(env *Env) *cobra.Command {
	o := backupOptions{folderOptions: folderOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy a data folder consistently, also while the daemon runs",
		Long: long(`Copy the whole data folder, with its index and the archives that jobs have left behind, into DIR, which must be empty or
not exist. The copy is consistent although a daemon may be running: it holds all that was acknowledged before the command
began. To restore it, name it as the storage of a daemon.`),
		Example: "  gantry backup /backup/2026-11-21 --storage /srv/dicom\n  gantry serve --storage /backup/2026-11-21",
		Args:    wants("DIR"),
		RunE:    func(cmd *cobra.Command, args []string) error { return runBackup(cmd.Context(), &o, args[0]) },
	}
	cmd.ValidArgsFunction = completeNewFolder
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	cmd.Flags().BoolVarP(&o.quiet, "quiet", "q", false, "print errors only")
	return cmd
}

type backupOptions struct {
	folderOptions
	json, quiet bool
}

// backupResult is what --json shows.
type backupResult struct {
	Folder    string
	Instances int64
	Bytes     int64
	Seconds   float64
}

func runBackup(ctx context.Context, o *backupOptions, dir string) (err error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return usagef("%s is not empty; name a new folder", dir)
	}
	s, err := o.open(ctx, beside)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	began := o.env.Now()
	if err := o.copy(ctx, s, dir); err != nil || o.quiet && !o.json {
		return err
	}
	r := backupResult{Folder: dir, Seconds: o.env.Now().Sub(began).Seconds(), Bytes: folderSize(dir)}
	err = s.View(ctx, func(tx index.ReadTx) error {
		held, err := tx.Statistics()
		r.Instances = held.Instances
		return err
	})
	switch {
	case err != nil:
		return err
	case o.json:
		return writeJSON(o.env, r)
	}
	_, err = fmt.Fprintf(o.env.Stdout, "%s backed up into %s: %s in %.2f s\n", count(int(r.Instances), "instance"), dir,
		size(r.Bytes), r.Seconds)
	return err
}

// copy shows meanwhile how much there is of the copy.
func (o *backupOptions) copy(ctx context.Context, s *storage.Store, dir string) error {
	n := newNotice(&clientOptions{env: o.env, quiet: o.quiet, json: o.json})
	defer n.clear()
	ended := make(chan error, 1)
	go func() { ended <- o.copyAll(ctx, s, dir) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
			if n.w != nil {
				n.show("%s copied", size(folderSize(dir)))
			}
		}
	}
}

// copyAll copies what jobs have left behind last: the copy of the index tells a restored daemon what to keep of it.
func (o *backupOptions) copyAll(ctx context.Context, s *storage.Store, dir string) error {
	if err := s.Backup(ctx, dir); err != nil {
		return err
	}
	c, err := o.config()
	if err != nil {
		return err
	}
	_, err = daemon.BackupOutputs(ctx, c, s, dir)
	return err
}

// folderSize adds up the files below dir, as far as they can be looked at.
func folderSize(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // the rest counts
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}
