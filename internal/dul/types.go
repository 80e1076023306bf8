package dul

import (
	"crypto/tls"
	"net"

	"gantry/internal/dul/pdu"
)

// The parts of a negotiation that look the same on the wire and here.
type (
	RoleSelection             = pdu.RoleSelection
	AsyncWindow               = pdu.AsyncWindow
	UserIdentity              = pdu.UserIdentity
	ExtendedNegotiation       = pdu.ExtendedNegotiation
	CommonExtendedNegotiation = pdu.CommonExtendedNegotiation
	RequestedContext          = pdu.ProposedContext
	AnsweredContext           = pdu.AnsweredContext
)

// DefaultMaxPDULength is what a side announces as the longest P-DATA-TF it
// wants to receive, if nothing else is set.
const DefaultMaxPDULength = 131072

// ProposedContext is a presentation context to be proposed by Dial, which
// numbers them itself.
type ProposedContext struct {
	AbstractSyntax   string
	TransferSyntaxes []string
}

// Context is a presentation context after negotiation.
type Context struct {
	ID                             uint8
	AbstractSyntax, TransferSyntax string
	Result                         uint8 // 0 accepted, else PS3.8 table 9-18
	// Roles of this side on the context. Without role selection the requestor
	// is SCU and the acceptor SCP (PS3.7 D.3.3.4).
	LocalSCU, LocalSCP bool
}

// Accepted reports whether messages may be sent on the context.
func (c Context) Accepted() bool { return c.Result == pdu.ResultAcceptance }

// Request is what an association requestor asks for.
type Request struct {
	CallingAET, CalledAET     string
	RemoteAddr                net.Addr
	Contexts                  []RequestedContext
	Roles                     []RoleSelection
	Async                     *AsyncWindow // nil: not negotiated, one operation at a time
	Identity                  *UserIdentity
	Extended                  []ExtendedNegotiation
	CommonExtended            []CommonExtendedNegotiation
	MaxPDULength              uint32 // 0: unlimited
	ImplementationClassUID    string
	ImplementationVersionName string
	TLS                       *tls.ConnectionState // nil on a plain connection
	Conn                      net.Conn             // on which it came, below TLS: neither to be read nor written
}

// Answer is what a policy grants. Requested contexts that it does not mention
// are refused (abstract syntax not supported).
type Answer struct {
	Contexts []AnsweredContext
	Roles    []RoleSelection // granted to the requestor; counted only where proposed
	Async    *AsyncWindow    // nil: one operation at a time; seen from the requestor
	Identity []byte          // server response, sent if the requestor asked for one
	Extended []ExtendedNegotiation
}

// PDV is a piece of a message: a fragment, or a part of one, of a command or a
// data set on one presentation context (PS3.8 9.3.5.1).
type PDV struct {
	ContextID uint8
	Command   bool   // command set; else data set
	Last      bool   // the last piece of the command or data set
	Data      []byte // valid until the next ReadPDV; may be empty
}
