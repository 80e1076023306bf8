//go:build unix

package services_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/testkit"
)

func makePipe(t *testing.T, file string) {
	t.Helper()
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// At the time limit the program is killed with all it has started.
func TestHandlerTimeLimit(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "alive")
	makePipe(t, fifo)
	s, _, got := commitWith(t, func(c *config.Config) {
		c.StorageCommitmentHandler = script(t, "sh -c 'exec 3<>"+fifo+"; sleep 600' & wait\n")
		c.StorageCommitmentHandlerTimeout = 1
	})
	if want := []uint16{0x110, 0x110, 0x110, 0x112}; !slices.Equal(got, want) {
		t.Errorf("%04X, want %04X", got, want)
	}
	if !strings.Contains(s.logged.String(), "no answer within 1s") {
		t.Error("the log does not say why")
	}
	// The pipe ends when nobody holds its other side any more.
	alive, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	if err := alive.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, alive); err != nil || n != 0 {
		t.Errorf("%d %v", n, err)
	}
}

// A process that has left the program's group and holds its output is not waited for: neither at the time limit, nor when
// the program itself has ended.
func TestHandlerWithADaemonizedChild(t *testing.T) {
	t.Parallel()
	setsid := testkit.Program(t, "setsid")
	for name, x := range map[string]struct {
		then, logged string
		limit        int
	}{
		"time limit":     {"wait", "no answer within 1s", 1},
		"program is out": {"exit 0", "it left a process behind that holds its output", 600},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pids := filepath.Join(t.TempDir(), "pids")
			makePipe(t, pids)
			s, _, got := commitWith(t, func(c *config.Config) {
				c.StorageCommitmentHandler = script(t, setsid+" sh -c 'echo $$ >"+pids+"; exec sleep 600' &\n"+
					"read pid <"+pids+"; echo $pid >"+pids+".kept; "+x.then+"\n")
				c.StorageCommitmentHandlerTimeout = x.limit
			})
			if want := []uint16{0x110, 0x110, 0x110, 0x112}; !slices.Equal(got, want) {
				t.Errorf("%04X, want %04X", got, want)
			}
			if !strings.Contains(s.logged.String(), x.logged) {
				t.Error("the log does not say why")
			}
			text, err := os.ReadFile(pids + ".kept")
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Errorf("the process had ended: %v", err)
			}
		})
	}
}

// A step that is stopped ends the program and leaves the decision to a later run.
func TestHandlerIsStopped(t *testing.T) {
	t.Parallel()
	begun := filepath.Join(t.TempDir(), "begun")
	makePipe(t, begun)
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentHandler = script(t, "echo >"+begun+"; sleep 600") })
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	refs := s.putInto(1)
	if err := ask(t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(begun); err != nil {
		t.Fatal(err)
	}
	s.restartWith(func(c *config.Config) { c.StorageCommitmentHandler = "" })
	if got := reasons(r.next(t).data); got[refs[0]] != 0 {
		t.Errorf("%04X", got)
	}
}
