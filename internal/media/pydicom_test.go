package media_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/media"
	"gantry/internal/testkit"
)

// pydicom reads a medium of all samples: its DICOMDIR, and every file that it names.
func TestMediumReadByPydicom(t *testing.T) {
	t.Parallel()
	python := testkit.Pydicom(t)
	s := openStore(t)
	putFolder(t, s, testkit.Samples(t))
	dir := writeMedium(t, s, media.Options{Extended: true})
	files, err := filepath.Glob(filepath.Join(dir, "IMAGES", "*"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "fileset.py"), filepath.Join(dir, "DICOMDIR"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var read int
	if _, err := fmt.Sscanf(lines[len(lines)-1], "# %d instances", &read); err != nil || read != len(files) || read < 100 {
		t.Errorf("pydicom found %q, %d files are there", lines[len(lines)-1], len(files))
	}
	for _, line := range lines[:len(lines)-1] {
		t.Error(line)
	}
}
