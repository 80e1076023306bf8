package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An entry that says to be a folder and is none by its name is neither written nor let past the limit.
func TestFolderThatIsAFileIsRefused(t *testing.T) {
	t.Parallel()
	dir, archive := t.TempDir(), filepath.Join(t.TempDir(), "x.zip")
	hostile(t, archive, func(w *zip.Writer) {
		h := &zip.FileHeader{Name: "folder", Method: zip.Deflate}
		h.SetMode(0o755 | fs.ModeDir)
		entry(t, w, h, strings.Repeat("0", 4<<20))
		entry(t, w, &zip.FileHeader{Name: "good"}, "good")
	})
	x := &extraction{dir: dir, force: true}
	extract(t, x, archive)
	if left, _ := os.ReadDir(dir); x.files != 1 || len(x.refused) != 1 || len(left) != 1 {
		t.Errorf("%d files, refused %v, left %v", x.files, x.refused, left)
	}
}

// damaged changes the record of the last entry in the directory of an archive, at an offset.
func damaged(t *testing.T, archive string, at int, b ...byte) {
	t.Helper()
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[bytes.LastIndex(data, []byte("PK\x01\x02"))+at:], b)
	if err := os.WriteFile(archive, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Whatever is wrong with an entry is said of it, nothing of it stays, and the others are there.
func TestDamagedEntriesAreRefused(t *testing.T) {
	t.Parallel()
	size := func(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
	for name, c := range map[string]struct {
		at     int
		to     []byte
		reason string
	}{
		"encrypted":            {8, []byte{1}, "encrypted"},
		"unknown method":       {10, []byte{99, 0}, "algorithm"},
		"broken CRC":           {16, size(1), "damaged"},
		"smaller than it says": {24, size(200_000), "damaged"},
		"larger than it says":  {24, size(5), "damaged"},
		"cut":                  {20, size(20), "damaged"},
		"beyond the end":       {42, size(1 << 30), "EOF"},
		"of no size":           {24, size(0), "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, archive := t.TempDir(), filepath.Join(t.TempDir(), "x.zip")
			hostile(t, archive, func(w *zip.Writer) {
				entry(t, w, &zip.FileHeader{Name: "good"}, "good")
				entry(t, w, &zip.FileHeader{Name: "bad", Method: zip.Deflate}, strings.Repeat("0123456789", 10_000))
			})
			damaged(t, archive, c.at, c.to...)
			x := &extraction{dir: dir}
			extract(t, x, archive)
			left, _ := os.ReadDir(dir)
			if x.files != 1 || len(x.refused) != 1 || len(left) != 1 || !strings.Contains(x.refused[0].Reason, c.reason) {
				t.Errorf("%d files, refused %v, left %v", x.files, x.refused, left)
			}
		})
	}
}

// An archive cannot leave what a later download would go on with.
func TestOwnNamesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive := filepath.Join(dir, passingName+"0123.zip")
	hostile(t, archive, func(w *zip.Writer) {
		for _, end := range []string{"0123.zip", "0123.zip.job", "0123.zip.6f6e65.part", "ffff.zip.part"} {
			entry(t, w, &zip.FileHeader{Name: passingName + end}, "{}")
			entry(t, w, &zip.FileHeader{Name: strings.ToUpper(passingName + end)}, "{}")
		}
		entry(t, w, &zip.FileHeader{Name: "a/" + passingName}, "not there")
	})
	x := &extraction{dir: dir, force: true}
	extract(t, x, archive)
	if x.files != 1 || len(x.refused) != 8 {
		t.Errorf("%d files, refused %v", x.files, x.refused)
	}
}

// Who breaks off does not wait for the end of a file, and finds no part of it.
func TestExtractionIsBrokenOffWithinAFile(t *testing.T) {
	t.Parallel()
	dir, archive := t.TempDir(), filepath.Join(t.TempDir(), "x.zip")
	hostile(t, archive, func(w *zip.Writer) {
		entry(t, w, &zip.FileHeader{Name: "large", Method: zip.Deflate}, strings.Repeat("0", 1<<20))
	})
	r, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	broken := errors.New("broken off")
	cancel(broken)
	x := &extraction{dir: dir, limit: 1 << 30, taken: map[string]bool{}}
	if err := x.entry(ctx, root, r.File[0]); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	if err := errors.Join(r.Close(), root.Close()); err != nil {
		t.Error(err)
	}
}
