package sqlite

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/gzip"

	"gantry/internal/storage/blob/disk"
)

// empty is a database without rows, as the steps of formats make it, in WAL mode. Written as it is, it saves the first
// start some fifty statements and their syncs. One of an older format does as well: it is brought forward.
//
//go:generate go run gantry/internal/tools/genindex -out empty.db.gz
//go:embed empty.db.gz
var empty []byte

// create makes the file, all of it or none. It leaves to SQLite a file that is there, and a journal without its file.
func create(o Options) error {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		if _, err := os.Lstat(o.File + suffix); !errors.Is(err, fs.ErrNotExist) {
			return nil // whatever is wrong with it is told by who opens it
		}
	}
	image, err := emptyDatabase()
	if err != nil {
		return err
	}
	if !o.NoSync {
		return openError(o.File, disk.WriteFile(disk.OS{}, o.File, image))
	}
	temp := o.File + ".new"
	if err := os.WriteFile(temp, image, 0o600); err != nil {
		return openError(o.File, errors.Join(err, os.Remove(temp)))
	}
	return openError(o.File, os.Rename(temp, o.File))
}

func emptyDatabase() ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(empty))
	if err != nil {
		return nil, fmt.Errorf("index: unpack the empty database: %w", err)
	}
	image, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("index: unpack the empty database: %w", err)
	}
	return image, nil
}
