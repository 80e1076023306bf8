package jobs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Outputter is a job that leaves files behind. It writes them in its steps through [Handle.CreateOutput]; from then on
// they are the engine's: durable before the success of the job is, there after a restart, and deleted when the job
// fails, is forgotten or deleted, or when [Config.OutputLimit] younger ones have come.
type Outputter interface {
	// Outputs describes the files. It is asked when the job has succeeded, and of a job that was restored from the state
	// it had then.
	Outputs() []OutputInfo
}

// OutputInfo describes a file that a job leaves behind.
type OutputInfo struct {
	Key         string // the last segment of GET /jobs/{id}/{key}: one of the program's own words, never received text
	Name        string // suggested file name
	ContentType string
}

// Output is an open file that a job left behind. It stays readable when the job is forgotten meanwhile.
type Output struct {
	OutputInfo
	Size     int64
	Modified time.Time
	Data     io.ReadSeekCloser
}

// CreateOutput opens the file of a key for writing, and makes it if it is not there; what a step before a crash has
// written is still in it. The job closes it when a step ends. Only a step may call it.
func (h Handle) CreateOutput(key string) (*os.File, error) {
	return h.e.outputs.create(h.en.rec.ID, key)
}

// Output opens a file that a successful job left behind, or returns [ErrUnknown] or [ErrNoOutput]. Nothing waits for
// whoever reads it.
func (e *Engine) Output(id, key string) (Output, error) {
	info, err := e.findOutput(id, key)
	if err != nil {
		return Output{}, err
	}
	return e.outputs.open(id, info)
}

// DeleteOutput gives up a file that a successful job left behind, or returns [ErrUnknown] or [ErrNoOutput].
func (e *Engine) DeleteOutput(id, key string) error {
	if _, err := e.findOutput(id, key); err != nil {
		return err
	}
	if err := e.outputs.remove(id, key); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if en, ok := e.entries[id]; ok { // one file fewer of those that make room for each other
		en.outputs = slices.DeleteFunc(slices.Clone(en.outputs), func(o OutputInfo) bool { return o.Key == key })
	}
	return nil
}

// findOutput returns what is known of a file, and notes that somebody has use for it.
func (e *Engine) findOutput(id, key string) (OutputInfo, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	en, ok := e.entries[id]
	if !ok {
		return OutputInfo{}, ErrUnknown
	}
	if en.rec.State != Success || en.evicted {
		return OutputInfo{}, ErrNoOutput
	}
	e.describeOutputs(en)
	i := slices.IndexFunc(en.outputs, func(o OutputInfo) bool { return o.Key == key })
	if i < 0 {
		return OutputInfo{}, ErrNoOutput
	}
	en.used = time.Now()
	return en.outputs[i], nil
}

// describeOutputs asks a job that was restored what it left behind. Engine.mu is held.
func (e *Engine) describeOutputs(en *entry) {
	if en.outputs != nil || len(en.rec.Data) == 0 || e.revive(en) != nil {
		return
	}
	if out, ok := en.job.(Outputter); ok {
		en.outputs = out.Outputs()
	}
	en.job = nil
}

// evictOutputs deletes the files that were not used for the longest time, beyond the limit. Engine.mu is held.
func (e *Engine) evictOutputs() {
	if e.cfg.OutputLimit <= 0 {
		return
	}
	var holders []*entry
	for _, en := range e.history {
		if len(en.outputs) > 0 && !en.evicted {
			holders = append(holders, en)
		}
	}
	slices.SortStableFunc(holders, func(a, b *entry) int { return a.used.Compare(b.used) })
	for _, en := range holders[:max(len(holders)-e.cfg.OutputLimit, 0)] {
		en.evicted = true
		e.dropOutputs(en.rec.ID)
	}
}

// dropOutputs deletes all files of a job, large ones too, without anybody waiting for it. Engine.mu is held.
func (e *Engine) dropOutputs(id string) {
	e.active.Go(func() {
		if err := e.outputs.drop(id); err != nil {
			e.log.Error("files that a job left behind cannot be deleted; the next start tries again", "job", id, "error", err)
		}
	})
}

// outputFolder holds a folder for each job that has files.
type outputFolder struct{ dir string }

func (f outputFolder) path(id, key string) (string, error) {
	if f.dir == "" || !filepath.IsLocal(key) || key != filepath.Base(key) || id != filepath.Base(id) {
		return "", ErrNoOutput
	}
	return filepath.Join(f.dir, id, key), nil
}

func (f outputFolder) create(id, key string) (*os.File, error) {
	path, err := f.path(id, key)
	if err != nil {
		return nil, fmt.Errorf("jobs: no folder for what jobs leave behind: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("jobs: output: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("jobs: output: %w", err)
	}
	return file, nil
}

func (f outputFolder) open(id string, info OutputInfo) (Output, error) {
	path, err := f.path(id, info.Key)
	if err != nil {
		return Output{}, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Output{}, ErrNoOutput
	}
	if err != nil {
		return Output{}, fmt.Errorf("jobs: output: %w", err)
	}
	stat, err := file.Stat()
	if err != nil {
		return Output{}, errors.Join(fmt.Errorf("jobs: output: %w", err), file.Close())
	}
	return Output{OutputInfo: info, Size: stat.Size(), Modified: stat.ModTime(), Data: file}, nil
}

func (f outputFolder) remove(id, key string) error {
	path, err := f.path(id, key)
	if err != nil {
		return err
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoOutput
	}
	_ = os.Remove(filepath.Dir(path)) // it holds other files otherwise
	return err
}

func (f outputFolder) drop(id string) error {
	if f.dir == "" || id != filepath.Base(id) {
		return nil
	}
	return os.RemoveAll(filepath.Join(f.dir, id))
}

// sync makes the files of a job durable.
func (f outputFolder) sync(id string, outputs []OutputInfo) error {
	for _, o := range outputs {
		path, err := f.path(id, o.Key)
		if err != nil {
			return err
		}
		if err := syncFile(path, os.O_RDWR); err != nil {
			return fmt.Errorf("jobs: output %s: %w", o.Key, err)
		}
	}
	for _, dir := range []string{filepath.Join(f.dir, id), f.dir} {
		_ = syncFile(dir, os.O_RDONLY) // a folder cannot be synced on every system
	}
	return nil
}

func syncFile(path string, flag int) error {
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// sweep deletes the files of all jobs but those to keep.
func (f outputFolder) sweep(keep func(id string) bool) error {
	if f.dir == "" {
		return nil
	}
	list, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, d := range list {
		if !keep(d.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(f.dir, d.Name())))
		}
	}
	return err
}

// keepOutputs makes what a job leaves behind durable before its success is. It runs in the job's own goroutine.
func (e *Engine) keepOutputs(en *entry) error {
	out, ok := en.job.(Outputter)
	if !ok {
		return nil
	}
	outputs := out.Outputs()
	if err := e.outputs.sync(en.rec.ID, outputs); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	en.outputs = outputs
	return nil
}

// holds reports whether a job has left files behind.
func (f outputFolder) holds(id string) bool {
	if f.dir == "" || id != filepath.Base(id) {
		return false
	}
	_, err := os.Stat(filepath.Join(f.dir, id))
	return err == nil
}
