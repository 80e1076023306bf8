package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// CopyOutputs copies the files of the jobs to keep from one output folder to another, which is made if there are any,
// and returns how many it copied. Those that are deleted meanwhile are left out.
func CopyOutputs(ctx context.Context, from, to string, keep func(id string) bool) (files int, err error) {
	jobs, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, job := range jobs {
		if !job.IsDir() || !keep(job.Name()) {
			continue
		}
		n, jobErr := copyFolder(ctx, filepath.Join(from, job.Name()), filepath.Join(to, job.Name()))
		files, err = files+n, errors.Join(err, jobErr)
	}
	if err != nil {
		return files, fmt.Errorf("jobs: copy what jobs left behind: %w", err)
	}
	if files > 0 {
		_ = syncFile(to, os.O_RDONLY) // a folder cannot be synced on every system
	}
	return files, nil
}

func copyFolder(ctx context.Context, from, to string) (files int, err error) {
	list, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, f := range list {
		if !f.Type().IsRegular() {
			continue
		}
		if err := ctx.Err(); err != nil {
			return files, err
		}
		switch fileErr := copyFile(filepath.Join(from, f.Name()), to, f.Name()); {
		case errors.Is(fileErr, fs.ErrNotExist):
		case fileErr != nil:
			err = errors.Join(err, fileErr)
		default:
			files++
		}
	}
	_ = syncFile(to, os.O_RDONLY)
	return files, err
}

// copyFile makes a durable copy, with the time of the original.
func copyFile(from, dir, name string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, name)
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if info, err := in.Stat(); err == nil {
		_ = os.Chtimes(path, info.ModTime(), info.ModTime())
	}
	return nil
}

// OrphanedOutputs returns the folders of jobs below dir that are not to be kept; an engine deletes them when it starts.
func OrphanedOutputs(dir string, keep func(id string) bool) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("jobs: look at what jobs left behind: %w", err)
	}
	var orphans []string
	for _, d := range list {
		if !keep(d.Name()) {
			orphans = append(orphans, filepath.Join(dir, d.Name()))
		}
	}
	return orphans, nil
}
