package daemon_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/config"
)

// An object whose file is lost or damaged is not found by what only files tell, and spoils no search for the others.
func TestLostFilesSpoilNoSearch(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.StorageLayout = "files" })
	s.post("/instances", newObject().file(t), nil)
	var stored []string
	err := filepath.WalkDir(s.cfg.StorageDirectory, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".dcm") {
			stored = append(stored, path)
		}
		return err
	})
	if err != nil || len(stored) != 1 {
		t.Fatalf("files %q, %v", stored, err)
	}
	if err := os.Remove(stored[0]); err != nil {
		t.Fatal(err)
	}
	var kept struct{ ID string }
	s.post("/instances", newObject().file(t), &kept)
	for _, body := range []string{`{"Level": "Instance", "Query": {"SpecificCharacterSet": "*"}}`,
		`{"Level": "Instance", "Query": {}, "RequestedTags": ["SpecificCharacterSet"], "Expand": true}`} {
		status, text := do(t, http.MethodPost, s.url+"/tools/find", []byte(body))
		if status != http.StatusOK || !strings.Contains(string(text), kept.ID) {
			t.Errorf("%s: status %d: %s", body, status, text)
		}
	}
}
