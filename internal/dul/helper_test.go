package dul_test

import (
	"context"
	"net"
	"testing"

	"gantry/internal/dul"
)

const (
	verification = "1.2.840.10008.1.1"
	ctStorage    = "1.2.840.10008.5.1.4.1.1.2"
	implicit     = "1.2.840.10008.1.2"
	explicit     = "1.2.840.10008.1.2.1"
)

// acceptAll takes every context with its first transfer syntax, and grants what
// is asked for.
func acceptAll(_ context.Context, rq *dul.Request) (*dul.Answer, error) {
	answer := &dul.Answer{Roles: rq.Roles, Async: rq.Async}
	for _, c := range rq.Contexts {
		answer.Contexts = append(answer.Contexts, dul.AnsweredContext{ID: c.ID, TransferSyntax: c.TransferSyntaxes[0]})
	}
	return answer, nil
}

func config() dul.Config {
	return dul.Config{
		CallingAET: "SCU", CalledAET: "SCP",
		Contexts: []dul.ProposedContext{
			{AbstractSyntax: verification, TransferSyntaxes: []string{implicit}},
			{AbstractSyntax: ctStorage, TransferSyntaxes: []string{explicit, implicit}},
		},
		ImplementationClassUID: "2.25.1", ImplementationVersionName: "TEST",
	}
}

func policy() dul.Policy {
	return dul.Policy{Negotiate: acceptAll, ImplementationClassUID: "2.25.2", ImplementationVersionName: "TEST2"}
}

// accepted is what Accept gave.
type accepted struct {
	*dul.Assoc
	err error
}

// listen accepts one association after the other on a port of its own.
func listen(t testing.TB, pol dul.Policy) (addr string, associations <-chan accepted) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	ch := make(chan accepted, 16)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			a, err := dul.Accept(t.Context(), c, pol)
			ch <- accepted{a, err}
		}
	}()
	return ln.Addr().String(), ch
}

// pair gives both ends of an association over loopback.
func pair(t testing.TB, cfg dul.Config, pol dul.Policy) (requestor, acceptor *dul.Assoc) {
	t.Helper()
	addr, associations := listen(t, pol)
	requestor, err := dul.Dial(t.Context(), addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	got := <-associations
	if got.err != nil {
		t.Fatal(got.err)
	}
	t.Cleanup(func() { _ = requestor.Close(); _ = got.Close() })
	return requestor, got.Assoc
}

// message collects the next message up to the end of its data set.
func message(ctx context.Context, a *dul.Assoc, withData bool) (command, data []byte, err error) {
	for last := false; !last; {
		v, err := a.ReadPDV(ctx)
		if err != nil {
			return nil, nil, err
		}
		if v.Command {
			command = append(command, v.Data...)
		} else {
			data = append(data, v.Data...)
		}
		last = v.Last && v.Command == !withData
	}
	return command, data, nil
}

// contextOf gives a context that ends with the association.
func contextOf(a *dul.Assoc) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, func() { _ = a.Close() })
	return ctx, func() { stop(); cancel() }
}
