package daemon_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/scu"
	"gantry/internal/testkit"
)

// A request that cannot be kept for lack of space is refused with 0213H; nothing is promised and nothing is reported.
// When there is space again, the same request on the same association is taken.
func TestRequestOnFullDisk(t *testing.T) {
	t.Parallel()
	unshare := testkit.Program(t, "unshare")
	if err := exec.Command(unshare, "-rm", "true").Run(); err != nil {
		t.Skipf("no small disk can be mounted here for this test: %v", err)
	}
	book := &commitBook{asked: map[dicom.UID]bool{}, reports: map[dicom.UID]map[string]int{}, come: make(chan struct{}, 1)}
	peer := listenFor(t, book)
	dir := t.TempDir()
	p := startVictim(t, dir, unshare, "-rm", "sh", "-c", `mount -t tmpfs -o size=64m none "$0" && exec "$@"`, dir,
		"env", victimPeer+"=PEER@"+peer)
	stored := storeOne(t, p)
	client, err := dialVictim(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Abort()
	instances := []dicom.UID{stored}
	for i := range 9000 {
		instances = append(instances, dicom.UID(fmt.Sprintf("1.2.3.%d", i)))
	}
	filler := filepath.Join("/proc", fmt.Sprint(p.cmd.Process.Pid), "root", dir, "filler")
	fillUp(t, filler)
	if got := askOnce(t, client, "2.25.1", instances); got != dimse.StatusResourceLimitation {
		t.Errorf("full: %v", got)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if got := askOnce(t, client, "2.25.1", instances); got != dimse.StatusSuccess {
		t.Errorf("with space again: %v", got)
	}
	book.note("2.25.1", true)
	book.wait(t)

	_ = p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("stopping in peace: %v\n%s", err, p.stderr.String())
	}
}

// fillUp leaves nothing of a disk.
func fillUp(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if err := f.Close(); !errors.Is(err, syscall.ENOSPC) && err != nil {
		t.Fatal(err)
	}
}

func askOnce(t *testing.T, client *scu.Client, transaction dicom.UID, instances []dicom.UID) dimse.Status {
	t.Helper()
	rsp, err := client.Action(t.Context(), commitmentRequest(transaction, instances...))
	if err != nil {
		t.Fatal(err)
	}
	return rsp.Status
}
