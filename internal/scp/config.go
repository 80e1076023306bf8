package scp

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dul"
)

// Defaults of Config.
const (
	DefaultMaxAssociations = 100
	DefaultOperations      = 4
	DefaultDrainTimeout    = 30 * time.Second
)

// ContextResult is the answer to a proposed presentation context (PS3.8 9.3.3.2).
type ContextResult uint8

// The answers.
const (
	Accepted                     ContextResult = 0
	UserRejection                ContextResult = 1
	NoReason                     ContextResult = 2
	AbstractSyntaxNotSupported   ContextResult = 3
	TransferSyntaxesNotSupported ContextResult = 4
)

// Config says what a Server does. Its zero value is a server that answers C-ECHO.
type Config struct {
	// Handler implements some of Echoer, Storer, Actor, EventReceiver.
	Handler any

	// Access decides who may associate: nil or a *dul.Rejection, which goes to the peer; any other error rejects without
	// a reason. Nil lets everybody in.
	Access func(ctx context.Context, rq *dul.Request) error
	// Accept chooses the transfer syntax of a proposed presentation context. Nil accepts Verification alone.
	Accept func(peer *Peer, abstractSyntax dicom.UID, proposed []dicom.UID) (dicom.UID, ContextResult)
	// Roles answers a role selection item (PS3.7 D.3.3.4) of a class with an accepted context; it can only take away
	// from what is proposed. Nil grants every role to peers of Storage Commitment, and SCP elsewhere only when
	// the handler is a Retriever.
	Roles func(peer *Peer, proposed dul.RoleSelection) dul.RoleSelection
	// Identity checks a user identity (PS3.7 D.3.3.7) and returns the server response, nil for none. Nil lets all in.
	Identity func(ctx context.Context, rq *dul.Request) ([]byte, error)

	// Connection takes each connection before its first byte is read, and returns what is read in its place. Review has
	// the last word on the answer to an association that is about to be accepted: it may change it, and its error is as
	// that of Access, or an *dul.AbortError. Around performs an operation, by next or in another way; its error becomes
	// the status. All are for faults made on purpose, whose errors wrap ErrOnPurpose; nil: nothing comes between.
	Connection func(net.Conn) net.Conn
	Review     func(ctx context.Context, rq *dul.Request, answer *dul.Answer) error
	Around     func(ctx context.Context, rq *Incoming, next func() error) error

	MaxAssociations int // associations at once, more are refused as transient, local limit exceeded; 0: 100
	// Operations is how many operations are performed at once over all associations (DicomThreadsCount); 0: 4. It bounds
	// work, not waiting: an operation counts when all of its data set has arrived, so that peers that send slowly
	// or not at all keep nobody else from being served. C-ECHO and C-STORE never count: what there is to do for an object
	// is done while it arrives, and then the disk is waited for; the memory that takes is for the Storer to bound. Of other
	// data sets two at once may be longer than 1 MiB.
	Operations  int
	AsyncWindow uint16 // operations at once granted to one association, 0 or 1: no more than one

	MaxPDULength                           uint32 // received; 0: dul.DefaultMaxPDULength
	ImplementationClassUID                 string
	ImplementationVersionName              string
	TLS                                    *tls.Config
	ACSETimeout, DIMSETimeout, IdleTimeout time.Duration // IdleTimeout is DicomScpTimeout; 0: none
	// DrainTimeout bounds how long data that a handler did not want is read before the response; 0: 30 s.
	DrainTimeout time.Duration

	Logger   *slog.Logger // nil discards
	Observer *Observer    // nil watches nothing
}
