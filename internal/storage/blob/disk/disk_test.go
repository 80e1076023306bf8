package disk

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gantry/internal/storage/blob"
)

func create(t *testing.T) (File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	f, err := OS{}.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, path
}

// Many slices are written as one, also more than a system call takes.
func TestWriteAtGathers(t *testing.T) {
	t.Parallel()
	f, path := create(t)
	var bufs [][]byte
	var want []byte
	for i := range 3000 {
		b := bytes.Repeat([]byte{byte(i)}, i%7)
		bufs, want = append(bufs, b), append(want, b...)
	}
	if err := f.WriteAt(5, bufs...); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, slices.Concat(make([]byte, 5), want)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Room is taken without changing what can be read, zeroed and given back.
func TestRoom(t *testing.T) {
	t.Parallel()
	f, _ := create(t)
	data := bytes.Repeat([]byte("x"), 3<<20)
	steps := []error{
		f.WriteAt(0, data),
		f.Allocate(0, 4<<20),
		f.Zero(1<<20, 1<<20),
		f.Flush(1<<20, 1<<20),
		f.Punch(2<<20, 1<<20),
		f.Sync(),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4<<20)
	if n, err := f.ReadAt(got, 0); n != len(got) || err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("%d, %v", n, err)
	}
	if !bytes.Equal(got[:1<<20], data[:1<<20]) || !bytes.Equal(got[1<<20:], make([]byte, 3<<20)) {
		t.Error("other bytes than written, zeroed and punched")
	}
	if size, err := f.Size(); size != 4<<20 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
}

// A file is replaced as a whole, over what an interrupted try has left.
func TestWriteFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path+".new", []byte("left behind by a cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two, longer", ""} {
		if err := WriteFile(OS{}, path, []byte(text), []byte("!")); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadFile(OS{}, path); string(got) != text+"!" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	infos, err := OS{}.List(filepath.Dir(path))
	if err != nil || len(infos) != 1 || infos[0].Name != "file" || infos[0].Size != 1 {
		t.Errorf("%v, %v", infos, err)
	}
}

func TestLockFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = LockFolder(dir)
	var locked *blob.LockedError
	if !errors.As(err, &locked) || locked.Dir != dir {
		t.Errorf("second lock: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if l, err = LockFolder(dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "VERSION")
	if v, err := Version(OS{}, path, 3); v != 0 || err != nil {
		t.Errorf("none: %d, %v", v, err)
	}
	for text, want := range map[string]int{"1\n": 1, "3": 3, "4\n": -1, "": -1, "x": -1, "-1": -1} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := Version(OS{}, path, 3)
		if want > 0 && (v != want || err != nil) || want < 0 && err == nil {
			t.Errorf("%q: %d, %v", text, v, err)
		}
		var newer *blob.VersionError
		if text == "4\n" && !errors.As(err, &newer) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
