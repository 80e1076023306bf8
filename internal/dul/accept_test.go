package dul_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gantry/internal/dul"
	"gantry/internal/dul/pdu"
)

func TestConnectAndClose(t *testing.T) {
	t.Parallel()
	p, failed := accept(t, t.Context(), policy())
	_ = p.Close()
	if err := <-failed; !errors.Is(err, dul.ErrNoAssociation) {
		t.Errorf("error %v", err)
	}
}

func TestCloseAfterTheFirstBytes(t *testing.T) {
	t.Parallel()
	p, failed := accept(t, t.Context(), policy())
	p.send("01 00 00")
	_ = p.Close()
	if err := <-failed; !errors.Is(err, dul.ErrConnectionLost) {
		t.Errorf("error %v", err)
	}
}

func TestCancelledAccept(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p, failed := accept(t, ctx, policy())
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	p.expectEnd()
}

func TestWrongBeginnings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sent, answer, text string }{
		"HTTP":                       {hexOf("GET / HTTP/1.1\r\n\r\n"), userAbort, "PDU type 47H"},
		"request of 4 GiB":           {"01 00 FFFFFFFF 0001", userAbort, "length 4294967295"},
		"data of 4 GiB":              {"04 00 FFFFFFFF 0001", userAbort, "length 4294967295"},
		"request cut short":          {"01 00 00000004 0001 0000", userAbort, "68 bytes wanted"},
		"data before a request":      {"04 00 00000000", userAbort, "Evt10 received in Sta2"},
		"release before a request":   {releaseRQ, userAbort, "Evt12 received in Sta2"},
		"acceptance before asking":   {"02 00 00000044" + strings.Repeat("00", 68), userAbort, "Evt3 received in Sta2"},
		"rejection before asking":    {"03 00 00000004 00010101", userAbort, "Evt4 received in Sta2"},
		"abort of the wrong size":    {"07 00 00000008 00000000 00000000", userAbort, "length 8"},
		"release of the wrong size":  {"05 00 00000000", userAbort, "length 0"},
		"TLS on a plain port":        {"16 03 01 00C4 01 0000C0 0303", userAbort, "speaks TLS on a plain port"},
		"two contexts with one id":   {twice(t), userAbort, "presentation context id 1"},
		"no room in a maximum of 7":  {maximum(t, 7), userAbort, "maximum length 7"},
		"an abort":                   {userAbort, "", "aborted by the peer"},
		"a version that is not ours": {version(t, 2), "03 00 00000004 00 01 02 02", "protocol version not supported"},
		"another application":        {application(t), "03 00 00000004 00 01 01 02", "application context name not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, failed := accept(t, t.Context(), policy())
			p.send(c.sent)
			p.expect(c.answer)
			if err := <-failed; err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want one with %q", err, c.text)
			}
		})
	}
}

func hexOf(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(text) {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func encoded(t *testing.T, change func(*pdu.AssociateRQ)) string {
	t.Helper()
	rq := request()
	change(rq)
	b, err := rq.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return hexOf(string(b))
}

func twice(t *testing.T) string {
	return encoded(t, func(rq *pdu.AssociateRQ) { rq.Contexts[1].ID = 1 })
}

func maximum(t *testing.T, n uint32) string {
	return encoded(t, func(rq *pdu.AssociateRQ) { rq.UserInfo.MaxLength = n })
}

func version(t *testing.T, v uint16) string {
	return encoded(t, func(rq *pdu.AssociateRQ) { rq.ProtocolVersion = v })
}

func application(t *testing.T) string {
	return encoded(t, func(rq *pdu.AssociateRQ) { rq.ApplicationContext = "1.2" })
}

func TestRejections(t *testing.T) {
	t.Parallel()
	for _, r := range []*dul.Rejection{dul.RejectNoReason(), dul.RejectCallingAET(), dul.RejectCalledAET(),
		dul.RejectLocalLimit(), dul.RejectCongestion(), dul.RejectApplicationContext(), dul.RejectProtocolVersion()} {
		pol := policy()
		pol.Negotiate = func(context.Context, *dul.Request) (*dul.Answer, error) { return nil, r }
		addr, associations := listen(t, pol)
		_, err := dul.Dial(t.Context(), addr, config())
		got := new(dul.Rejection)
		if !errors.As(err, &got) || *got != *r {
			t.Errorf("requestor: %v, want %v", err, r)
		}
		if theirs := <-associations; !errors.Is(theirs.err, r) {
			t.Errorf("acceptor: %v", theirs.err)
		}
	}
	if !dul.RejectLocalLimit().Transient() || dul.RejectCalledAET().Transient() {
		t.Error("what is transient?")
	}
}

func TestPolicyFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	pol := policy()
	pol.Negotiate = func(context.Context, *dul.Request) (*dul.Answer, error) { return nil, broken }
	p, failed := accept(t, t.Context(), pol)
	p.sendPDU(request())
	p.expect(userAbort)
	if err := <-failed; !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestPolicyGrantsWhatWasNotProposed(t *testing.T) {
	t.Parallel()
	pol := policy()
	pol.Negotiate = func(context.Context, *dul.Request) (*dul.Answer, error) {
		return &dul.Answer{Contexts: []dul.AnsweredContext{{ID: 1, TransferSyntax: "1.2.3"}}}, nil
	}
	p, failed := accept(t, t.Context(), pol)
	p.sendPDU(request())
	p.expect(userAbort)
	if err := <-failed; err == nil || !strings.Contains(err.Error(), `"1.2.3" was not proposed`) {
		t.Errorf("error %v", err)
	}
}

func TestEvenContextsAreAccepted(t *testing.T) {
	t.Parallel()
	a, p := scriptedClient(t, policy())
	p.sendPDU(&pdu.Data{PDVs: []pdu.PDV{{ContextID: 2, Command: true, Last: true, Data: []byte{1, 2}}}})
	v, err := a.ReadPDV(t.Context())
	if err != nil || v.ContextID != 2 || !v.Command || !v.Last || string(v.Data) != "\x01\x02" {
		t.Errorf("got %+v: %v", v, err)
	}
}
