package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// writer is a job that leaves a file behind.
type writer struct {
	Text   string
	handle Handle
	fails  bool
}

func (w *writer) Kind() string                { return "Writer" }
func (w *writer) Bind(h Handle)               { w.handle = h }
func (w *writer) Progress() (int, int)        { return 0, 1 }
func (w *writer) Content() any                { return nil }
func (w *writer) State() (int, []byte, error) { b, err := json.Marshal(w); return 1, b, err }

func (w *writer) Outputs() []OutputInfo {
	return []OutputInfo{{Key: "archive", Name: w.Text + ".zip", ContentType: "application/zip"}}
}

func (w *writer) Step(context.Context) (Result, error) {
	f, err := w.handle.CreateOutput("archive")
	if err != nil {
		return Result{}, err
	}
	_, err = io.WriteString(f, w.Text)
	if err = errors.Join(err, f.Close()); err == nil && w.fails {
		err = errors.New("no more room")
	}
	return Result{Done: true}, err
}

func restoreWriter(_ int, data []byte) (Job, error) {
	w := &writer{}
	return w, json.Unmarshal(data, w)
}

func writerConfig(saver Saver, dir string) Config {
	return Config{Workers: 1, HistorySize: 10, Saver: saver, OutputDir: dir, Factories: map[string]Factory{"Writer": restoreWriter}}
}

func write(t *testing.T, e *Engine, text string) string {
	t.Helper()
	info, err := e.Run(t.Context(), &writer{Text: text}, Options{})
	if err != nil || info.State != Success {
		t.Fatalf("%+v %v", info, err)
	}
	return info.ID
}

func read(t *testing.T, e *Engine, id string) string {
	t.Helper()
	out, err := e.Output(id, "archive")
	if err != nil {
		return err.Error()
	}
	defer out.Data.Close()
	b, err := io.ReadAll(out.Data)
	if err != nil || int64(len(b)) != out.Size || out.ContentType != "application/zip" {
		t.Errorf("%+v %v", out, err)
	}
	return out.Name + " " + string(b)
}

// folders are the jobs whose files lie in the folder.
func folders(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return len(list)
}

func stop(t *testing.T, e *Engine) {
	t.Helper()
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestOutputsSurviveARestart(t *testing.T) {
	t.Parallel()
	saved, dir := newMemory(), t.TempDir()
	e := start(t, writerConfig(saved, dir))
	a, b := write(t, e, "a"), write(t, e, "b")
	if got := read(t, e, a); got != "a.zip a" {
		t.Error(got)
	}
	if _, err := e.Output(a, "other"); !errors.Is(err, ErrNoOutput) {
		t.Error(err)
	}
	if err := e.DeleteOutput(b, "archive"); err != nil {
		t.Error(err)
	}
	if err := e.DeleteOutput(b, "archive"); !errors.Is(err, ErrNoOutput) {
		t.Errorf("deleted twice: %v", err)
	}
	stop(t, e)
	if err := os.MkdirAll(filepath.Join(dir, "of a job nobody knows"), 0o700); err != nil {
		t.Fatal(err)
	}
	e = start(t, writerConfig(saved, dir))
	if got := read(t, e, a) + ", " + read(t, e, b); got != "a.zip a, jobs: no such output" {
		t.Error(got)
	}
	if n := folders(t, dir); n != 1 {
		t.Errorf("%d folders, want that of one job", n)
	}
	if err := e.Remove(t.Context(), a); err != nil {
		t.Error(err)
	}
	stop(t, e)
	if n := folders(t, dir); n != 0 {
		t.Errorf("%d folders after the job was forgotten", n)
	}
}

func TestFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := start(t, writerConfig(newMemory(), dir))
	info, err := e.Run(t.Context(), &writer{Text: "x", fails: true}, Options{})
	if err != nil || info.State != Failure {
		t.Fatalf("%+v %v", info, err)
	}
	if _, err := e.Output(info.ID, "archive"); !errors.Is(err, ErrNoOutput) {
		t.Error(err)
	}
	stop(t, e)
	if n := folders(t, dir); n != 0 {
		t.Errorf("%d folders are left", n)
	}
}

// The file that was used least recently makes room; one being read stays readable.
func TestOutputLimit(t *testing.T) {
	t.Parallel()
	saved, dir := newMemory(), t.TempDir()
	cfg := writerConfig(saved, dir)
	cfg.OutputLimit = 2
	e := start(t, cfg)
	a, b := write(t, e, "a"), write(t, e, "b")
	open, err := e.Output(b, "archive")
	if err != nil {
		t.Fatal(err)
	}
	read(t, e, a)
	c := write(t, e, "c")
	if got := read(t, e, a) + ", " + read(t, e, b) + ", " + read(t, e, c); got != "a.zip a, jobs: no such output, c.zip c" {
		t.Error(got)
	}
	if text, err := io.ReadAll(open.Data); err != nil || string(text) != "b" {
		t.Errorf("the open one: %q %v", text, err)
	}
	if err := open.Data.Close(); err != nil {
		t.Error(err)
	}
	if info, ok := e.Get(b); !ok || info.State != Success {
		t.Error("the job is gone with its file")
	}
	stop(t, e)
	cfg.OutputLimit = 1
	e = start(t, cfg)
	if got := read(t, e, a) + ", " + read(t, e, c); got != "jobs: no such output, c.zip c" {
		t.Error(got)
	}
}

// Without a Saver nobody knows after a restart whose the files are.
func TestUnsavedOutputsGoWithTheEngine(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	e := start(t, writerConfig(nil, dir))
	id := write(t, e, "a")
	if got := read(t, e, id); got != "a.zip a" {
		t.Error(got)
	}
	stop(t, e)
	if n := folders(t, dir); n != 0 {
		t.Errorf("%d folders are left", n)
	}
}

// Jobs set aside are neither run nor changed, and new ones line up behind them at the next start.
func TestSetAside(t *testing.T) {
	t.Parallel()
	saved, dir := newMemory(), t.TempDir()
	e := start(t, writerConfig(saved, dir))
	done := write(t, e, "done")
	stop(t, e)
	old := submit(t, New(Config{Saver: saved}), &writer{Text: "old"}, Options{})
	cfg := writerConfig(saved, dir)
	cfg.SetAside = true
	e = start(t, cfg)
	if _, ok := e.Get(old); ok || !e.IsSetAside(old) || !e.IsSetAside(done) {
		t.Error("a job set aside is there")
	}
	fresh := write(t, e, "fresh")
	stop(t, e)
	before, after := saved.records[old], saved.records[fresh]
	if before.State != Pending || after.Seq <= before.Seq {
		t.Errorf("kept: %+v, %+v", before, after)
	}
	e = start(t, writerConfig(saved, dir))
	if info, err := e.Wait(t.Context(), old); err != nil || info.State != Success {
		t.Errorf("%+v %v", info, err)
	}
	if got := read(t, e, done) + ", " + read(t, e, fresh); got != "done.zip done, fresh.zip fresh" {
		t.Error(got)
	}
}
