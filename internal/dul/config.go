package dul

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"
)

// Config says how an association is asked for.
type Config struct {
	CallingAET, CalledAET string
	Contexts              []ProposedContext // at most 128; numbered 1, 3, 5... in this order
	Roles                 []RoleSelection
	Async                 *AsyncWindow
	Identity              *UserIdentity
	Extended              []ExtendedNegotiation
	CommonExtended        []CommonExtendedNegotiation

	MaxPDULength uint32 // longest P-DATA-TF to receive; 0 means DefaultMaxPDULength
	TLS          *tls.Config

	ConnectTimeout time.Duration // TCP connection and TLS handshake; 0 none
	ACSETimeout    time.Duration // answers to A-ASSOCIATE-RQ and A-RELEASE-RQ; 0 none
	DIMSETimeout   time.Duration // progress of a message, and a reply that is awaited; 0 none
	IdleTimeout    time.Duration // nothing to be sent and no reply awaited; 0 none

	ImplementationClassUID, ImplementationVersionName string
	Logger                                            *slog.Logger // nil: discard
}

// Policy says which associations are accepted, and how.
type Policy struct {
	// Negotiate answers a request. A *Rejection sends an A-ASSOCIATE-RJ, any
	// other error an A-ABORT, with source and reason if it is an *AbortError.
	Negotiate func(ctx context.Context, rq *Request) (*Answer, error)

	MaxPDULength uint32 // longest P-DATA-TF to receive; 0 means DefaultMaxPDULength
	TLS          *tls.Config

	ACSETimeout  time.Duration // the ARTIM timer (PS3.8 9.1.5); 0 means DefaultARTIM
	DIMSETimeout time.Duration // progress of a message, and a reply that is awaited; 0 none
	IdleTimeout  time.Duration // waiting for the next message; 0 none

	ImplementationClassUID, ImplementationVersionName string
	Logger                                            *slog.Logger  // nil: discard
	NewID                                             func() string // association ids for the log; nil: random ones
}

// DefaultARTIM is the ARTIM timer of a Policy that sets none.
const DefaultARTIM = 30 * time.Second
