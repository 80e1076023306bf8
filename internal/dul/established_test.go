package dul_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"gantry/internal/dul"
	"gantry/internal/dul/pdu"
)

func TestWrongBytesOnAnAssociation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sent, answer string
		reason       uint8
		text         string
	}{
		"unknown PDU":                  {"15 00 00000002 0000", unrecognizedPDU, 1, "PDU type 15H"},
		"data of 4 GiB":                {"04 00 FFFFFFFF 00", invalidValue, 6, "length 4294967295"},
		"value longer than its PDU":    {"04 00 00000008 00000005 01 03 0000", invalidValue, 6, "value of 3 bytes in a PDU with 2"},
		"value of length 1":            {"04 00 00000008 00000001 01 03 0000", invalidValue, 6, "length 1"},
		"value header cut short":       {"04 00 00000004 00000005", invalidValue, 6, "cut short"},
		"unknown presentation context": {"04 00 00000006 00000002 09 03", invalidValue, 6, "presentation context 9"},
		"release response":             {releaseRP, unexpectedPDU, 2, "Evt13 received in Sta6"},
		"rejection":                    {"03 00 00000004 00010101", unexpectedPDU, 2, "Evt4 received in Sta6"},
		"second request":               {encoded(t, func(*pdu.AssociateRQ) {}), unexpectedPDU, 2, "Evt6 received in Sta6"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := scriptedClient(t, policy())
			p.send(c.sent)
			_, err := a.ReadPDV(t.Context())
			abort := abortOf(t, err)
			if abort.FromPeer || abort.Source != dul.AbortSourceProvider || abort.Reason != c.reason || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v", err)
			}
			p.expect(c.answer)
			if err := a.WriteMessage(t.Context(), 1, []byte{1, 2}, nil); !errors.As(err, &abort) {
				t.Errorf("write afterwards: %v", err)
			}
			<-a.Done()
		})
	}
}

func TestGarbageAfterAnAbortIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	a, p := scriptedClient(t, policy())
	if err := a.Abort(errors.New("enough")); err != nil {
		t.Fatal(err)
	}
	p.expect(userAbort)
	p.send("04 00 0000000A 00000006 01 03 01020304") // AA-6: ignored
	p.send(releaseRQ)                                // AA-6: ignored
	p.send("07 00 00000002 0000" + strings.Repeat("FF", 100))
	p.expect(invalidValue) // AA-7
	_ = p.Close()
	if _, err := a.ReadPDV(t.Context()); !strings.Contains(err.Error(), "enough") {
		t.Errorf("error %v", err)
	}
}

func TestPeerAborts(t *testing.T) {
	t.Parallel()
	a, p := scriptedClient(t, policy())
	p.send(invalidValue)
	_, err := a.ReadPDV(t.Context())
	if abort := abortOf(t, err); !abort.FromPeer || abort.Source != 2 || abort.Reason != 6 {
		t.Errorf("error %v", err)
	}
	p.expectEnd()
	if err := a.Release(t.Context()); !errors.As(err, new(*dul.AbortError)) {
		t.Errorf("release afterwards: %v", err)
	}
}

func TestConnectionLost(t *testing.T) {
	t.Parallel()
	a, p := scriptedClient(t, policy())
	_ = p.Close()
	if _, err := a.ReadPDV(t.Context()); !errors.Is(err, dul.ErrConnectionLost) {
		t.Errorf("error %v", err)
	}
}

func TestPiecesInManyShapes(t *testing.T) {
	t.Parallel()
	a, p := scriptedClient(t, policy())
	long := bytes.Repeat([]byte{7}, 300_000) // longer than was announced: taken all the same
	whole := &pdu.Data{PDVs: []pdu.PDV{
		{ContextID: 1, Command: true, Data: []byte("com")}, {ContextID: 1, Command: true}, {ContextID: 1, Command: true, Last: true, Data: []byte("mand")},
		{ContextID: 1, Data: long}, {ContextID: 1, Last: true},
	}}
	b, err := whole.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(p, iotest.OneByteReader(bytes.NewReader(b[:60])))
		_, _ = p.Write(b[60:])
		_, _ = p.Write(b)
	}()
	for range 2 {
		command, data, err := message(t.Context(), a, true)
		if err != nil || string(command) != "command" || !bytes.Equal(data, long) {
			t.Fatalf("command %q, %d bytes: %v", command, len(data), err)
		}
	}
}

func TestMaximumLengthOfThePeerIsKept(t *testing.T) {
	t.Parallel()
	for _, limit := range []uint32{8, 13, 4096, 16384} {
		data := bytes.Repeat([]byte{5}, 3*int(limit)+1)
		ours, theirs := pipe(t)
		p := peer{theirs, t}
		go func() {
			rq := request()
			rq.UserInfo.MaxLength = limit
			p.sendPDU(rq)
		}()
		a, err := dul.Accept(t.Context(), ours, policy())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.Close() })
		p.receive()
		go func() { _ = a.WriteMessage(t.Context(), 1, bytes.Repeat([]byte{9}, 20), bytes.NewReader(data)) }()
		var got []byte
		for last := false; !last; {
			u, ok := p.receive().(*pdu.Data)
			if !ok || len(u.PDVs) != 1 {
				t.Fatal("no P-DATA-TF with one value")
			}
			v := u.PDVs[0]
			if n := len(v.Data); n+pdu.PDVHeaderSize > int(limit) || !v.Last && n%2 != 0 {
				t.Fatalf("value of %d bytes, maximum %d", n, limit)
			}
			if !v.Command {
				got = append(got, v.Data...)
			}
			last = v.Last && !v.Command
		}
		if !bytes.Equal(got, data) {
			t.Errorf("maximum %d: data changed", limit)
		}
	}
}

func TestWriteOnARefusedContext(t *testing.T) {
	t.Parallel()
	pol := policy()
	pol.Negotiate = func(context.Context, *dul.Request) (*dul.Answer, error) {
		return &dul.Answer{Contexts: []dul.AnsweredContext{{ID: 1, TransferSyntax: implicit}}}, nil
	}
	requestor, acceptor := pair(t, config(), pol)
	for _, a := range []*dul.Assoc{requestor, acceptor} {
		refused := new(dul.ContextError)
		if err := a.WriteMessage(t.Context(), 3, nil, nil); !errors.As(err, &refused) || refused.ID != 3 {
			t.Errorf("error %v", err)
		}
		if c, ok := a.Context(3); !ok || c.Result != pdu.ResultAbstractSyntaxNotSupported {
			t.Errorf("context %+v", c)
		}
	}
}

func TestDataSetThatCannotBeRead(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	requestor, acceptor := pair(t, config(), policy())
	failure := new(dul.SourceError)
	err := requestor.WriteMessage(t.Context(), 3, []byte{1, 2}, io.MultiReader(strings.NewReader("some"), iotest.ErrReader(broken)))
	if !errors.As(err, &failure) || failure.Sent || !errors.Is(err, broken) {
		t.Fatalf("error %v", err)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_ = requestor.WriteMessage(t.Context(), 3, []byte{1, 2}, strings.NewReader("whole"))
		large := bytes.NewReader(make([]byte, 1<<20))
		err := requestor.WriteMessage(t.Context(), 3, []byte{1, 2}, io.MultiReader(large, iotest.ErrReader(broken)))
		if !errors.As(err, &failure) || !failure.Sent || !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
	}()
	if _, data, err := message(t.Context(), acceptor, true); string(data) != "whole" {
		t.Fatalf("%q: %v", data, err)
	}
	_, _, err = message(t.Context(), acceptor, true)
	if abort := abortOf(t, err); !abort.FromPeer {
		t.Errorf("error %v", err)
	}
	<-written
}

// An A-ABORT explains why the connection is gone, also to who only writes.
func TestAbortIsFoundByAWriter(t *testing.T) {
	t.Parallel()
	a := scriptedAcceptor(t, config(), func(p peer) { p.send(invalidValue) })
	var err error
	for err == nil {
		err = a.WriteMessage(t.Context(), 3, []byte{1, 2}, bytes.NewReader(make([]byte, 1<<20)))
	}
	if abort := abortOf(t, err); !abort.FromPeer || abort.Reason != dul.AbortInvalidParameter {
		t.Errorf("error %v", err)
	}
}

// The same with somebody reading, and a connection that gives no reason.
func TestConnectionLostWhileWriting(t *testing.T) {
	t.Parallel()
	a, p := scriptedClient(t, policy())
	read := make(chan error, 1)
	go func() {
		_, err := a.ReadPDV(t.Context())
		read <- err
	}()
	go func() {
		p.receive()
		_ = p.Close()
	}()
	var err error
	for err == nil {
		err = a.WriteMessage(t.Context(), 1, []byte{1, 2}, bytes.NewReader(make([]byte, 1<<20)))
	}
	for _, err := range []error{err, <-read} {
		if !errors.Is(err, dul.ErrConnectionLost) {
			t.Errorf("error %v", err)
		}
	}
}

func TestMessagesOfManyWritersDoNotMix(t *testing.T) {
	t.Parallel()
	requestor, acceptor := pair(t, config(), policy())
	const writers, each = 4, 10
	for w := range writers {
		go func() {
			for range each {
				data := bytes.Repeat([]byte{byte(w)}, 200_000)
				if err := requestor.WriteMessage(t.Context(), 3, []byte{byte(w), 0}, bytes.NewReader(data)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for range writers * each {
		command, data, err := message(t.Context(), acceptor, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) != 200_000 || bytes.Count(data, command[:1]) != len(data) {
			t.Fatalf("message of writer %d is mixed", command[0])
		}
	}
}
