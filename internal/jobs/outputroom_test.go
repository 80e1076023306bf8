package jobs

import (
	"errors"
	"testing"
)

// A file that was given up leaves its room to others: no younger one makes another go.
func TestADeletedOutputMakesRoom(t *testing.T) {
	t.Parallel()
	cfg := writerConfig(newMemory(), t.TempDir())
	cfg.OutputLimit = 2
	e := start(t, cfg)
	a, b := write(t, e, "a"), write(t, e, "b")
	if err := e.DeleteOutput(b, "archive"); err != nil {
		t.Fatal(err)
	}
	c := write(t, e, "c")
	if got := read(t, e, a) + ", " + read(t, e, b) + ", " + read(t, e, c); got != "a.zip a, jobs: no such output, c.zip c" {
		t.Error(got)
	}
	if err := e.DeleteOutput(b, "archive"); !errors.Is(err, ErrNoOutput) {
		t.Errorf("once more: %v", err)
	}
}
