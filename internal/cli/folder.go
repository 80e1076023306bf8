package cli

import (
	"context"
	"log/slog"

	"gantry/internal/config"
	"gantry/internal/daemon"
	"gantry/internal/storage"

	"github.com/spf13/cobra"
)

// folderOptions say which data folder a command works on.
type folderOptions struct {
	env     *Env
	files   []string
	storage string
	verbose bool
}

func (o *folderOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.storage, "storage", "s", "", "the data folder (default: as for \"gantry serve\")")
	f.StringArrayVarP(&o.files, "config", "c", nil, "configuration `file` or folder of the daemon; may be repeated")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log what happens to standard error")
	completeFlag(cmd, "storage", completeFolder)
}

// open opens the data folder; mode is given the options to say how.
func (o *folderOptions) open(ctx context.Context, mode func(*storage.Options)) (*storage.Store, error) {
	c, err := o.config()
	if err != nil {
		return nil, err
	}
	if err := exists(c.StorageDirectory); err != nil {
		return nil, err
	}
	options := daemon.StorageOptions(c, o.logger())
	mode(&options)
	return storage.Open(ctx, options)
}

// config is what a daemon would run with.
func (o *folderOptions) config() (*config.Config, error) {
	var flags []config.Setting
	if o.storage != "" {
		flags = append(flags, config.Setting{Path: []string{"StorageDirectory"}, Value: o.storage, Source: "--storage"})
	}
	c, _, err := config.Load(config.Options{Files: o.files, Env: o.env.Environ, Settings: flags, Keyword: keywordOfTag})
	return c, err
}

// beside opens the folder for reading, also while a daemon uses it.
func beside(o *storage.Options) { o.ReadOnly = true }

func (o *folderOptions) logger() *slog.Logger { return logger(o.env, o.verbose) }
