package seglog

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
	"gantry/internal/testkit"
)

// childVariable makes the test binary a writer: its value is the folder, and how
// many goroutines write how many objects each.
const childVariable = "SEGLOG_TEST_CHILD"

// TestChild is not a test but the process that the others start and kill. It
// prints a line for every object once its ticket has been waited for.
func TestChild(t *testing.T) {
	var writers, objects uint64
	var dir string
	if n, _ := fmt.Sscanf(os.Getenv(childVariable), "%d %d %s", &writers, &objects, &dir); n != 3 {
		t.Skip("only run by other tests, in a process of its own")
	}
	opt := small(t)
	s := openAt(t, dir, opt)
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := range objects {
				seed := g*1000 + i
				ref := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(seed))
				if _, err := fmt.Fprintf(os.Stdout, "ack %s %d %d\n", ref.Key, ref.Seq, seed); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func child(t *testing.T, writers, objects int, dir string, prefix ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(prefix, exe, "-test.run=^TestChild$", "-test.count=1")
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %s", childVariable, writers, objects, dir))
	return cmd
}

// kill -9 at some moment, several times over: all that was acknowledged is there.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := map[blob.Ref]uint64{}
	for round := range 5 {
		cmd := child(t, 4, 10000, dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, acks := bufio.NewScanner(out), 0
		for lines.Scan() {
			var key string
			var seq, seed uint64
			if n, _ := fmt.Sscanf(lines.Text(), "ack %s %d %d", &key, &seq, &seed); n != 3 {
				continue
			}
			k, err := blob.ParseKey(key)
			if err != nil {
				t.Fatal(err)
			}
			want[blob.Ref{Key: k, Seq: seq}] = seed
			if acks++; acks == 20+round*37 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Error("the child ended by itself")
		}
		s := openAt(t, dir, small(t))
		for ref, seed := range want {
			blobtest.Want(t, s, ref, payloadOf(seed))
		}
		for ref := range blobtest.Rebuild(t, s) {
			b, err := s.Open(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Verify(t.Context()); err != nil {
				t.Error(err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

var (
	traceRecord = regexp.MustCompile(`pwrite(64|v)\(.*"GNRC`)
	traceSynced = regexp.MustCompile(`(fdatasync\(\d+\)|fdatasync resumed>\)) += 0`)
	traceBegun  = regexp.MustCompile(`fdatasync\(\d+`)
	traceAck    = regexp.MustCompile(`write\(1, "ack `)
)

// The order of system calls: record written, then a sync begun and ended, then
// the acknowledgement.
func TestSyncBeforeAcknowledgement(t *testing.T) {
	t.Parallel()
	strace := testkit.Program(t, "strace")
	dir := t.TempDir()
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := child(t, 1, 20, dir, strace, "-f", "-s", "16", "-e", "trace=pwrite64,pwritev,fdatasync,write", "-o", trace)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	acks := 0
	written, begun, synced := false, false, false
	for lines := bufio.NewScanner(io.LimitReader(f, 64<<20)); lines.Scan(); {
		line := lines.Text()
		switch {
		case traceRecord.MatchString(line):
			written, begun, synced = true, false, false
		case traceAck.MatchString(line):
			if !written || !synced {
				t.Errorf("acknowledged before the sync: %s", line)
			}
			acks++
			written, begun, synced = false, false, false
		}
		if traceBegun.MatchString(line) && written {
			begun = true
		}
		if traceSynced.MatchString(line) && begun {
			synced = true
		}
	}
	if acks != 20 {
		t.Errorf("%d acknowledgements traced, want 20 (%s)", acks, strings.Join(cmd.Args, " "))
	}
}
