package cli_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"gantry/internal/cli"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/dul"
)

// storeJSON is what `store --json` prints, as far as tests look at it.
type storeJSON struct {
	Objects, Stored, Associations int
	Statuses                      map[string]int
	Failed                        []struct{ Path, Status, Reason string }
	Damaged, Unusable             []struct{ Path, Reason string }
	NotDICOM                      []string
	Commitment                    *commitmentJSON
	Error                         string
}

func TestStoreFolder(t *testing.T) {
	t.Parallel()
	p := &peer{t: t}
	address, dir := p.start(), t.TempDir()
	writeObject(t, dir, "a.dcm", ct("1.1", "1", "1"))
	path := writeObject(t, dir, "deep/down/b", ct("1.2", "1", "1"))
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := run(t, nil, "store", address, dir).want(t, 0)
	for _, want := range []string{"0000H success  2", "stored 2 of 2 objects", "1 association;", "1 not DICOM"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("stdout lacks %q: %s", want, o.stdout)
		}
	}
	if !strings.Contains(o.stderr, "README: not a DICOM file") || strings.Contains(o.stderr, "%") {
		t.Errorf("stderr: %s", o.stderr)
	}
	whole, err := os.ReadFile(path)
	if err != nil || !bytes.HasSuffix(whole, p.stored["1.2"]) || len(p.stored["1.2"]) < 512 {
		t.Errorf("the data set did not arrive as it was (%v)", err)
	}
	if o := run(t, nil, "store", address, dir, "--strict").want(t, 1); !strings.Contains(o.stderr, "nothing was sent") {
		t.Error(o.stderr)
	}
	if o := run(t, nil, "store", address, dir, "--quiet").want(t, 0); o.stdout+o.stderr != "" {
		t.Errorf("%+v", o)
	}
}

func TestStoreCountsWhatFails(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, statuses: map[dicom.UID]dimse.Status{"1.2": dimse.StatusOutOfResources, "1.3": dimse.StatusElementsDiscarded}}
	address, dir := p.start(), t.TempDir()
	for _, uid := range []string{"1.1", "1.2", "1.3"} {
		writeObject(t, dir, uid, ct(uid, "1", "1"))
	}
	cut := writeObject(t, dir, "cut", ct("1.4", "1", "1"))
	if err := os.Truncate(cut, 600); err != nil {
		t.Fatal(err)
	}
	var r storeJSON
	o := run(t, nil, "store", address, dir, filepath.Join(dir, "none"), "--json").want(t, 1)
	o.decode(t, &r)
	if r.Objects != 3 || r.Stored != 2 || !reflect.DeepEqual(r.Statuses, map[string]int{"0000H": 1, "A700H": 1, "B006H": 1}) {
		t.Errorf("%+v", r)
	}
	if len(r.Failed) != 1 || len(r.Damaged) != 1 || len(r.Unusable) != 1 || r.Damaged[0].Path != cut {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(o.stderr, "3 files not stored") {
		t.Error(o.stderr)
	}
	o = run(t, nil, "store", address, dir, filepath.Join(dir, "none")).want(t, 1)
	if !strings.Contains(o.stdout, "; 1 damaged, 0 not DICOM, 1 not readable") || !strings.Contains(o.stderr, "1.2: A700H out of resources: no room") {
		t.Errorf("%+v", o)
	}
}

func TestStoreTurnsIntoImplicitVR(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, syntaxes: []dicom.UID{dicom.ImplicitVRLittleEndian}}
	address, dir := p.start(), t.TempDir()
	writeObject(t, dir, "a", ct("1.1", "1", "1"))
	jpeg := ct("1.2", "1", "1")
	jpeg.syntax = dicom.JPEGBaseline8Bit
	writeObject(t, dir, "b", jpeg)
	var r storeJSON
	run(t, nil, "store", address, dir, "--json").want(t, 1).decode(t, &r)
	if r.Stored != 1 || len(r.Failed) != 1 || !strings.Contains(r.Failed[0].Reason, "CTImageStorage in JPEGBaseline8Bit") {
		t.Errorf("%+v", r)
	}
	ds, err := codec.ReadDataset(bytes.NewReader(p.stored["1.1"]), dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian), codec.DefaultLimits())
	if err != nil || ds.UID(dicom.TagSOPInstanceUID) != "1.1" || p.storedSyntax["1.1"] != dicom.ImplicitVRLittleEndian {
		t.Errorf("%v %v", ds, err)
	}
}

func TestStoreOverSeveralAssociationsAndPipelined(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, window: 4}
	address, dir := p.start(), t.TempDir()
	for i := range 60 {
		uid := "1.2." + string(rune('1'+i%9)) + "." + string(rune('1'+i/9))
		writeObject(t, dir, uid, ct(uid, "1", "1"))
	}
	var r storeJSON
	run(t, nil, "store", address, dir, "--associations", "4", "--json").want(t, 0).decode(t, &r)
	if r.Stored != 60 || len(p.stored) != 60 || r.Associations != 4 {
		t.Errorf("%+v, %d arrived over %d associations", r, len(p.stored), len(p.associations))
	}
}

// More than 128 presentation contexts need a second association.
func TestStoreManyClasses(t *testing.T) {
	t.Parallel()
	p := &peer{t: t}
	address, dir := p.start(), t.TempDir()
	for i := range 70 {
		o := ct("1.2.3."+strings.Repeat("1", i%7+1)+string(rune('0'+i/7)), "1", "1")
		o.class = dicom.UID("1.2.840.10008.5.1.4.1.1.999." + strings.Repeat("1", i%7+1) + "." + string(rune('1'+i/7)))
		writeObject(t, dir, string(o.class), o)
	}
	var r storeJSON
	run(t, nil, "store", address, dir, "--json").want(t, 0).decode(t, &r)
	if r.Stored != 70 || r.Associations != 2 {
		t.Errorf("%+v", r)
	}
}

// Associations that a peer refuses beside the first one are done without.
func TestStoreWithFewerAssociations(t *testing.T) {
	t.Parallel()
	p := &peer{t: t}
	var open = make(chan struct{}, 1)
	p.access = func(context.Context, *dul.Request) error {
		select {
		case open <- struct{}{}:
			return nil
		default:
			return dul.RejectLocalLimit()
		}
	}
	address, dir := p.start(), t.TempDir()
	for _, uid := range []string{"1.1", "1.2", "1.3"} {
		writeObject(t, dir, uid, ct(uid, "1", "1"))
	}
	o := run(t, nil, "store", address, dir, "--associations", "3", "--json")
	var r storeJSON
	if o.code == 3 { // the first of the three was refused: allowed, nothing is stored then
		return
	}
	o.want(t, 0).decode(t, &r)
	if r.Stored != 3 || r.Associations != 1 {
		t.Errorf("%+v", r)
	}
}

func TestStoreIsInterrupted(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, hold: make(chan struct{}), got: make(chan dicom.UID, 1)}
	address, dir := p.start(), t.TempDir()
	writeObject(t, dir, "a", ct("1.1", "1", "1"))
	for signal, code := range map[os.Signal]int{os.Interrupt: 130, syscall.SIGTERM: 143} {
		env, _, stderr := testEnv(nil)
		c := make(chan os.Signal, 1)
		env.Signals = func() (<-chan os.Signal, func()) { return c, func() {} }
		ended := make(chan int, 1)
		go func() { ended <- cli.Main([]string{"store", address, dir}, env) }()
		<-p.got
		c <- signal
		if got := <-ended; got != code {
			t.Errorf("%v: exit code %d, want %d\n%s", signal, got, code, stderr)
		}
	}
}

// An object that makes the peer abort costs itself alone.
func TestStoreGoesOnAfterALostAssociation(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, abort: map[dicom.UID]bool{"1.2": true}}
	address, dir := p.start(), t.TempDir()
	for _, uid := range []string{"1.1", "1.2", "1.3", "1.4"} {
		writeObject(t, dir, uid, ct(uid, "1", "1"))
	}
	var r storeJSON
	run(t, nil, "store", address, dir, "--json").want(t, 1).decode(t, &r)
	if r.Stored != 3 || r.Associations != 2 || len(r.Failed) != 1 || filepath.Base(r.Failed[0].Path) != "1.2" {
		t.Errorf("%+v", r)
	}
	p = &peer{t: t, abort: map[dicom.UID]bool{"1.1": true, "1.2": true, "1.3": true}}
	o := run(t, nil, "store", p.start(), dir, "--json", "--window", "1").want(t, 5)
	o.decode(t, &r)
	if r.Stored != 0 || !strings.Contains(r.Error, "no answer for "+filepath.Join(dir, "1.1")+": the peer broke off the association") {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(o.stderr, "what is stored already is answered quickly") {
		t.Error(o.stderr)
	}
	// without a single answer it is not the objects that failed
	run(t, nil, "store", p.start(), filepath.Join(dir, "1.1")).want(t, 5)
}

func TestStoreIntoAHangingPeer(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, hold: make(chan struct{})}
	file := writeObject(t, t.TempDir(), "a", ct("1.1", "1", "1"))
	o := run(t, nil, "store", p.start(), file, "--timeout", "100ms").want(t, 4)
	if !strings.Contains(o.stderr, "time-out") || !strings.Contains(o.stdout, "stored 0 of 1 object,") {
		t.Errorf("%+v", o)
	}
}

func TestStoreNothing(t *testing.T) {
	t.Parallel()
	run(t, nil, "store", "PEER@127.0.0.1:1", t.TempDir()).want(t, 6)
}

func TestStoreOfWhatIsNoObject(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty\x1b[31m")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Skip("the file system takes no such name:", err)
	}
	o := run(t, nil, "store", "PEER@127.0.0.1:1", empty).want(t, 1)
	if !strings.Contains(o.stderr, `empty\x1b[31m: not a DICOM file but an empty one`) || strings.Contains(o.stdout, "/s") {
		t.Errorf("%+v", o)
	}
}

// withoutRelease passes everything on to a peer but the A-RELEASE-RQ (PS3.8 9.3.6), which it tells about.
func withoutRelease(t *testing.T, address string) (proxy string, asked <-chan struct{}) {
	t.Helper()
	aet, to, _ := strings.Cut(address, "@")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	c := make(chan struct{}, 1)
	go func() {
		from, err := ln.Accept()
		if err != nil {
			return
		}
		peer, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _, _ = from.Close(), peer.Close() })
		go func() { _, _ = io.Copy(from, peer) }()
		buffer := make([]byte, 1<<16)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			if n == 10 && buffer[0] == 5 {
				c <- struct{}{}
				continue
			}
			if _, err := peer.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	return aet + "@" + ln.Addr().String(), c
}

// The wait for the end of an association can be interrupted, too.
func TestInterruptedRelease(t *testing.T) {
	t.Parallel()
	proxy, asked := withoutRelease(t, (&peer{t: t}).start())
	file := writeObject(t, t.TempDir(), "a", ct("1.1", "1", "1"))
	env, _, stderr := testEnv(nil)
	c := make(chan os.Signal, 1)
	env.Signals = func() (<-chan os.Signal, func()) { return c, func() {} }
	ended := make(chan int, 1)
	go func() { ended <- cli.Main([]string{"store", proxy, file}, env) }()
	<-asked
	c <- os.Interrupt
	if code := <-ended; code != 130 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// What a file has become while it was sent is never stored as the object.
func TestStoreOfAShrinkingFile(t *testing.T) {
	t.Parallel()
	p := &peer{t: t, begin: make(chan struct{})}
	address, dir := p.start(), t.TempDir()
	path := writeObjectOf(t, dir, "a", ct("1.1", "1", "1"), 32<<20) // more than the buffers of a connection hold
	ended := make(chan outcome, 1)
	go func() { ended <- run(t, nil, "store", address, path, "--json") }()
	<-p.begin
	if err := os.Truncate(path, 1<<20); err != nil {
		t.Error(err)
	}
	p.begin <- struct{}{}
	o := <-ended
	if o.code == 0 || !strings.Contains(o.stdout, "the file was changed while it was being sent") || len(p.stored) != 0 {
		t.Errorf("%+v, %d stored", o, len(p.stored))
	}
}
