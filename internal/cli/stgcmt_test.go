package cli_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
)

// commitmentJSON is what `stgcmt request --json` prints.
type commitmentJSON struct {
	Committed, Failed, Pending int
	PendingTransactions        []string
	Error                      string
	Instances                  []struct {
		SOPInstanceUID, Result, Description string
		FailureReason                       int
	}
	Unrequested []struct{ SOPInstanceUID string }
}

// The report is taken on the same association, or on a new one, whichever comes.
func TestCommitment(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"same", "new", "same, listening", "new, released"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := &peer{t: t, report: "same", fail: map[dicom.UID]uint16{"1.2": 0x0112}, leaveOut: map[dicom.UID]bool{"1.3": true}}
			args := []string{"--wait", "20s", "--json"}
			if how != "same" {
				listen := freeAddress(t)
				args = append(args, "--listen", listen)
				if strings.HasPrefix(how, "new") {
					p.report = listen
				}
			}
			if strings.HasSuffix(how, "released") {
				args = append(args, "--release")
			}
			args = append([]string{"stgcmt", "request", p.start(), "CTImageStorage=1.1", "CTImageStorage=1.2", "CTImageStorage=1.3"}, args...)
			var r commitmentJSON
			run(t, nil, args...).want(t, 1).decode(t, &r)
			if r.Committed != 1 || r.Failed != 2 || r.Pending != 0 || r.Instances[1].FailureReason != 0x0112 || r.Instances[2].Result != "not reported" {
				t.Errorf("%+v", r)
			}
			if status := <-p.reported; status != dimse.StatusSuccess {
				t.Errorf("report answered with %s", status)
			}
		})
	}
}

func TestCommitmentOfFiles(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, report: "same"}
	address, dir := p.start(), t.TempDir()
	writeObject(t, dir, "a", ct("1.1", "1", "1"))
	writeObject(t, dir, "b", ct("1.2", "1", "2"))
	writeObject(t, dir, "c", ct("1.3", "2", "3"))
	writeObject(t, dir, "again", ct("1.3", "2", "3"))
	o := run(t, nil, "stgcmt", "request", address, dir).want(t, 0)
	for _, want := range []string{"1.1               committed", "3 of 3 instances committed, 0 failed, 0 pending, in 1 request"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("%q is not in %s", want, o.stdout)
		}
	}
	for _, args := range []string{"--one-per-study", "--one-per-series", "--max-per-request 2"} {
		run(t, nil, append([]string{"stgcmt", "request", address, dir}, strings.Fields(args)...)...).want(t, 0)
	}
	if want := []int{3, 2, 1, 1, 1, 1, 2, 1}; !reflect.DeepEqual(p.requests, want) {
		t.Errorf("references per request %v, want %v", p.requests, want)
	}
}

func TestCommitmentRefused(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, action: dimse.StatusNotAuthorized}
	o := run(t, nil, "stgcmt", "request", p.start(), "1.2.3=1.4").want(t, 1)
	if !strings.Contains(o.stdout, "refused  0124H not authorised") || !strings.Contains(o.stderr, "The peer has to know our AE title (--aet)") {
		t.Errorf("%+v", o)
	}
}

func TestCommitmentNotOffered(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, unknown: dicom.StorageCommitmentPushModel}
	o := run(t, nil, "stgcmt", "request", p.start(), "1.2.3=1.4").want(t, 3)
	if !strings.Contains(o.stderr, "the peer does not offer StorageCommitmentPushModel") {
		t.Error(o.stderr)
	}
}

func TestCommitmentWithoutReport(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, report: "none"}
	o := run(t, nil, "stgcmt", "request", p.start(), "1.2.3=1.4", "--wait", "50ms").want(t, 4)
	if !strings.Contains(o.stderr, "did not come within 50ms") || !strings.Contains(o.stderr, "--listen") {
		t.Error(o.stderr)
	}
	for _, want := range []string{"1.4               pending  no report yet", "0 of 1 instance committed, 0 failed, 1 pending", "no report yet on transaction 2.25."} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("%q is not in %s", want, o.stdout)
		}
	}
	var r commitmentJSON
	run(t, nil, "stgcmt", "request", p.start(), "1.2.3=1.4", "--wait", "50ms", "--json").want(t, 4).decode(t, &r)
	if r.Pending != 1 || len(r.PendingTransactions) != 1 || r.Instances[0].Result != "pending" || r.Error == "" {
		t.Errorf("%+v", r)
	}
}

func TestCommitmentAssociationLost(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, report: "abort"}
	o := run(t, nil, "stgcmt", "request", p.start(), "1.2.3=1.4").want(t, 5)
	if !strings.Contains(o.stderr, "before 1 report came: the peer broke off the association") || !strings.Contains(o.stderr, "that needs --listen") {
		t.Error(o.stderr)
	}
}

// dcm4che's stgcmtscu, with one word changed.
func TestStgcmtscu(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, report: freeAddress(t)}
	address, dir, reports := p.start(), t.TempDir(), filepath.Join(t.TempDir(), "reports")
	writeObject(t, dir, "a", ct("1.1", "1", "1"))
	writeObject(t, dir, "b", ct("1.2", "2", "2"))
	_, port, _ := strings.Cut(p.report, ":")
	run(t, nil, "stgcmt", "-b", "STGCMTSCU:"+port, "-c", address, "--one-per-study", "--directory", reports, "--wait", "20s",
		"--connect-timeout", "5000", "--response-timeout", "5000", "--not-async", dir).want(t, 0)
	names, err := filepath.Glob(filepath.Join(reports, "2.25.*"))
	if err != nil || len(names) != 2 {
		t.Fatalf("%v %v", names, err)
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := codec.OpenFileBytes(text, codec.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	ds, err := f.Dataset()
	if err != nil || string(ds.UID(dicom.TagTransactionUID)) != filepath.Base(names[0]) {
		t.Errorf("%v %v", ds, err)
	}
}

func TestStoreAndCommit(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, report: "same", statuses: map[dicom.UID]dimse.Status{"1.2": dimse.StatusOutOfResources}}
	address, dir := p.start(), t.TempDir()
	writeObject(t, dir, "a", ct("1.1", "1", "1"))
	writeObject(t, dir, "b", ct("1.2", "1", "1"))
	var r storeJSON
	run(t, nil, "store", address, dir, "--commit", "--json").want(t, 1).decode(t, &r)
	if r.Stored != 1 || r.Commitment == nil || r.Commitment.Committed != 1 || len(r.Commitment.Instances) != 1 {
		t.Errorf("%+v", r)
	}
}

// Rows are sorted by SOP Instance UID, and of many instances those that are committed are counted only.
func TestCommitmentTable(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, report: "same", fail: map[dicom.UID]uint16{"1.50": 0x0112}}
	address := p.start()
	o := run(t, nil, "stgcmt", "request", address, "1.2=1.10", "1.2=1.9", "1.2=1.2.3").want(t, 0)
	if a, b, c := strings.Index(o.stdout, "1.2.3 "), strings.Index(o.stdout, "1.9 "), strings.Index(o.stdout, "1.10 "); a < 0 || a > b || b > c {
		t.Error(o.stdout)
	}
	args := []string{"stgcmt", "request", address}
	for i := range 120 {
		args = append(args, "1.2=1."+strconv.Itoa(i))
	}
	o = run(t, nil, args...).want(t, 1)
	if n := strings.Count(o.stdout, "\n"); n != 3 || !strings.Contains(o.stdout, "1.50              failed") || !strings.Contains(o.stdout, "119 of 120 instances committed") {
		t.Error(o.stdout)
	}
	p = &peer{t: t, action: dimse.StatusNotAuthorized}
	args[2] = p.start()
	o = run(t, nil, args...).want(t, 1)
	if n := strings.Count(o.stdout, "\n"); n != 103 || !strings.Contains(o.stdout, "and 20 more       refused  0124H") {
		t.Error(n, o.stdout)
	}
}
