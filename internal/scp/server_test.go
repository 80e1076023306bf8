package scp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

func TestEchoAndStore(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 2, 3000, 131072, 528000, 3 << 20}
	got := make(map[dicom.UID][]byte)
	w := newWatch()
	h := &handler{store: func(_ context.Context, rq *scp.StoreRequest) error {
		b, err := io.ReadAll(rq.Data)
		got[rq.SOPInstanceUID] = b
		if rq.SOPClassUID != dicom.CTImageStorage || rq.TransferSyntax != dicom.ExplicitVRLittleEndian ||
			rq.Peer.CallingAET != "CLIENT" || rq.Peer.CalledAET != "SERVER" || rq.Peer.ID == "" {
			t.Errorf("request %+v of %+v", rq, rq.Peer)
		}
		return err
	}}
	_, addr := serve(t, scp.Config{Handler: h, Observer: w.observer()})
	c := dial(t, clientConfig(addr))
	if err := c.Echo(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, n := range sizes {
		rq := object(n)
		mustStore(t, c, rq)
		if !bytes.Equal(got[rq.SOPInstanceUID], pattern(n)) {
			t.Errorf("%d bytes arrived as %d others", n, len(got[rq.SOPInstanceUID]))
		}
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-w.closed; err != nil {
		t.Errorf("a released association ended with %v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.operations) != len(sizes)+1 || w.operations[2].Service != "C-STORE" || w.operations[2].Bytes != 2 ||
		w.operations[0].Service != "C-ECHO" || w.operations[0].Status != dimse.StatusSuccess || len(w.opened) != 1 {
		t.Errorf("observed %v and %+v", w.opened, w.operations)
	}
}

// The handler has the first bytes in hand before the last ones exist, at both ends.
func TestStoreIsALiveStream(t *testing.T) {
	t.Parallel()
	first := make(chan struct{})
	h := &handler{store: func(_ context.Context, rq *scp.StoreRequest) error {
		if _, err := io.ReadFull(rq.Data, make([]byte, 1000)); err != nil {
			return err
		}
		close(first)
		if _, ok := rq.Data.(io.WriterTo); !ok {
			t.Error("the data set cannot hand over its bytes without a copy")
		}
		n, err := io.Copy(io.Discard, rq.Data)
		if n != 1<<20-1000 {
			t.Errorf("%d bytes after the first 1000", n)
		}
		return err
	}}
	_, addr := serve(t, scp.Config{Handler: h})
	c := dial(t, clientConfig(addr))
	pr, pw := io.Pipe()
	go func() {
		b := pattern(1 << 20)
		_, _ = pw.Write(b[:1<<19]) // errors are seen by Store
		<-first
		_, _ = pw.Write(b[1<<19:])
		_ = pw.Close()
	}()
	rq := object(0)
	rq.Data = pr
	mustStore(t, c, rq)
}

func TestHandlerThatDoesNotReadToTheEnd(t *testing.T) {
	t.Parallel()
	full := &dimse.StatusError{Status: dimse.StatusOutOfResources, Comment: "disk full", Err: errors.New("no space")}
	results := []error{full, nil, errors.New("secret"), full}
	reads := []int{0, 10, 200_000, 0}
	calls := 0
	h := &handler{store: func(_ context.Context, rq *scp.StoreRequest) error {
		i := calls
		calls++
		if _, err := io.CopyN(io.Discard, rq.Data, int64(reads[i])); err != nil {
			t.Error(err)
		}
		return results[i]
	}}
	_, addr := serve(t, scp.Config{Handler: h})
	c := dial(t, clientConfig(addr))
	for i, want := range []struct {
		status  dimse.Status
		comment string
	}{{dimse.StatusOutOfResources, "disk full"}, {dimse.StatusSuccess, ""}, {dimse.StatusProcessingFailure, ""},
		{dimse.StatusOutOfResources, "disk full"}} {
		rsp, err := c.Store(t.Context(), object(2<<20))
		if err != nil {
			t.Fatal(err)
		}
		if rsp.Status != want.status || rsp.ErrorComment != want.comment {
			t.Errorf("store %d: %v %q, want %v %q", i, rsp.Status, rsp.ErrorComment, want.status, want.comment)
		}
	}
	if err := c.Echo(t.Context()); err != nil {
		t.Errorf("the association does not go on: %v", err)
	}
}

// A data set that nobody wants is not read for ever.
func TestDrainingHasALimit(t *testing.T) {
	t.Parallel()
	h := &handler{store: func(context.Context, *scp.StoreRequest) error { return errors.New("not wanted") }}
	w := newWatch()
	_, addr := serve(t, scp.Config{Handler: h, DrainTimeout: 20 * time.Millisecond, Observer: w.observer()})
	c := dial(t, clientConfig(addr))
	rq := object(0)
	rq.Data = endless{}
	if rsp, err := c.Store(t.Context(), rq); err == nil {
		t.Errorf("an endless object was answered with %v", rsp.Status)
	}
	if err := <-w.closed; err == nil {
		t.Error("association released")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestPanicCostsOneAssociation(t *testing.T) {
	t.Parallel()
	h := &handler{store: func(_ context.Context, rq *scp.StoreRequest) error {
		if rq.MoveOriginatorAET == "BAD" {
			panic("broken handler")
		}
		return nil
	}}
	for _, window := range []uint16{1, 8} {
		log := new(logBuffer)
		_, addr := serve(t, scp.Config{Handler: h, AsyncWindow: window, Operations: 1, Logger: log.logger()})
		cfg := clientConfig(addr)
		cfg.Async = &dul.AsyncWindow{Invoked: 8, Performed: 1}
		good, bad := dial(t, cfg), dial(t, cfg)
		rq := object(1 << 20)
		rq.MoveOriginatorAET = "BAD"
		if rsp, err := bad.Store(t.Context(), rq); err == nil {
			t.Errorf("answered with %v", rsp.Status)
		}
		mustStore(t, good, object(1<<20))
		if !strings.Contains(log.String(), "broken handler") || !strings.Contains(log.String(), "association=") {
			t.Errorf("logged: %s", log)
		}
	}
}

func TestAssociationsAreLimited(t *testing.T) {
	t.Parallel()
	w := newWatch()
	s, addr := serve(t, scp.Config{MaxAssociations: 2, Observer: w.observer()})
	first := dial(t, clientConfig(addr))
	dial(t, clientConfig(addr))
	if _, err := scu.Dial(t.Context(), clientConfig(addr)); !isRejection(err, dul.RejectLocalLimit()) {
		t.Errorf("third association: %v, want local limit exceeded", err)
	}
	if n := s.Associations(); n != 2 {
		t.Errorf("%d associations", n)
	}
	if err := first.Release(t.Context()); err != nil {
		t.Error(err)
	}
	<-w.closed
	dial(t, clientConfig(addr))
}

func TestAccessIsDecidedByTheCallback(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, scp.Config{Access: func(_ context.Context, rq *dul.Request) error {
		switch rq.CallingAET {
		case "STRANGER":
			return dul.RejectCallingAET()
		case "BROKEN":
			return errors.New("data base is locked")
		}
		return nil
	}})
	for aet, want := range map[string]*dul.Rejection{"STRANGER": dul.RejectCallingAET(), "BROKEN": dul.RejectNoReason()} {
		cfg := clientConfig(addr)
		cfg.CallingAET = aet
		if _, err := scu.Dial(t.Context(), cfg); !isRejection(err, want) {
			t.Errorf("%s: %v, want %v", aet, err, want)
		}
	}
	dial(t, clientConfig(addr))
}

func TestPanicOfACallbackCostsOneConnection(t *testing.T) {
	t.Parallel()
	log := new(logBuffer)
	s, addr := serve(t, scp.Config{Logger: log.logger(), Access: func(_ context.Context, rq *dul.Request) error {
		if rq.CallingAET == "BAD" {
			panic("broken policy")
		}
		return nil
	}})
	cfg := clientConfig(addr)
	cfg.CallingAET = "BAD"
	if _, err := scu.Dial(t.Context(), cfg); err == nil {
		t.Error("accepted")
	}
	log.wait(t, "broken policy")
	if err := dial(t, clientConfig(addr)).Echo(t.Context()); err != nil || s.Associations() != 1 {
		t.Errorf("%v, %d associations", err, s.Associations())
	}
}

func TestContextsAndRoles(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, scp.Config{Handler: &handler{}})
	commitment := string(dicom.StorageCommitmentPushModel)
	for _, roles := range [][]dul.RoleSelection{
		nil,
		{{SOPClassUID: commitment, SCU: false, SCP: true}},
		{{SOPClassUID: commitment, SCU: true, SCP: true}},
	} {
		cfg := clientConfig(addr)
		cfg.Contexts = append(cfg.Contexts,
			dul.ProposedContext{AbstractSyntax: "1.2.3", TransferSyntaxes: []string{string(dicom.ImplicitVRLittleEndian)}},
			dul.ProposedContext{AbstractSyntax: string(dicom.CTImageStorage), TransferSyntaxes: []string{"1.2.3.4"}})
		cfg.Roles = append(roles, dul.RoleSelection{SOPClassUID: string(dicom.CTImageStorage), SCU: true, SCP: true})
		got := dial(t, cfg).Assoc().Contexts()
		want := []struct {
			result   uint8
			scu, scp bool
		}{
			{0, true, false}, {0, true, false}, {0, roles == nil || roles[0].SCU, roles != nil},
			{uint8(scp.AbstractSyntaxNotSupported), false, false}, {uint8(scp.TransferSyntaxesNotSupported), false, false},
		}
		for i, w := range want {
			if got[i].Result != w.result || w.result == 0 && (got[i].LocalSCU != w.scu || got[i].LocalSCP != w.scp) {
				t.Errorf("roles %v: context %+v, want %+v", roles, got[i], w)
			}
		}
	}
}

func TestPortCheckIsOneDebugLine(t *testing.T) {
	t.Parallel()
	log := new(logBuffer)
	_, addr := serve(t, scp.Config{Logger: log.logger()})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	line := log.wait(t, "closed before")
	if !strings.Contains(line, "level=DEBUG") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("logged: %s", log)
	}
}

func TestIdleAssociationsEnd(t *testing.T) {
	t.Parallel()
	w := newWatch()
	_, addr := serve(t, scp.Config{IdleTimeout: 20 * time.Millisecond, Observer: w.observer()})
	c := dial(t, clientConfig(addr))
	var timeout *dul.TimeoutError
	if err := <-w.closed; !errors.As(err, &timeout) || timeout.Phase != "idle" {
		t.Errorf("ended with %v, want an idle time-out", err)
	}
	if err := c.Wait(t.Context()); err == nil {
		t.Error("the client believes in a release")
	}
}

// logBuffer is a log that can be waited on.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (l *logBuffer) logger() *slog.Logger {
	l.more = make(chan struct{}, 1000)
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.more <- struct{}{}
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns the first line that has a text in it, as soon as there is one.
func (l *logBuffer) wait(t *testing.T, text string) string {
	t.Helper()
	for {
		for line := range strings.Lines(l.String()) {
			if strings.Contains(line, text) {
				return line
			}
		}
		select {
		case <-l.more:
		case <-t.Context().Done():
			t.Fatalf("%q was not logged: %s", text, l)
		}
	}
}

// Connections that ask for nothing keep nobody out: the oldest one makes room.
func TestSilentConnectionsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	log := new(logBuffer)
	_, addr := serve(t, scp.Config{MaxAssociations: 1, Logger: log.logger()})
	silent := make([]net.Conn, 65)
	for i := range silent {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		silent[i] = c
	}
	if err := dial(t, clientConfig(addr)).Echo(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := silent[0].Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the oldest connection: %d bytes, %v", n, err)
	}
	log.wait(t, "connection closed: too many, and it asked for nothing")
}
