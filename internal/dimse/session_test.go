package dimse_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
)

// pair returns the two ends of an association over loopback, with one context for Verification under id 1.
func pair(t testing.TB) (requestor, acceptor *dimse.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	accepted := make(chan *dul.Assoc, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
		}
		a, err := dul.Accept(context.Background(), c, dul.Policy{
			Negotiate: func(context.Context, *dul.Request) (*dul.Answer, error) {
				return &dul.Answer{Contexts: []dul.AnsweredContext{{ID: 1, TransferSyntax: string(dicom.ImplicitVRLittleEndian)}}}, nil
			}})
		if err != nil {
			t.Error(err)
		}
		accepted <- a
	}()
	a, err := dul.Dial(t.Context(), ln.Addr().String(), dul.Config{
		CallingAET: "A", CalledAET: "B", Contexts: []dul.ProposedContext{{
			AbstractSyntax: string(dicom.VerificationSOPClass), TransferSyntaxes: []string{string(dicom.ImplicitVRLittleEndian)},
		}}})
	if err != nil {
		t.Fatal(err)
	}
	b := <-accepted
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return dimse.NewConn(a), dimse.NewConn(b)
}

// run starts the exchange on a connection.
func run(conn *dimse.Conn, opts dimse.SessionOptions) *dimse.Session {
	s := dimse.NewSession(conn, opts)
	go func() { _ = s.Run(context.Background()) }() // told by Err
	return s
}

func receive(t *testing.T, c *dimse.Conn) *dimse.Message {
	t.Helper()
	m, err := c.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func respond(t *testing.T, c *dimse.Conn, rq *dimse.Message, status dimse.Status, data string) {
	t.Helper()
	var r io.Reader
	if data != "" {
		r = bytes.NewReader([]byte(data))
	}
	if err := c.Send(t.Context(), rq.ContextID, rq.Command.Response(status), r); err != nil {
		t.Fatal(err)
	}
}

func find() *dimse.Command {
	return &dimse.Command{Field: dimse.CFindRQ, AffectedSOPClassUID: "1.2.840.10008.5.1.4.1.2.2.1"}
}

func echo() *dimse.Command {
	return &dimse.Command{Field: dimse.CEchoRQ, AffectedSOPClassUID: dicom.VerificationSOPClass}
}

func TestPendingResponses(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	s := run(a, dimse.SessionOptions{Window: 1})
	call, err := s.Start(t.Context(), 1, find(), bytes.NewReader([]byte("query")))
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	rq := receive(t, b)
	if query, err := io.ReadAll(rq.Data); err != nil || string(query) != "query" {
		t.Errorf("query %q, %v", query, err)
	}
	respond(t, b, rq, dimse.StatusPending, "one")
	respond(t, b, rq, dimse.StatusPending, "two")
	if err := call.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, b); m.Command.Field != dimse.CCancelRQ || m.Command.MessageIDRespondedTo != rq.Command.MessageID {
		t.Errorf("cancelled with %+v", m.Command)
	}
	respond(t, b, rq, dimse.StatusCancel, "")
	for _, want := range []struct {
		status dimse.Status
		data   string
	}{{dimse.StatusPending, "one"}, {dimse.StatusPending, "two"}, {dimse.StatusCancel, ""}} {
		r, err := call.Next(t.Context())
		if err != nil || r.Command.Status != want.status || string(r.Dataset) != want.data {
			t.Fatalf("%+v, %v, want %v", r, err, want)
		}
	}
	if _, err := call.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after the last response: %v", err)
	}
}

// One who stops reading pending responses does not hold up the association.
func TestClosedCallDropsResponses(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	s := run(a, dimse.SessionOptions{})
	call, err := s.Start(t.Context(), 1, find(), nil)
	if err != nil {
		t.Fatal(err)
	}
	rq := receive(t, b)
	call.Close()
	for range 100 {
		respond(t, b, rq, dimse.StatusPending, "match")
	}
	respond(t, b, rq, dimse.StatusSuccess, "")
	echoed(t, s, b)
}

// echoed makes an echo of s, which b answers.
func echoed(t *testing.T, s *dimse.Session, b *dimse.Conn) {
	t.Helper()
	result := make(chan error, 1)
	go func() { _, err := s.Do(t.Context(), 1, echo(), nil); result <- err }()
	respond(t, b, receive(t, b), dimse.StatusSuccess, "")
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// A request that nobody waits for any more keeps its place in the window until its response comes, late.
func TestGivingUpOnAResponse(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	s := run(a, dimse.SessionOptions{Window: 1})
	call, err := s.Start(t.Context(), 1, echo(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough waited")
	cancel(enough)
	if _, err := call.Next(ctx); !errors.Is(err, enough) {
		t.Errorf("response: %v", err)
	}
	call.Close()
	if _, err := s.Do(ctx, 1, echo(), nil); !errors.Is(err, enough) {
		t.Errorf("a second request did not wait for its turn: %v", err)
	}
	respond(t, b, receive(t, b), dimse.StatusSuccess, "")
	echoed(t, s, b)
}

func TestRequestsOfThePeerAreRefusedByDefault(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	s := run(a, dimse.SessionOptions{})
	other := run(b, dimse.SessionOptions{})
	r, err := other.Do(t.Context(), 1, find(), bytes.NewReader(make([]byte, 300_000)))
	if err != nil || r.Command.Status != dimse.StatusUnrecognizedOperation {
		t.Errorf("%+v, %v", r, err)
	}
	if err := b.Assoc().Release(t.Context()); err != nil {
		t.Error(err)
	}
	<-s.Done()
	if err := s.Err(); err != nil {
		t.Errorf("a released session ended with %v", err)
	}
	if _, err := s.Do(t.Context(), 1, echo(), nil); !errors.Is(err, dimse.ErrReleased) {
		t.Errorf("request on a released session: %v", err)
	}
}

func TestReplyThatIsTooLong(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	s := run(a, dimse.SessionOptions{})
	call, err := s.Start(t.Context(), 1, find(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	rq := receive(t, b)
	long := io.LimitReader(zeros{}, dimse.MaxReplyLength+1)
	if err := b.Send(t.Context(), 1, rq.Command.Response(dimse.StatusPending), long); err != nil {
		t.Fatal(err)
	}
	if _, err := call.Next(t.Context()); err == nil {
		t.Error("a data set beyond the limit was taken")
	}
	respond(t, b, rq, dimse.StatusSuccess, "")
	if r, err := call.Next(t.Context()); err != nil || r.Command.Status != dimse.StatusSuccess {
		t.Errorf("final response: %+v, %v", r, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestDataSetIsHandedOverOnce(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	sent := bytes.Repeat([]byte("0123456789"), 50_000)
	go func() {
		for range 2 {
			if err := a.Send(context.Background(), 1, find(), bytes.NewReader(sent)); err != nil {
				t.Error(err)
			}
		}
	}()
	m := receive(t, b)
	ended := 0
	m.AtEnd(func() { ended++ })
	got := new(bytes.Buffer)
	head := make([]byte, 15)
	if _, err := io.ReadFull(m.Data, head); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Data.(io.WriterTo).WriteTo(got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(append(head, got.Bytes()...), sent) || m.Size() != int64(len(sent)) || !m.Drained() || ended != 1 {
		t.Errorf("%d bytes, size %d, drained %v, ended %d times", got.Len(), m.Size(), m.Drained(), ended)
	}
	m = receive(t, b) // and the second is dropped
	if n, err := m.Data.(io.WriterTo).WriteTo(&shortWriter{}); !errors.Is(err, io.ErrShortWrite) || n != 1 {
		t.Errorf("a short write gave %d, %v", n, err)
	}
	if err := m.Drain(t.Context()); err != nil || m.Size() != int64(len(sent)) {
		t.Errorf("drained %d bytes, %v", m.Size(), err)
	}
}

type shortWriter struct{}

func (*shortWriter) Write(p []byte) (int, error) { return min(1, len(p)), nil }

func TestMessageIDsAreNeverZero(t *testing.T) {
	t.Parallel()
	c := new(dimse.Conn)
	seen := make(map[uint16]bool)
	for range 65535 {
		seen[c.NextMessageID()] = true
	}
	if len(seen) != 65535 || seen[0] {
		t.Errorf("%d ids, zero among them: %v", len(seen), seen[0])
	}
}
