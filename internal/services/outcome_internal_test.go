package services

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/metrics"
	"gantry/internal/modalities"
	"gantry/internal/scp"
)

func TestEndingsOfAssociations(t *testing.T) {
	t.Parallel()
	for want, err := range map[metrics.Result]error{
		metrics.Released:      nil,
		metrics.AbortedByPeer: &dul.AbortError{FromPeer: true, Source: dul.AbortSourceUser},
		metrics.Aborted:       &dul.AbortError{Source: dul.AbortSourceUser, Err: errors.New("scp: a handler panicked")},
		metrics.Malformed:     &dul.AbortError{Source: dul.AbortSourceProvider, Reason: dul.AbortInvalidParameter},
		metrics.TimedOut:      &dul.AbortError{Err: &dul.TimeoutError{Phase: "idle"}},
		metrics.Lost:          &dul.AbortError{Err: fmt.Errorf("read: %w", dul.ErrConnectionLost)},
	} {
		if got := ending(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}

func TestRefusalsOfAssociations(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want metrics.Limit
	}{
		{dul.RejectLocalLimit(), metrics.LimitAssociations},
		{dul.RejectCalledAET(), metrics.LimitCalledAET},
		{dul.RejectCallingAET(), metrics.LimitCallingAET},
		{dul.RejectApplicationContext(), metrics.LimitNegotiation},
		{&dul.TLSMismatchError{Server: true}, metrics.LimitTLS},
		{&dul.AbortError{Err: &dul.TimeoutError{Phase: "association"}}, metrics.LimitACSETimeout},
		{&dul.AbortError{Source: dul.AbortSourceProvider, Reason: dul.AbortUnrecognizedPDU}, metrics.LimitMalformed},
		{&dul.AbortError{Err: dul.ErrConnectionLost}, metrics.LimitNegotiation},
		{fmt.Errorf("%w: %w", scp.ErrOnPurpose, dul.RejectLocalLimit()), metrics.LimitFault},
	} {
		if got := refusal(fmt.Errorf("scp: %w", test.err)); got != test.want {
			t.Errorf("%v is %q, want %q", test.err, got, test.want)
		}
	}
}

// Not parallel: allocations of others would count.
func TestCountingAnOperationAllocatesNothing(t *testing.T) {
	s := New(Deps{Config: config.Default(), Modalities: modalities.New(nil, false), Metrics: metrics.New(metrics.Options{Enabled: true})})
	o := s.Observer()
	op := scp.Operation{Peer: &scp.Peer{CallingAET: "CT"}, Service: "C-STORE", Status: dimse.StatusSuccess, Duration: time.Millisecond, Bytes: 1000}
	o.Operation(op)
	if n := testing.AllocsPerRun(1000, func() { o.Operation(op) }); n != 0 {
		t.Errorf("%v allocations for each operation", n)
	}
}
