package daemon_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/scu"
	"gantry/internal/testkit"
)

// TestNoSuccessBeforeTheSync traces the daemon's system calls while objects arrive one after the other: between the
// write of an object and the C-STORE response on the socket there has to be a sync of that file that succeeded.
func TestNoSuccessBeforeTheSync(t *testing.T) {
	t.Parallel()
	strace := testkit.Program(t, "strace")
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace")
	p := startVictim(t, filepath.Join(dir, "data"), strace, "-f", "-yy", "-s", "200", "-o", trace,
		"-e", "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fdatasync,fsync")
	const objects = 10
	storeSome(t, p.dicom, objects)
	_ = p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, p.stderr.String())
	}
	answers, written := checkTrace(t, trace)
	if answers < objects || written < objects {
		t.Errorf("%d responses and %d records in the trace, want %d of each", answers, written, objects)
	}
}

func storeSome(t *testing.T, addr string, n int) {
	t.Helper()
	client, err := scu.Dial(t.Context(), scu.Config{Addr: addr, CallingAET: "TRACE", CalledAET: "GANTRY",
		Contexts: []dul.ProposedContext{{AbstractSyntax: string(dicom.CTImageStorage), TransferSyntaxes: []string{string(dicom.ExplicitVRLittleEndian)}}}})
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		o := newObject()
		response, err := client.Store(t.Context(), &scu.StoreRequest{SOPClassUID: class, SOPInstanceUID: o.instance,
			TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(o.dataset(t))})
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// traced is one line of strace: a call that began, ended, or did both.
var traced = regexp.MustCompile(`^(\d+)\s+(?:<\.\.\. )?(\w+)(?:\(\d+<([^>]*)>)?(.*)$`)

// checkTrace walks through the trace and returns how many C-STORE responses and records it saw. A response is a write to
// a TCP socket with a P-DATA-TF PDU (first byte 04H); a record is a write to a segment of the log that is not zeros.
func checkTrace(t *testing.T, trace string) (answers, written int) {
	t.Helper()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	dirty := false             // an object was written and not synced since
	began := map[string]bool{} // syncs in progress, by thread, and whether they began after the last write
	for line := range strings.Lines(string(text)) {
		m := traced.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		thread, call, file, rest := m[1], m[2], m[3], m[4]
		switch {
		case (call == "pwrite64" || call == "pwritev") && strings.Contains(file, "segment") && holdsObject(rest):
			written++
			dirty = true
			clear(began)
		case (call == "fdatasync" || call == "fsync") && (file == "" || strings.Contains(file, "segment")):
			if !strings.Contains(line, "resumed>") {
				began[thread] = true
			}
			if began[thread] && strings.Contains(rest, "= 0") {
				dirty = false
			}
		case (call == "write" || call == "writev" || call == "sendto" || call == "sendmsg") && isResponse(file, rest):
			answers++
			if dirty {
				t.Errorf("a response left before the sync of its object: %s", line)
			}
		}
	}
	return answers, written
}

// holdsObject tells a record of an object from zeros that are written ahead.
func holdsObject(arguments string) bool { return !strings.HasPrefix(arguments, `, "\0\0\0\0\0\0\0\0`) }

// isResponse recognises a P-DATA-TF on a TCP socket.
func isResponse(file, arguments string) bool {
	return strings.HasPrefix(file, "TCP") && (strings.Contains(arguments, `"\4\0\0\0`) || strings.Contains(arguments, strconv.Quote("\x04")))
}
