package dicomjson_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/testkit"
)

// pydicomRefuses is a sample with an Integer String that is no number: the model says so, and pydicom does not take it.
const pydicomRefuses = "badVR.dcm"

// pydicom finds in the DICOM JSON Model (PS3.18 F.2) of every sample what it finds in the sample.
func TestModelReadByPydicom(t *testing.T) {
	t.Parallel()
	python := testkit.Pydicom(t)
	var list bytes.Buffer
	written, dir := 0, t.TempDir()
	err := filepath.WalkDir(testkit.Samples(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == pydicomRefuses {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var model bytes.Buffer
		f, err := codec.OpenFileBytes(data, codec.Limits{})
		if err != nil || dicomjson.WriteModel(&model, f.Reader, dicomjson.Options{}) != nil {
			return nil //nolint:nilerr // the codec's tests say which samples are no DICOM files, or damaged
		}
		file := filepath.Join(dir, fmt.Sprint(written))
		written++
		_, _ = fmt.Fprintf(&list, "%s\t%s\n", path, file)
		return os.WriteFile(file, model.Bytes(), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "compare.py"))
	cmd.Stdin, cmd.Stderr = &list, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			t.Log(line)
		} else {
			t.Error(line)
		}
	}
}
