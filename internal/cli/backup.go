package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func newBackupCommand(env *Env) *cobra.Command {
	o := backupOptions{folderOptions: folderOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy a data folder consistently, also while the daemon runs",
		Long: long(`Copy the whole data folder, index included, into DIR, which must be empty or not exist. The copy is consistent although
a daemon may be running: it holds all that was acknowledged before the command began. To restore it, name it as the storage
of a daemon.`),
		Example: "  gantry backup /backup/2026-11-21 --storage /srv/dicom\n  gantry serve --storage /backup/2026-11-21",
		Args:    wants("DIR"),
		RunE:    func(cmd *cobra.Command, args []string) error { return runBackup(cmd.Context(), &o, args[0]) },
	}
	o.register(cmd)
	cmd.Flags().BoolVarP(&o.quiet, "quiet", "q", false, "print errors only")
	return cmd
}

type backupOptions struct {
	folderOptions
	quiet bool
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
	if err := s.Backup(ctx, dir); err != nil {
		return err
	}
	if !o.quiet {
		_, err = fmt.Fprintf(o.env.Stdout, "backup complete: %s\n", dir)
	}
	return err
}
