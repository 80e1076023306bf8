package storage_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// The child of the crash test: it stores objects in the folder named by its environment until it is killed, and prints
// the id of each one that was answered.
const crashDir, crashLayout, crashRun = "GANTRY_TEST_CRASH_DIR", "GANTRY_TEST_CRASH_LAYOUT", "GANTRY_TEST_CRASH_RUN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if os.Getenv(crashWork) != "" {
			workUntilKilled(dir, os.Getenv(crashLayout), os.Getenv(crashRun))
		}
		storeUntilKilled(dir, os.Getenv(crashLayout), os.Getenv(crashRun))
	}
	os.Exit(m.Run())
}

func storeUntilKilled(dir, layout, run string) {
	s, err := storage.Open(context.Background(), storage.Options{Dir: dir, Layout: layout, SegmentSize: 1 << 20,
		Overwrite: storage.OverwriteAlways})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				o := ct(fmt.Sprint(run, w), 1, i/20, i%200) // some come again and replace the first
				rs, err := s.Put(context.Background(), o.received(quiet{}))
				mu.Lock()
				if err != nil {
					fmt.Println("error", err)
				} else {
					fmt.Println("stored", rs.InstanceID)
				}
				mu.Unlock()
			}
		}()
	}
	select {}
}

// quiet is a testing.TB for the child, which has no test to fail.
type quiet struct{ testing.TB }

func (quiet) Helper()           {}
func (quiet) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// After kill -9 in the middle of four senders every object that was answered is there and readable, log and index agree,
// and no file is left over.
func TestKilledWhileStoring(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		answered := map[index.ID]bool{}
		for run := range 4 {
			runUntilKilled(t, dir, layout, fmt.Sprint(run), 40+50*run, answered)
			s := open(t, dir, layout)
			for id := range answered {
				if o, err := s.OpenInstance(t.Context(), id); err != nil {
					t.Fatal("answered and lost:", err)
				} else if err := verifyAndClose(t, o); err != nil {
					t.Fatal("answered and damaged:", err)
				}
			}
			checkAgrees(t, s, storage.CheckOptions{Checksums: true})
			closeStore(t, s)
		}
	})
}

func verifyAndClose(t *testing.T, o *storage.Object) error {
	t.Helper()
	err := o.Verify(t.Context())
	if e := o.Close(); err == nil {
		err = e
	}
	return err
}

func checkAgrees(t *testing.T, s *storage.Store, o storage.CheckOptions) {
	t.Helper()
	sum, err := s.Check(t.Context(), o, func(f storage.Finding) { t.Errorf("check: %+v", f) })
	if err != nil {
		t.Fatal(err)
	}
	if st := counts(t, s); st.Instances != sum.Instances || sum.Instances != sum.Blobs {
		t.Errorf("%d instances counted, %d in the index, %d stored", st.Instances, sum.Instances, sum.Blobs)
	}
}

// runUntilKilled starts a child that stores and kills it after so many answers.
func runUntilKilled(t *testing.T, dir, layout, run string, after int, answered map[index.ID]bool) {
	t.Helper()
	readUntilKilled(t, []string{crashDir + "=" + dir, crashLayout + "=" + layout, crashRun + "=" + run}, after, func(line string) {
		text, ok := strings.CutPrefix(line, "stored ")
		id, err := index.ParseID(text)
		switch {
		case !ok:
			t.Errorf("child: %s", line)
		case err == nil: // else it was cut off by the kill
			answered[id] = true
		}
	})
}

// readUntilKilled starts this program again with an environment of its own, hands on the lines it prints, and kills it
// after so many. Lines printed before it died are read on.
func readUntilKilled(t *testing.T, env []string, after int, line func(string)) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		line(lines.Text())
		if n == after {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	if stderr.Len() > 0 {
		t.Log(stderr.String())
	}
}
