package daemon_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/config"
	"gantry/internal/daemon"
	"gantry/internal/storage"
)

// The archive that a job has left behind is in a backup, also of a running daemon, and in what is restored from it,
// wherever that keeps them; files of jobs that are gone are found, and deleted by the next start.
func TestArchivesAreBackedUp(t *testing.T) {
	t.Parallel()
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	s := start(t, func(cfg *config.Config) { cfg.StorageDirectory = dir })
	study, _ := fill(t, s.url, 2)
	var job struct{ ID, State string }
	s.post("/studies/"+study+"/archive", []byte(`{"Asynchronous":true}`), &job)
	eventually(t, "the end of the job", func() bool { s.get("/jobs/"+job.ID, &job); return job.State == "Success" })
	_, archive := do(t, http.MethodGet, s.url+"/jobs/"+job.ID+"/archive", nil)
	gone := filepath.Join(dir, "jobs", "of a job that is gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}

	cfg := testConfig(dir)
	store, err := storage.Open(t.Context(), storage.Options{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if orphans, err := daemon.OrphanedOutputs(t.Context(), cfg, store); err != nil || len(orphans) != 1 || orphans[0] != gone {
		t.Errorf("orphans %v, %v", orphans, err)
	}
	if err := store.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if n, err := daemon.BackupOutputs(t.Context(), cfg, store, copied); err != nil || n != 1 {
		t.Errorf("%d files copied, %v", n, err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	for _, temporary := range []string{"", t.TempDir()} {
		restored := start(t, func(cfg *config.Config) { cfg.StorageDirectory, cfg.TemporaryDirectory = copied, temporary })
		if status, got := do(t, http.MethodGet, restored.url+"/jobs/"+job.ID+"/archive", nil); status != 200 || !bytes.Equal(got, archive) {
			t.Errorf("in folder %q: %d, %d bytes of %d", temporary, status, len(got), len(archive))
		}
		if err := restored.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(copied, "jobs")); !os.IsNotExist(err) {
		t.Errorf("the archive was copied, not moved: %v", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	start(t, func(cfg *config.Config) { cfg.StorageDirectory = dir })
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Errorf("what a job left behind that is gone stays: %v", err)
	}
}
