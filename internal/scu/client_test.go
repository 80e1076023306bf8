package scu_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

type receiver struct{ got chan *scp.EventReportRequest }

func (r *receiver) EventReport(_ context.Context, rq *scp.EventReportRequest) error {
	r.got <- rq
	return nil
}

func action() *scu.ActionRequest {
	return &scu.ActionRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance, ActionTypeID: 1,
	}
}

func event() *dimse.Command {
	return &dimse.Command{
		Field: dimse.NEventReportRQ, MessageID: 77, EventTypeID: 1,
		AffectedSOPClassUID: dicom.StorageCommitmentPushModel, AffectedSOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
	}
}

func store(data io.Reader) *scu.StoreRequest {
	return &scu.StoreRequest{
		SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.3", TransferSyntax: dicom.ExplicitVRLittleEndian, Data: data,
	}
}

// The report comes before the answer to the action, and is answered before it.
func TestReportOvertakesTheResponse(t *testing.T) {
	t.Parallel()
	addr := peer(t, acceptAll, func(s *script) {
		rq := s.next()
		s.send(commitment, event())
		rsp := s.next()
		if rsp.Field != dimse.NEventReportRQ|0x8000 || rsp.MessageIDRespondedTo != 77 || rsp.Status != dimse.StatusSuccess ||
			rsp.EventTypeID != 1 || rsp.AffectedSOPClassUID != dicom.StorageCommitmentPushModel {
			t.Errorf("report answered with %+v", rsp)
		}
		s.send(commitment, rq.Response(dimse.StatusSuccess))
		s.untilEnd()
	})
	r := &receiver{make(chan *scp.EventReportRequest, 1)}
	cfg := config(addr)
	cfg.Handler = r
	c := dial(t, cfg)
	rsp, err := c.Action(t.Context(), action())
	if err != nil || rsp.Err() != nil {
		t.Fatalf("%+v, %v", rsp, err)
	}
	if rq := <-r.got; rq.EventTypeID != 1 || rq.MessageID != 77 || rq.Peer.CalledAET != "SCRIPT" {
		t.Errorf("report %+v", rq)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Wait(t.Context()); err != nil {
		t.Errorf("released, but Wait says %v", err)
	}
}

// eventFunc is a handler of events.
type eventFunc func(context.Context) error

func (f eventFunc) EventReport(ctx context.Context, _ *scp.EventReportRequest) error { return f(ctx) }

// What the peer asked for is answered before the association is released, even if nobody waits for it any more.
func TestReleaseWaitsForWhatThePeerAskedFor(t *testing.T) {
	t.Parallel()
	answered := make(chan struct{})
	addr := peer(t, acceptAll, func(s *script) {
		s.send(commitment, event())
		if rsp := s.next(); rsp.Field != dimse.NEventReportRQ|0x8000 || rsp.Status != dimse.StatusSuccess {
			t.Errorf("report answered with %+v", rsp)
		}
		close(answered)
		s.untilEnd()
	})
	begun, goOn := make(chan struct{}), make(chan struct{})
	cfg := config(addr)
	cfg.Handler = eventFunc(func(context.Context) error { close(begun); <-goOn; return nil })
	c := dial(t, cfg)
	<-begun
	released := make(chan error, 1)
	go func() { released <- c.Release(t.Context()) }()
	close(goOn)
	<-answered
	if err := <-released; err != nil {
		t.Error(err)
	}
}

// Nothing is asked for any more, but the report still comes; then the peer releases.
func TestReportWhileWaiting(t *testing.T) {
	t.Parallel()
	addr := peer(t, acceptAll, func(s *script) {
		s.send(commitment, s.next().Response(dimse.StatusSuccess))
		s.send(commitment, event())
		s.next()
		if err := s.Assoc().Release(context.Background()); err != nil {
			t.Errorf("script: %v", err)
		}
	})
	r := &receiver{make(chan *scp.EventReportRequest, 1)}
	cfg := config(addr)
	cfg.Handler = r
	c := dial(t, cfg)
	if _, err := c.Action(t.Context(), action()); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(t.Context()); err != nil {
		t.Errorf("the peer released, but Wait says %v", err)
	}
	<-r.got
	if err := c.Echo(t.Context()); !errors.Is(err, dimse.ErrReleased) {
		t.Errorf("echo on a released association: %v", err)
	}
}

// A client without a handler does not leave the peer without an answer.
func TestReportToNobody(t *testing.T) {
	t.Parallel()
	answer := make(chan *dimse.Command, 1)
	addr := peer(t, acceptAll, func(s *script) {
		s.send(commitment, event())
		answer <- s.next()
		s.untilEnd()
	})
	dial(t, config(addr))
	if rsp := <-answer; rsp.Status != dimse.StatusUnrecognizedOperation {
		t.Errorf("answered with %v", rsp.Status)
	}
}

// Answers may come in another order than the requests. Requests sent at once may come in another order than their
// message ids: each is answered with its own as the status.
func TestResponsesFindTheirRequests(t *testing.T) {
	t.Parallel()
	addr := peer(t, acceptAll, func(s *script) {
		first, second, third := s.next(), s.next(), s.next()
		answer := func(rq *dimse.Command) { s.send(ctImage, rq.Response(dimse.Status(rq.MessageID))) }
		answer(third)
		s.send(ctImage, (&dimse.Command{Field: dimse.CStoreRQ, MessageID: 4711}).Response(9)) // of nothing
		answer(first)
		answer(second)
		s.untilEnd()
	})
	cfg := config(addr)
	cfg.Async = &dul.AsyncWindow{Invoked: 3, Performed: 1}
	c := dial(t, cfg)
	got := make(chan dimse.Status, 3)
	for range 3 {
		go func() {
			rsp, err := c.Store(t.Context(), store(bytes.NewReader(make([]byte, 100))))
			if err != nil {
				t.Error(err)
				rsp = &scu.StoreResponse{}
			} else if rsp.Command.MessageIDRespondedTo != uint16(rsp.Status) {
				t.Errorf("message %d got the status of %d", rsp.Command.MessageIDRespondedTo, rsp.Status)
			}
			got <- rsp.Status
		}()
	}
	sum := <-got + <-got + <-got
	if sum != 1+2+3 {
		t.Errorf("sum of the statuses is %d", sum)
	}
}

func TestNoResponse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		play func(*script)
		want func(error) bool
	}{
		{"the peer aborts", func(s *script) { s.next(); _ = s.Assoc().Abort(errors.New("as scripted")) }, func(err error) bool {
			var abort *dul.AbortError
			return errors.As(err, &abort) && abort.FromPeer
		}},
		{"the peer releases", func(s *script) { s.next(); _ = s.Assoc().Release(context.Background()) }, func(err error) bool {
			return errors.Is(err, dimse.ErrReleased)
		}},
		{"the peer is silent", func(s *script) { s.untilEnd() }, func(err error) bool {
			var timeout *dul.TimeoutError
			return errors.As(err, &timeout) && timeout.Phase == "DIMSE"
		}},
		{"the peer talks nonsense", func(s *script) {
			s.next()
			_ = s.Assoc().WriteMessage(context.Background(), 1, []byte("nonsense"), nil)
			s.untilEnd()
		}, func(err error) bool {
			var command *dimse.CommandError
			return errors.As(err, &command)
		}},
		{"the peer answers something else", func(s *script) {
			rsp := s.next().Response(dimse.StatusSuccess)
			rsp.Field = dimse.CFindRQ | 0x8000
			s.send(verification, rsp)
			s.untilEnd()
		}, func(err error) bool {
			var protocol *dimse.ProtocolError
			return errors.As(err, &protocol)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(peer(t, acceptAll, tt.play))
			cfg.DIMSETimeout = 50 * time.Millisecond
			if tt.name != "the peer is silent" {
				cfg.DIMSETimeout = time.Minute
			}
			c := dial(t, cfg)
			err := c.Echo(t.Context())
			if !tt.want(err) {
				t.Errorf("echo: %v", err)
			}
			if again := c.Echo(t.Context()); again == nil {
				t.Error("the association goes on")
			}
		})
	}
}

// A peer that stops reading holds a sender up only until its context ends.
func TestCancelOfAHungSend(t *testing.T) {
	t.Parallel()
	hung := make(chan struct{})
	addr := peer(t, acceptAll, func(*script) { <-hung })
	c := dial(t, config(addr))
	ctx, cancel := context.WithCancel(t.Context())
	sent := &meter{stalled: cancel}
	_, err := c.Store(ctx, store(sent))
	if err == nil {
		t.Error("an endless object was stored")
	}
	close(hung)
}

// meter is an endless object that reports once so much of it was taken that sending must stall.
type meter struct {
	taken   int
	stalled func()
}

func (m *meter) Read(p []byte) (int, error) {
	m.taken += len(p)
	if m.taken > 1<<20 {
		m.stalled()
	}
	return len(p), nil
}

func TestObjectThatCannotBeRead(t *testing.T) {
	t.Parallel()
	addr := peer(t, acceptAll, func(s *script) { s.send(verification, s.next().Response(0)); s.untilEnd() })
	c := dial(t, config(addr))
	broken := errors.New("disk error")
	_, err := c.Store(t.Context(), store(io.MultiReader(&failing{broken})))
	var source *dul.SourceError
	if !errors.Is(err, broken) || !errors.As(err, &source) {
		t.Fatalf("store: %v", err)
	}
	if !source.Sent {
		if err := c.Echo(t.Context()); err != nil {
			t.Errorf("nothing was sent, but the association is over: %v", err)
		}
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestWhatWasNotNegotiated(t *testing.T) {
	t.Parallel()
	addr := peer(t, func(_ context.Context, rq *dul.Request) (*dul.Answer, error) {
		return &dul.Answer{Contexts: []dul.AnsweredContext{{ID: ctImage, TransferSyntax: string(dicom.ExplicitVRLittleEndian)}}}, nil
	}, func(s *script) { s.untilEnd() })
	c := dial(t, config(addr))
	other := store(bytes.NewReader(nil))
	other.TransferSyntax = dicom.JPEG2000
	_, storing := c.Store(t.Context(), other)
	_, acting := c.Action(t.Context(), action())
	for _, err := range []error{c.Echo(t.Context()), storing, acting} {
		var none *scu.NoContextError
		if !errors.As(err, &none) {
			t.Errorf("%v, want a NoContextError", err)
		}
	}
}

func TestRefusedAssociations(t *testing.T) {
	t.Parallel()
	addr := peer(t, func(context.Context, *dul.Request) (*dul.Answer, error) { return nil, dul.RejectCalledAET() }, nil)
	_, err := scu.Dial(t.Context(), config(addr))
	var rj *dul.Rejection
	if !errors.As(err, &rj) || *rj != *dul.RejectCalledAET() {
		t.Errorf("dial: %v", err)
	}
}
