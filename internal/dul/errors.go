package dul

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// ErrNoAssociation is returned by Accept when the peer closed the connection
// without sending a byte: a port check, worth a debug line.
var ErrNoAssociation = errors.New("dul: connection closed before an association was asked for")

// ErrConnectionLost is wrapped by the *AbortError of an association whose
// connection broke.
var ErrConnectionLost = errors.New("connection lost")

// ErrClosed is returned when a released or closed association is used.
var ErrClosed = errors.New("dul: association is over")

// ErrTLSMismatch is wrapped by every *TLSMismatchError.
var ErrTLSMismatch = errors.New("TLS on one side only")

// Sources of an A-ABORT (PS3.8 9.3.8).
const (
	AbortSourceUser     uint8 = 0
	AbortSourceProvider uint8 = 2
)

// Reasons of an A-ABORT by the service provider (PS3.8 table 9-26).
const (
	AbortNotSpecified          uint8 = 0
	AbortUnrecognizedPDU       uint8 = 1
	AbortUnexpectedPDU         uint8 = 2
	AbortUnrecognizedParameter uint8 = 4
	AbortUnexpectedParameter   uint8 = 5
	AbortInvalidParameter      uint8 = 6
)

// AbortError says that an association ended without a release.
type AbortError struct {
	Source, Reason uint8 // PS3.8 9.3.8
	FromPeer       bool  // the peer sent the A-ABORT
	Err            error // what led to it, may be nil
}

func (e *AbortError) Error() string {
	var who string
	switch {
	case errors.Is(e.Err, ErrConnectionLost):
		return "dul: " + e.Err.Error()
	case e.FromPeer:
		who = "aborted by the peer"
	default:
		who = "aborted"
	}
	text := "dul: association " + who
	if e.FromPeer || e.Source != AbortSourceUser {
		text += ": " + abortReason(e.Source, e.Reason)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives what led to the abort.
func (e *AbortError) Unwrap() error { return e.Err }

func abortReason(source, reason uint8) string {
	if source == AbortSourceUser {
		return "by the application"
	}
	reasons := map[uint8]string{
		AbortNotSpecified: "reason not specified", AbortUnrecognizedPDU: "unrecognized PDU",
		AbortUnexpectedPDU: "unexpected PDU", AbortUnrecognizedParameter: "unrecognized PDU parameter",
		AbortUnexpectedParameter: "unexpected PDU parameter", AbortInvalidParameter: "invalid PDU parameter value",
	}
	if text, ok := reasons[reason]; ok {
		return text
	}
	return fmt.Sprintf("source %d, reason %d", source, reason)
}

// TimeoutError says which wait took too long. It is os.ErrDeadlineExceeded too.
type TimeoutError struct {
	Phase string // "connect", "TLS handshake", "association", "release", "DIMSE", "idle"
	Hint  string // what may be wrong; may be empty
}

func (e *TimeoutError) Error() string {
	text := "dul: " + e.Phase + " time-out"
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// Timeout makes it a net.Error in the sense that counts.
func (e *TimeoutError) Timeout() bool { return true }

// Is matches os.ErrDeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// ConnectError says that there is no connection.
type ConnectError struct {
	Addr string // host:port
	Err  error  // of the dialer
}

// Error names the address once, and not, as package net does, twice.
func (e *ConnectError) Error() string {
	reason := e.Err
	if op := new(net.OpError); errors.As(reason, &op) {
		reason = op.Err
	}
	if call := new(os.SyscallError); errors.As(reason, &call) {
		reason = call.Err
	}
	return fmt.Sprintf("dul: connect to %s: %v", e.Addr, reason)
}

// Unwrap gives the dialer's error.
func (e *ConnectError) Unwrap() error { return e.Err }

// TLSMismatchError says that one side spoke TLS and the other did not.
type TLSMismatchError struct {
	PeerTLS bool // the peer speaks TLS, this side does not
	Server  bool // this side accepted the connection
	Silent  bool // the peer closed the connection without a word, so this is likely but not sure
}

func (e *TLSMismatchError) Error() string {
	switch {
	case e.Server && e.PeerTLS:
		return "dul: the peer speaks TLS on a plain port: let it use a plain connection, or configure TLS on this port"
	case e.Server:
		return "dul: the peer speaks plain DICOM on a TLS port: let it use TLS, or connect to a plain port"
	case e.PeerTLS && e.Silent:
		return "dul: the peer closed the connection without an answer: its port may want TLS, or it refuses this host"
	case e.PeerTLS:
		return "dul: the peer's port wants TLS, this side spoke plain DICOM: switch TLS on for it"
	case e.Silent:
		return "dul: the peer closed the connection when TLS was offered: its port may be a plain one"
	default:
		return "dul: the peer's port does not speak TLS: switch TLS off for it, or use its TLS port"
	}
}

// Unwrap gives ErrTLSMismatch.
func (e *TLSMismatchError) Unwrap() error { return ErrTLSMismatch }

// SourceError says that the data set of a message could not be read. If nothing
// of the message had been sent the association goes on, else it is aborted.
type SourceError struct {
	Sent bool
	Err  error
}

func (e *SourceError) Error() string { return "dul: read data set to send: " + e.Err.Error() }

// Unwrap gives the reader's error.
func (e *SourceError) Unwrap() error { return e.Err }

// ContextError says that a presentation context has not been accepted, so that
// nothing can be sent on it.
type ContextError struct{ ID uint8 }

func (e *ContextError) Error() string {
	return fmt.Sprintf("dul: presentation context %d is not accepted on this association", e.ID)
}
