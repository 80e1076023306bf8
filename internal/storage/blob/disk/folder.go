package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gantry/internal/storage/blob"
)

var errLocked = errors.New("disk: locked")

// Lock is a folder held by this process. The operating system lets go of it
// when the process ends, however it ends.
type Lock struct{ f *os.File }

// LockFolder takes the folder, or returns *blob.LockedError at once.
func LockFolder(dir string) (*Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, WriteError("lock the folder "+dir, err)
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		if errors.Is(err, errLocked) {
			return nil, &blob.LockedError{Dir: dir}
		}
		return nil, fmt.Errorf("blob: lock the folder %s: %w", dir, err)
	}
	return &Lock{f}, nil
}

// Unlock lets go of the folder. A nil Lock holds nothing.
func (l *Lock) Unlock() error {
	if l == nil {
		return nil
	}
	// Closing alone would not do while a process just forked holds a copy of the descriptor.
	return errors.Join(unlockFile(l.f), l.f.Close())
}

// Version reads the number in a version file, 0 when there is none. A number
// above known is a *blob.VersionError.
func Version(fsys FS, path string, known int) (int, error) {
	text, err := ReadFile(fsys, path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("blob: read the version file: %w", err)
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || v < 1 {
		return 0, fmt.Errorf("blob: %s does not hold a format version", path)
	}
	if v > known {
		return 0, &blob.VersionError{Path: path, Found: v, Known: known}
	}
	return v, nil
}

// ReadFile reads a whole small file.
func ReadFile(fsys FS, path string) ([]byte, error) {
	f, err := fsys.Open(path, false)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, f.Close())
	}
	return b, f.Close()
}

// WriteFile replaces a file durably: written under another name, synced,
// renamed, the folder synced. After a cut the file is the old or the new one.
func WriteFile(fsys FS, path string, content ...[]byte) error {
	temp := path + ".new"
	if err := fsys.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := fsys.Create(temp)
	if err != nil {
		return err
	}
	err = f.WriteAt(0, content...)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, fsys.Remove(temp))
	}
	if err := fsys.Rename(temp, path); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(path))
}

// WriteError names what failed in terms of package blob: ErrFull, ErrReadOnly
// or the error itself.
func WriteError(what string, err error) error {
	switch {
	case IsFull(err):
		return fmt.Errorf("%w: %s: %w", blob.ErrFull, what, err)
	case IsReadOnly(err):
		return fmt.Errorf("%w: %s: %w", blob.ErrReadOnly, what, err)
	}
	return fmt.Errorf("blob: %s: %w", what, err)
}
