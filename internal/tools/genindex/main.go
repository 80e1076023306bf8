// Command genindex makes the empty database that a new index starts as, from the steps of its formats.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"gantry/internal/storage/index/sqlite"
)

func main() {
	out := flag.String("out", "empty.db.gz", "file to write")
	flag.Parse()
	if err := run(context.Background(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "genindex:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	dir, err := os.MkdirTemp("", "genindex")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	image, err := vacuumed(ctx, dir)
	if err != nil {
		return err
	}
	image[18], image[19] = 2, 2 // the database is in WAL mode: https://sqlite.org/fileformat.html, 1.3.3
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(image); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(out, packed.Bytes(), 0o644)
}

// vacuumed takes a database through all steps and gives a copy without what they left behind.
func vacuumed(ctx context.Context, dir string) (_ []byte, err error) {
	file, copied := filepath.Join(dir, "index.db"), filepath.Join(dir, "copy.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil { // one that is there is taken through the steps
		return nil, err
	}
	x, err := sqlite.Open(ctx, sqlite.Options{File: file})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(x.Backup(ctx, copied), x.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(copied)
}
