package scp_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

// stepper is a Storer that tells when a store has begun and when its data have been read, and then waits to be let go,
// as if for the disk.
type stepper struct {
	begun, read chan dicom.UID
	goOn        chan struct{}
	most, now   atomic.Int32
}

func newStepper() *stepper {
	return &stepper{begun: make(chan dicom.UID, 100), read: make(chan dicom.UID, 100), goOn: make(chan struct{})}
}

func (s *stepper) Store(ctx context.Context, rq *scp.StoreRequest) error {
	s.begun <- rq.SOPInstanceUID
	now := s.now.Add(1)
	defer s.now.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	if _, err := io.Copy(io.Discard, rq.Data); err != nil {
		return err
	}
	s.read <- rq.SOPInstanceUID
	select {
	case <-s.goOn:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func storeAll(t *testing.T, c *scu.Client, n int) chan error {
	results := make(chan error, n)
	for range n {
		go func() {
			rsp, err := c.Store(t.Context(), object(100_000))
			if err == nil {
				err = rsp.Err()
			}
			results <- err
		}()
	}
	return results
}

// With a window of three the second and third object are taken in while the first waits for the disk; a fourth has to
// wait for an answer.
func TestWindow(t *testing.T) {
	t.Parallel()
	h := newStepper()
	_, addr := serve(t, scp.Config{Handler: h, Operations: 1, AsyncWindow: 3})
	cfg := clientConfig(addr)
	cfg.Async = &dul.AsyncWindow{Invoked: 0, Performed: 1}
	c := dial(t, cfg)
	if got := c.Assoc().Async(); got.Invoked != 3 {
		t.Fatalf("window %+v, want 3 invoked", got)
	}
	results := storeAll(t, c, 5)
	for range 3 {
		<-h.read
	}
	if n := len(h.begun); n != 3 {
		t.Errorf("%d operations begun, want 3", n)
	}
	close(h.goOn)
	for range 5 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if most := h.most.Load(); most > 3 {
		t.Errorf("%d operations at once in a window of 3", most)
	}
}

// Without an asynchronous window operations of one association follow each other.
func TestOneOperationAtATimeWithoutAWindow(t *testing.T) {
	t.Parallel()
	h := newStepper()
	close(h.goOn)
	_, addr := serve(t, scp.Config{Handler: h, AsyncWindow: 3})
	results := storeAll(t, dial(t, clientConfig(addr)), 5)
	for range 5 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if most := h.most.Load(); most != 1 {
		t.Errorf("%d operations at once", most)
	}
}

func TestRequestsThatAreWrong(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, scp.Config{Handler: &handler{}})
	c := call(t, addr)
	const verification, ct, commitment = 1, 3, 5
	store := dimse.Command{Field: dimse.CStoreRQ, MessageID: 1, AffectedSOPClassUID: dicom.CTImageStorage, AffectedSOPInstanceUID: "1.2.3"}
	with := func(cmd dimse.Command, change func(*dimse.Command)) dimse.Command {
		change(&cmd)
		return cmd
	}
	for _, tt := range []struct {
		name    string
		context uint8
		cmd     dimse.Command
		size    int // of the data set, 0 is none
		want    dimse.Status
	}{
		{"store", ct, store, 200_000, dimse.StatusSuccess},
		{"store without a data set", ct, store, 0, dimse.StatusCannotUnderstand},
		{"store of no instance", ct, with(store, func(c *dimse.Command) { c.AffectedSOPInstanceUID = "" }), 10, dimse.StatusInvalidSOPInstance},
		{"store of no class", ct, with(store, func(c *dimse.Command) { c.AffectedSOPClassUID = "" }), 10, dimse.StatusCannotUnderstand},
		{"echo with a data set", verification, dimse.Command{Field: dimse.CEchoRQ, MessageID: 2}, 200_000, dimse.StatusSuccess},
		{"find, which is not offered", ct, dimse.Command{Field: dimse.CFindRQ, MessageID: 3}, 50, dimse.StatusUnrecognizedOperation},
		{"create, which is not offered", ct, dimse.Command{Field: dimse.NCreateRQ, MessageID: 4}, 200_000, dimse.StatusUnrecognizedOperation},
		{"a field that does not exist", ct, dimse.Command{Field: 0x0666, MessageID: 5}, 0, dimse.StatusUnrecognizedOperation},
		{"action on no class", commitment, dimse.Command{Field: dimse.NActionRQ, MessageID: 6}, 0, dimse.StatusNoSuchSOPClass},
		{"action on no instance", commitment, dimse.Command{Field: dimse.NActionRQ, MessageID: 7, RequestedSOPClassUID: "1.2"}, 0, dimse.StatusNoSuchSOPInstance},
		{"event of no class", commitment, dimse.Command{Field: dimse.NEventReportRQ, MessageID: 8}, 0, dimse.StatusNoSuchSOPClass},
		{"event of no instance", commitment, dimse.Command{Field: dimse.NEventReportRQ, MessageID: 9, AffectedSOPClassUID: "1.2"}, 0, dimse.StatusNoSuchSOPInstance},
		{"message id zero", verification, dimse.Command{Field: dimse.CEchoRQ}, 0, dimse.StatusSuccess},
	} {
		var data io.Reader
		if tt.size > 0 {
			data = object(tt.size).Data
		}
		rsp := ask(t, c, tt.context, tt.cmd, data)
		if rsp.Status != tt.want || rsp.MessageIDRespondedTo != tt.cmd.MessageID || rsp.Field != tt.cmd.Field|0x8000 {
			t.Errorf("%s: answered with %+v, want %v", tt.name, rsp, tt.want)
		}
	}
}

// A C-CANCEL for an operation that is over, and a response that nobody asked for, are no reason to end.
func TestMessagesWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, scp.Config{Handler: &handler{}})
	c := call(t, addr)
	for _, cmd := range []dimse.Command{
		{Field: dimse.CCancelRQ, MessageIDRespondedTo: 7},
		{Field: dimse.NEventReportRQ | 0x8000, MessageIDRespondedTo: 7},
	} {
		if err := c.Send(t.Context(), 3, &cmd, nil); err != nil {
			t.Fatal(err)
		}
	}
	if rsp := ask(t, c, 1, dimse.Command{Field: dimse.CEchoRQ, MessageID: 1}, nil); rsp.Field != dimse.CEchoRQ|0x8000 {
		t.Errorf("answered with %+v", rsp)
	}
}

// Two operations at once under one message id cannot be told apart (PS3.7 C.5.8).
func TestMessageIDInUse(t *testing.T) {
	t.Parallel()
	h := newStepper()
	_, addr := serve(t, scp.Config{Handler: h, AsyncWindow: 4})
	a, err := dul.Dial(t.Context(), addr, dul.Config{
		CallingAET: "SCRIPT", CalledAET: "SERVER", Contexts: contexts(), Async: &dul.AsyncWindow{},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	c := dimse.NewConn(a)
	store := dimse.Command{Field: dimse.CStoreRQ, MessageID: 1, AffectedSOPClassUID: dicom.CTImageStorage, AffectedSOPInstanceUID: "1.2.3"}
	if err := c.Send(t.Context(), 3, &store, object(10).Data); err != nil {
		t.Fatal(err)
	}
	<-h.read
	if rsp := ask(t, c, 3, store, object(10).Data); rsp.Status != dimse.StatusDuplicateInvocation {
		t.Errorf("second use answered with %v", rsp.Status)
	}
	close(h.goOn)
	if m, err := c.Receive(t.Context()); err != nil || m.Command.Status != dimse.StatusSuccess {
		t.Errorf("first use: %+v, %v", m, err)
	}
}
