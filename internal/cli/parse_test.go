package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"syscall"
	"testing"
	"time"

	"gantry/internal/apiclient"
	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/storage"
)

func TestTargets(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]target{
		"localhost:104": {"ANY-SCP", "localhost:104"}, "PACS@[::1]:11112": {"PACS", "[::1]:11112"}, "a b@h:1": {"a b", "h:1"},
	} {
		if got, err := parseTarget(s); err != nil || got != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
}

// dcm4che's -b: AET[@IP][:PORT].
func TestBind(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][2]string{
		"SCU": {"SCU", ""}, "SCU:11112": {"SCU", ":11112"}, "SCU@10.0.0.1": {"SCU", ""}, "SCU@10.0.0.1:104": {"SCU", "10.0.0.1:104"},
	} {
		aet, listen, err := parseBind(s)
		if err != nil || aet != want[0] || listen != want[1] {
			t.Errorf("%s: %q %q %v", s, aet, listen, err)
		}
	}
	for s, want := range map[string]dimse.Status{"0": 0, "272": 0x0110, "0110H": 0x0110} {
		if got, err := parseStatus(s); err != nil || got != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{&failuresError{text: "x"}, 1},
		{fmt.Errorf("x: %w", &usageError{err: errors.New("x")}), 2},
		{&config.Error{}, 2},
		{errors.Join(&config.RangeError{Err: &config.Error{}}, &config.Error{}), 2},
		{&connectError{err: &dul.TimeoutError{Phase: "connect"}}, 3},
		{dul.RejectCalledAET(), 3},
		{&dul.TLSMismatchError{}, 3},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, 3},
		{&apiclient.ConnectError{Err: errors.New("x")}, 3},
		{&apiclient.StatusError{Status: 401}, 3},
		{&pendingError{text: "x"}, 4},
		{&dul.TimeoutError{Phase: "DIMSE"}, 4},
		{context.DeadlineExceeded, 4},
		{&dul.AbortError{}, 5},
		{&apiclient.StatusError{Status: 500}, 5},
		{&os.PathError{Op: "write", Err: syscall.ENOSPC}, 5},
		{errors.New("x"), 5},
		{&notFoundError{"x"}, 6},
		{&apiclient.StatusError{Status: 404}, 6},
		{storage.ErrNotFound, 6},
		{&signalError{os.Interrupt}, 130},
		{fmt.Errorf("x: %w", &signalError{syscall.SIGTERM}), 143},
		{fmt.Errorf("x: %w", &signalError{syscall.SIGHUP}), 143},
	} {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("%T %v: %d, want %d", test.err, test.err, got, test.want)
		}
	}
}

func TestGrouping(t *testing.T) {
	t.Parallel()
	a, b := reference{instance: "1", study: "1", series: "1"}, reference{instance: "2", study: "2", series: "2"}
	c, d := reference{instance: "3", study: "1", series: "3"}, reference{instance: "4", study: "1", series: "1"}
	refs := []reference{a, b, c, d}
	for _, test := range []struct {
		grouping
		want [][]reference
	}{
		{grouping{}, [][]reference{{a, b, c, d}}},
		{grouping{max: 3}, [][]reference{{a, b, c}, {d}}},
		{grouping{perStudy: true}, [][]reference{{a, c, d}, {b}}},
		{grouping{perSeries: true}, [][]reference{{a, d}, {b}, {c}}},
		{grouping{perStudy: true, max: 2}, [][]reference{{a, c}, {b}, {d}}},
	} {
		if got := test.split(refs); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%+v: %v", test.grouping, got)
		}
	}
	if got := distinct([]reference{a, b, a}); len(got) != 2 {
		t.Errorf("distinct: %v", got)
	}
}

func TestPairs(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]reference{
		"1.2.3=1.4": {class: "1.2.3", instance: "1.4"}, "ctimagestorage=1.4": {class: dicom.CTImageStorage, instance: "1.4"},
	} {
		if got, ok, err := (classNames{}).parsePair(arg); err != nil || !ok || got != want {
			t.Errorf("%s: %v %v %v", arg, got, ok, err)
		}
	}
	for _, bad := range []string{"=1.2", "1.2=", "1.2=a", "Nothing=1.2"} {
		if _, _, err := (classNames{}).parsePair(bad); err == nil {
			t.Errorf("%s accepted", bad)
		}
	}
}

// A report is held against its request (PS3.4 J.3.3).
func TestTransactionOutcome(t *testing.T) {
	t.Parallel()
	tr := newTransaction([]reference{{class: "1.1", instance: "1"}, {class: "1.1", instance: "2"}, {class: "1.1", instance: "3"}, {class: "1.1", instance: "4"}})
	if got := tr.results()[0]; got.Result != "pending" {
		t.Errorf("before: %+v", got)
	}
	item := func(instance dicom.UID, reason uint16) *dicom.Dataset {
		ds := new(dicom.Dataset)
		ds.SetUID(dicom.TagReferencedSOPClassUID, "1.1")
		ds.SetUID(dicom.TagReferencedSOPInstanceUID, instance)
		if reason != 0 {
			ds.SetUint16(dicom.TagFailureReason, reason)
		}
		return ds
	}
	event := new(dicom.Dataset)
	event.SetItems(dicom.TagReferencedSOPSequence, item("1", 0), item("9", 0))
	event.SetItems(dicom.TagFailedSOPSequence, item("2", 0x0112), item("3", 0))
	tr.take(event)
	var got []string
	for _, r := range tr.results() {
		got = append(got, r.Result+" "+r.Description)
	}
	want := []string{"committed ", "failed 0112H not stored there", "failed 0110H processing failure", "not reported the report leaves it out"}
	if !reflect.DeepEqual(got, want) || len(tr.extra) != 1 || tr.extra[0].instance != "9" {
		t.Errorf("%q, extra %v", got, tr.extra)
	}
}

func TestPlanKeepsToTheLimitOfContexts(t *testing.T) {
	t.Parallel()
	explicit := dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian)
	var objects []object
	for i := range 100 {
		objects = append(objects, object{class: dicom.UID(fmt.Sprintf("1.2.%d", i)), syntax: explicit})
	}
	objects = append(objects, objects[0], object{class: "1.2.0", syntax: dicom.LookupTransferSyntax(dicom.JPEGBaseline8Bit)})
	batches := plan(objects)
	if len(batches) != 2 || len(batches[0].contexts)+len(batches[1].contexts) != 201 || len(batches[0].contexts) > 128 {
		t.Fatalf("%d batches", len(batches))
	}
	if n := len(batches[0].objects) + len(batches[1].objects); n != len(objects) {
		t.Errorf("%d objects of %d", n, len(objects))
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 528_384: "528 kB", 999_600: "1.0 MB", 5_000_000_000: "5.0 GB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if got := rate(1_000_000, 500*time.Millisecond); got != "2.0 MB/s" {
		t.Error(got)
	}
	if got := count(1, "file") + ", " + count(0, "file"); got != "1 file, 0 files" {
		t.Error(got)
	}
}
