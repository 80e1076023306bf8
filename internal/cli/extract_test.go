package cli

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostile writes an archive with entries that a good one does not have.
func hostile(t *testing.T, file string, add func(*zip.Writer)) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add(w)
	if err := errors.Join(w.Close(), os.WriteFile(file, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func entry(t *testing.T, w *zip.Writer, h *zip.FileHeader, content string) {
	t.Helper()
	f, err := w.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
}

func extract(t *testing.T, x *extraction, archive string) {
	t.Helper()
	if x.limit == 0 {
		x.limit = 1 << 20
	}
	x.show = &notice{}
	if err := x.run(t.Context(), archive); err != nil {
		t.Fatal(err)
	}
}

func TestHostileNamesAreRefused(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "a", "b")
	outside := filepath.Join(top, "outside")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Mkdir(outside, 0o755)); err != nil {
		t.Fatal(err)
	}
	linked := os.Symlink(outside, filepath.Join(dir, "link")) == nil
	names := []string{"../up", "a/../../up", "/etc/passwd", `..\up`, `C:\x`, "C:x", "x/./y", "", "a//b", "NUL", "com1.txt", "LPT¹", "dot.", "space ",
		"nul\x00byte", "line\nbreak", "a/..", strings.Repeat("n", 2000), strings.Repeat("n", 300), "what?", "bad\xffutf8"}
	if linked {
		names = append(names, "link/x")
	}
	archive := filepath.Join(top, "x.zip")
	hostile(t, archive, func(w *zip.Writer) {
		for _, name := range names {
			entry(t, w, &zip.FileHeader{Name: name}, "hostile")
		}
		link := &zip.FileHeader{Name: "symlink"}
		link.SetMode(0o777 | fs.ModeSymlink)
		entry(t, w, link, "/etc/passwd")
		device := &zip.FileHeader{Name: "device"}
		device.SetMode(0o666 | fs.ModeDevice | fs.ModeCharDevice)
		entry(t, w, device, "")
		entry(t, w, &zip.FileHeader{Name: "good/file.dcm"}, "good")
		entry(t, w, &zip.FileHeader{Name: "GOOD/FILE.DCM"}, "the same on some systems")
		entry(t, w, &zip.FileHeader{Name: "good/file.dcm/below"}, "a file is no folder")
	})
	x := &extraction{dir: dir}
	extract(t, x, archive)
	if want := len(names) + 4; x.files != 1 || len(x.refused) != want {
		t.Errorf("%d files, %d refused of %d: %q", x.files, len(x.refused), want, x.refused)
	}
	var found []string
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && path != archive {
			found = append(found, path)
		}
		return err
	})
	if len(found) != 1 || found[0] != filepath.Join(dir, "good", "file.dcm") {
		t.Errorf("files there are now: %q", found)
	}
}

func TestExtractionHasALimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive := filepath.Join(t.TempDir(), "x.zip")
	hostile(t, archive, func(w *zip.Writer) {
		entry(t, w, &zip.FileHeader{Name: "one", Method: zip.Deflate}, strings.Repeat("0", 600<<10))
		entry(t, w, &zip.FileHeader{Name: "bomb", Method: zip.Deflate}, strings.Repeat("0", 600<<10))
		entry(t, w, &zip.FileHeader{Name: "small"}, "fits")
	})
	x := &extraction{dir: dir}
	extract(t, x, archive)
	if x.files != 2 || len(x.refused) != 1 || x.refused[0].Name != "bomb" {
		t.Errorf("%d files, refused: %v", x.files, x.refused)
	}
}

// An entry that says less than it holds is damaged, and nothing of it stays.
func TestForgedSizeIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive := filepath.Join(t.TempDir(), "x.zip")
	hostile(t, archive, func(w *zip.Writer) {
		entry(t, w, &zip.FileHeader{Name: "forged", Method: zip.Deflate}, strings.Repeat("0", 100<<10))
	})
	b, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(b, []byte("PK\x01\x02")) + 24 // the uncompressed size in the directory
	copy(b[at:], []byte{10, 0, 0, 0})
	if err := os.WriteFile(archive, b, 0o600); err != nil {
		t.Fatal(err)
	}
	x := &extraction{dir: dir}
	extract(t, x, archive)
	if left, _ := os.ReadDir(dir); x.files != 0 || len(x.refused) != 1 || len(left) != 0 {
		t.Errorf("%d files, refused %v, left %v", x.files, x.refused, left)
	}
}

func TestIsIDStart(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"66c8": true, "66C8E41E": true, "66c8e41e-ac3": true, "66c": false, "66c8e41eac3": false,
		"66c8-e41e": false, "1.2.3.4": false, "PATIENT": false, "": false, "66c8e41e-": true} {
		if isIDStart(name) != want {
			t.Errorf("%q", name)
		}
	}
}
