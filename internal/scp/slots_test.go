package scp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/dul/pdu"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

var (
	storeCommand = dimse.Command{Field: dimse.CStoreRQ, MessageID: 1, HasDataset: true,
		AffectedSOPClassUID: dicom.CTImageStorage, AffectedSOPInstanceUID: "1.2.3"}
	actionCommand = dimse.Command{Field: dimse.NActionRQ, MessageID: 1, HasDataset: true, ActionTypeID: 1,
		RequestedSOPClassUID: dicom.StorageCommitmentPushModel, RequestedSOPInstanceUID: dicom.StorageCommitmentPushModelInstance}
)

// begin sends a command and the beginning of its data set.
func (w *wire) begin(contextID uint8, cmd dimse.Command) {
	w.t.Helper()
	w.send(&pdu.Data{PDVs: []pdu.PDV{
		{ContextID: contextID, Command: true, Last: true, Data: encode(w.t, cmd)}, {ContextID: contextID, Data: []byte("begin")},
	}})
}

// Peers that send slowly, be it objects or something else, keep nobody from storing.
func TestStalledSendersHoldUpNobody(t *testing.T) {
	t.Parallel()
	const stalled = 8
	begun := make(chan struct{}, 2*stalled+2)
	note := func(data io.Reader) error {
		begun <- struct{}{}
		_, err := io.Copy(io.Discard, data)
		return err
	}
	_, addr := serve(t, scp.Config{Operations: 4, Handler: &handler{
		store:  func(_ context.Context, rq *scp.StoreRequest) error { return note(rq.Data) },
		action: func(_ context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) { return nil, note(rq.Data) },
	}})
	for range stalled {
		connect(t, addr).begin(3, storeCommand)
		connect(t, addr).begin(5, actionCommand)
	}
	for range 2 * stalled {
		<-begun
	}
	c := dial(t, clientConfig(addr))
	mustStore(t, c, object(200_000))
	rsp, err := c.Action(t.Context(), action())
	if err != nil || rsp.Err() != nil {
		t.Errorf("action: %+v, %v", rsp, err)
	}
}

func action() *scu.ActionRequest {
	return &scu.ActionRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance, ActionTypeID: 1,
		Dataset: new(dicom.Dataset),
	}
}

// No more operations than there are slots are performed; objects and C-ECHO need none.
func TestOperationsAtOnce(t *testing.T) {
	t.Parallel()
	arrived, performed, goOn := make(chan struct{}, 2), make(chan struct{}, 2), make(chan struct{})
	_, addr := serve(t, scp.Config{Operations: 1, Handler: &handler{
		action: func(_ context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
			arrived <- struct{}{}
			if _, err := io.Copy(io.Discard, rq.Data); err != nil {
				return nil, err
			}
			performed <- struct{}{}
			<-goOn
			return nil, nil
		},
	}})
	results := make(chan error, 2)
	for range 2 {
		c := dial(t, clientConfig(addr))
		go func() {
			rsp, err := c.Action(t.Context(), action())
			if err == nil {
				err = rsp.Err()
			}
			results <- err
		}()
	}
	for range 2 {
		<-arrived
	}
	<-performed
	c := dial(t, clientConfig(addr))
	mustStore(t, c, object(200_000))
	if err := c.Echo(t.Context()); err != nil {
		t.Error(err)
	}
	if len(performed) != 0 {
		t.Error("a second operation in one slot")
	}
	close(goOn)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// Long data sets other than objects wait for each other before they fill the memory; small ones wait for none of them.
func TestLongDataSetsWaitForEachOther(t *testing.T) {
	t.Parallel()
	const most = 2
	reading := make(chan struct{}, 4)
	_, addr := serve(t, scp.Config{Handler: &handler{
		action: func(_ context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
			if n, err := io.CopyN(io.Discard, rq.Data, 2<<20); err != nil {
				if n > 1<<20 || !errors.Is(err, io.EOF) {
					return nil, err
				}
				return nil, nil
			}
			reading <- struct{}{}
			_, err := io.Copy(io.Discard, rq.Data)
			return nil, err
		},
	}})
	ends := make([]*io.PipeWriter, 3)
	results := make(chan error, len(ends))
	for i := range ends {
		c := dial(t, clientConfig(addr))
		r, w := io.Pipe()
		ends[i] = w
		rq := action()
		rq.Dataset, rq.Encode = nil, func(dicom.UID) (io.Reader, error) { return r, nil }
		go func() {
			rsp, err := c.Action(t.Context(), rq)
			if err == nil {
				err = rsp.Err()
			}
			results <- err
		}()
		go func() { _, _ = w.Write(pattern(3 << 20)); _, _ = w.Write(pattern(2)) }()
	}
	for range most {
		<-reading
	}
	if rsp, err := dial(t, clientConfig(addr)).Action(t.Context(), action()); err != nil || rsp.Err() != nil {
		t.Errorf("a small one: %+v, %v", rsp, err)
	}
	if len(reading) != 0 {
		t.Errorf("more than %d long data sets at once", most)
	}
	for _, w := range ends {
		go func() { _, _ = w.Write(pattern(2)); _ = w.Close() }()
	}
	for range ends {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// onPipe runs f with a server's end of an association, with a window of four, where time passes only as the time-outs do.
func onPipe(t *testing.T, cfg scp.Config, f func(t *testing.T, w *wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		cfg.AsyncWindow = 4
		cfg.Accept = scp.AcceptClasses(classes, scp.LittleEndian())
		ln := &pipeListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		ln.conns <- ours
		s := scp.NewServer(cfg)
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), ln) }()
		w := associate(t, theirs, &dul.AsyncWindow{})
		f(t, w)
		_ = w.Close()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// pipeListener accepts the connections it was given.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// A disk that stalls for longer than the time-outs is no reason to drop the association.
func TestLongOperationOutlivesTheTimeouts(t *testing.T) {
	t.Parallel()
	cfg := scp.Config{IdleTimeout: 30 * time.Second, DIMSETimeout: 30 * time.Second, Handler: &handler{
		store: func(_ context.Context, rq *scp.StoreRequest) error {
			_, err := io.Copy(io.Discard, rq.Data)
			time.Sleep(time.Hour) // in the bubble this takes no time
			return err
		},
	}}
	onPipe(t, cfg, func(t *testing.T, w *wire) {
		w.begin(3, storeCommand)
		w.send(&pdu.Data{PDVs: []pdu.PDV{{ContextID: 3, Last: true}}})
		answer, ok := w.read().(*pdu.Data)
		if !ok {
			t.Fatal("no response")
		}
		if rsp, err := dimse.DecodeCommand(answer.PDVs[0].Data); err != nil || rsp.Status != dimse.StatusSuccess {
			t.Errorf("answered with %+v, %v", rsp, err)
		}
	})
}

// A peer that announces a data set and sends none meets the DIMSE time-out, without an idle one too.
func TestDataSetThatDoesNotCome(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	cfg := scp.Config{DIMSETimeout: 30 * time.Second, Handler: &failing{ended}}
	onPipe(t, cfg, func(t *testing.T, w *wire) {
		start := time.Now()
		w.send(&pdu.Data{PDVs: []pdu.PDV{{ContextID: 3, Command: true, Last: true, Data: encode(t, storeCommand)}}})
		if p := w.read(); p.Type() != pdu.TypeAbort {
			t.Errorf("answered with %v", p.Type())
		}
		if passed := time.Since(start); passed != 30*time.Second {
			t.Errorf("aborted after %v", passed)
		}
		<-ended
	})
}
