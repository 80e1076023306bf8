package daemon

import (
	"context"
	"os"
	"path/filepath"

	"gantry/internal/config"
	"gantry/internal/jobs"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// savedOutputs is the name of the folder of what jobs leave behind in a data folder.
const savedOutputs = "jobs"

// BackupOutputs copies what jobs have left behind into a backup of the store that was just made in dir, and returns the
// number of files. A job that succeeds while the backup is made may have a file in it that the restored server deletes.
func BackupOutputs(ctx context.Context, cfg *config.Config, store *storage.Store, dir string) (int, error) {
	from, err := jobFolder(cfg)
	if err != nil || !cfg.SaveJobs {
		return 0, err
	}
	done, err := jobsIn(ctx, store, jobs.Success)
	if err != nil {
		return 0, err
	}
	return jobs.CopyOutputs(ctx, from, filepath.Join(dir, savedOutputs), done)
}

// OrphanedOutputs returns the folders of files that jobs have left behind of which the store knows nothing any more.
func OrphanedOutputs(ctx context.Context, cfg *config.Config, store *storage.Store) ([]string, error) {
	dir, err := jobFolder(cfg)
	if err != nil || !cfg.SaveJobs {
		return nil, err
	}
	known, err := jobsIn(ctx, store, jobs.Success, jobs.Pending, jobs.Running, jobs.Paused, jobs.Retry)
	if err != nil {
		return nil, err
	}
	return jobs.OrphanedOutputs(dir, known)
}

// jobsIn tells the jobs of the store that are in one of the states.
func jobsIn(ctx context.Context, store *storage.Store, states ...jobs.State) (func(id string) bool, error) {
	ids := map[string]bool{}
	err := store.View(ctx, func(tx index.ReadTx) error {
		rows, err := tx.Jobs()
		for i := range rows {
			for _, state := range states {
				ids[rows[i].ID] = ids[rows[i].ID] || rows[i].State == string(state)
			}
		}
		return err
	})
	return func(id string) bool { return ids[id] }, err
}

// moveOutputs brings what jobs left behind in the data folder to TemporaryDirectory, where the options say now that it
// lies: they were changed, or a backup is restored.
func moveOutputs(ctx context.Context, cfg *config.Config, to string) error {
	from := filepath.Join(cfg.StorageDirectory, savedOutputs)
	if from == to || !cfg.SaveJobs {
		return nil
	}
	if _, err := jobs.CopyOutputs(ctx, from, to, func(string) bool { return true }); err != nil {
		return err
	}
	return os.RemoveAll(from)
}
