package dul_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"

	"gantry/internal/dul"
	"gantry/internal/dul/pdu"
)

func TestEverythingNegotiatedIsCarried(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.MaxPDULength = 40_000
	cfg.Roles = []dul.RoleSelection{{SOPClassUID: ctStorage, SCU: true, SCP: true}}
	cfg.Async = &dul.AsyncWindow{Invoked: 8, Performed: 3}
	cfg.Identity = &dul.UserIdentity{Type: 2, ResponseRequested: true, Primary: []byte("me"), Secondary: []byte("pass")}
	cfg.Extended = []dul.ExtendedNegotiation{{SOPClassUID: ctStorage, Info: []byte{2, 1}}}
	cfg.CommonExtended = []dul.CommonExtendedNegotiation{{SOPClassUID: "1.2", ServiceClassUID: "1.3", RelatedGeneralSOPClassUIDs: []string{"1.4"}}}

	pol := policy()
	pol.NewID = func() string { return "assoc-1" }
	pol.Negotiate = func(_ context.Context, rq *dul.Request) (*dul.Answer, error) {
		if rq.CallingAET != "SCU" || rq.CalledAET != "SCP" || rq.MaxPDULength != 40_000 || rq.TLS != nil || rq.RemoteAddr == nil ||
			rq.ImplementationClassUID != "2.25.1" || rq.ImplementationVersionName != "TEST" {
			t.Errorf("request %+v", rq)
		}
		if !reflect.DeepEqual(rq.Roles, cfg.Roles) || !reflect.DeepEqual(rq.Async, cfg.Async) || !reflect.DeepEqual(rq.Identity, cfg.Identity) ||
			!reflect.DeepEqual(rq.Extended, cfg.Extended) || !reflect.DeepEqual(rq.CommonExtended, cfg.CommonExtended) {
			t.Errorf("user information %+v", rq)
		}
		return &dul.Answer{
			Contexts: []dul.AnsweredContext{{ID: 1, Result: pdu.ResultUserRejection}, {ID: 3, TransferSyntax: implicit}},
			Roles:    []dul.RoleSelection{{SOPClassUID: ctStorage, SCP: true}, {SOPClassUID: "1.9", SCU: true}},
			Async:    &dul.AsyncWindow{Invoked: 4}, Identity: []byte("welcome"),
			Extended: []dul.ExtendedNegotiation{{SOPClassUID: ctStorage, Info: []byte{1}}},
		}, nil
	}
	requestor, acceptor := pair(t, cfg, pol)

	wantRQ := []dul.Context{
		{ID: 1, AbstractSyntax: verification, Result: 1, LocalSCU: true},
		{ID: 3, AbstractSyntax: ctStorage, TransferSyntax: implicit, LocalSCP: true},
	}
	if got := requestor.Contexts(); !reflect.DeepEqual(got, wantRQ) {
		t.Errorf("requestor's contexts %+v", got)
	}
	if c, ok := acceptor.Context(3); !ok || !c.LocalSCU || c.LocalSCP || c.TransferSyntax != implicit {
		t.Errorf("acceptor's context %+v", c)
	}
	if got, want := requestor.Async(), (dul.AsyncWindow{Invoked: 4, Performed: 3}); got != want {
		t.Errorf("requestor's window %+v", got)
	}
	if got, want := acceptor.Async(), (dul.AsyncWindow{Invoked: 3, Performed: 4}); got != want {
		t.Errorf("acceptor's window %+v", got)
	}
	if got := requestor.IdentityResponse(); string(got) != "welcome" {
		t.Errorf("identity response %q", got)
	}
	if got := acceptor.Identity(); !reflect.DeepEqual(got, cfg.Identity) {
		t.Errorf("identity %+v", got)
	}
	if got := requestor.Extended(); len(got) != 1 || !bytes.Equal(got[0].Info, []byte{1}) {
		t.Errorf("extended negotiation %+v", got)
	}
	if uid, name := requestor.PeerImplementation(); uid != "2.25.2" || name != "TEST2" {
		t.Errorf("implementation %s %s", uid, name)
	}
	if requestor.PeerMaxPDULength() != dul.DefaultMaxPDULength || acceptor.PeerMaxPDULength() != 40_000 {
		t.Errorf("maximum lengths %d, %d", requestor.PeerMaxPDULength(), acceptor.PeerMaxPDULength())
	}
	if acceptor.ID() != "assoc-1" || len(requestor.ID()) < 6 || !requestor.Requestor() || acceptor.Requestor() {
		t.Errorf("ids %q, %q", acceptor.ID(), requestor.ID())
	}
	if c, ok := requestor.FindContext(ctStorage, explicit, implicit); !ok || c.ID != 3 {
		t.Errorf("found %+v", c)
	}
	if _, ok := requestor.FindContext(ctStorage, explicit); ok {
		t.Error("found a context that was not accepted with that syntax")
	}
	if _, ok := requestor.FindContext(verification); ok {
		t.Error("found a context that was refused")
	}
}

func TestNothingNegotiated(t *testing.T) {
	t.Parallel()
	requestor, acceptor := pair(t, config(), policy())
	for _, a := range []*dul.Assoc{requestor, acceptor} {
		if got := a.Async(); got != (dul.AsyncWindow{Invoked: 1, Performed: 1}) {
			t.Errorf("window %+v", got)
		}
		c, ok := a.FindContext(ctStorage)
		if !ok || c.LocalSCU != a.Requestor() || c.LocalSCP == a.Requestor() {
			t.Errorf("roles %+v", c)
		}
		if a.CallingAET() != "SCU" || a.CalledAET() != "SCP" || a.Identity() != nil || a.IdentityResponse() != nil {
			t.Errorf("%q to %q", a.CallingAET(), a.CalledAET())
		}
	}
}

func TestAnswersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	addr := scriptedServer(t, func(p peer) {
		ac := acceptance(p.receive().(*pdu.AssociateRQ))
		ac.Contexts = []pdu.AnsweredContext{
			{ID: 1, TransferSyntax: "1.2.3"},   // was not proposed
			{ID: 99, TransferSyntax: implicit}, // was not asked for
		}
		p.sendPDU(ac)
		p.expect(userAbort)
	})
	a, err := dul.Dial(t.Context(), addr, config())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range a.Contexts() {
		if c.Accepted() {
			t.Errorf("accepted %+v", c)
		}
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnswersThatEndIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sent, answer, text string }{
		"TLS alert":                  {"15 03 01 0002 0246", unrecognizedPDU, "wants TLS"},
		"data":                       {"04 00 00000006 00000002 01 03", unexpectedPDU, "Evt10 received in Sta5"},
		"request":                    {encoded(t, func(*pdu.AssociateRQ) {}), unexpectedPDU, "Evt6 received in Sta5"},
		"abort":                      {invalidValue, "", "aborted by the peer: invalid PDU parameter value"},
		"rejection":                  {"03 00 00000004 00 02 03 02", "", "for the moment: local limit exceeded"},
		"rejection of unknown kind":  {"03 00 00000004 00 01 01 09", "", "source 1, reason 9"},
		"acceptance with a tiny max": {tinyAcceptance(t), invalidValue, "maximum length 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := scriptedServer(t, func(p peer) {
				p.receive()
				p.send(c.sent)
				p.expect(c.answer)
			})
			if _, err := dul.Dial(t.Context(), addr, config()); err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want one with %q", err, c.text)
			}
		})
	}
}

func tinyAcceptance(t *testing.T) string {
	ac := acceptance(request())
	ac.UserInfo.MaxLength = 3
	b, err := ac.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return hexOf(string(b))
}

func TestConfigsThatCannotBeAskedWith(t *testing.T) {
	t.Parallel()
	long, none, many := config(), config(), config()
	long.CalledAET = "SEVENTEEN LETTERS"
	none.Contexts = nil
	many.Contexts = make([]dul.ProposedContext, 129)
	for text, cfg := range map[string]dul.Config{"SEVENTEEN LETTERS": long, "0 presentation contexts": none, "129 presentation contexts": many} {
		if _, err := dul.Dial(t.Context(), "127.0.0.1:1", cfg); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
}

func TestDialToNobody(t *testing.T) {
	t.Parallel()
	if _, err := dul.Dial(t.Context(), "127.0.0.1:1", config()); err == nil || !errors.As(err, new(*net.OpError)) || strings.Count(err.Error(), "127.0.0.1:1") != 1 {
		t.Errorf("error %v", err)
	}
}
