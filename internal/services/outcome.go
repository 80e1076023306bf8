package services

import (
	"errors"

	"gantry/internal/dul"
	"gantry/internal/metrics"
	"gantry/internal/scp"
)

// ending names how an association ended.
func ending(err error) metrics.Result {
	var timeout *dul.TimeoutError
	var abort *dul.AbortError
	aborted := errors.As(err, &abort)
	switch {
	case err == nil:
		return metrics.Released
	case scp.IsShutdown(err):
		return metrics.Shutdown
	case errors.As(err, &timeout):
		return metrics.TimedOut
	case errors.Is(err, dul.ErrConnectionLost):
		return metrics.Lost
	case errors.Is(err, scp.ErrOnPurpose):
		return metrics.Aborted
	case aborted && abort.FromPeer:
		return metrics.AbortedByPeer
	case aborted && broke(abort):
		return metrics.Malformed
	}
	return metrics.Aborted
}

// broke reports whether an abort was the answer to a PDU that should not have been.
func broke(abort *dul.AbortError) bool {
	return !abort.FromPeer && abort.Source == dul.AbortSourceProvider && abort.Reason != dul.AbortNotSpecified
}

// refusal names what stood in the way of an association.
func refusal(err error) metrics.Limit {
	var rejection *dul.Rejection
	var timeout *dul.TimeoutError
	var abort *dul.AbortError
	switch {
	case errors.Is(err, scp.ErrOnPurpose):
		return metrics.LimitFault
	case errors.As(err, &rejection):
		return rejected(*rejection)
	case errors.Is(err, dul.ErrTLSMismatch):
		return metrics.LimitTLS
	case errors.As(err, &timeout):
		return metrics.LimitACSETimeout
	case errors.As(err, &abort) && broke(abort):
		return metrics.LimitMalformed
	}
	return metrics.LimitNegotiation
}

func rejected(r dul.Rejection) metrics.Limit {
	switch r {
	case *dul.RejectLocalLimit():
		return metrics.LimitAssociations
	case *dul.RejectCalledAET():
		return metrics.LimitCalledAET
	case *dul.RejectCallingAET():
		return metrics.LimitCallingAET
	}
	return metrics.LimitNegotiation
}
