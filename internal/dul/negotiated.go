package dul

import (
	"slices"

	"gantry/internal/dul/pdu"
)

// negotiated is what both sides agreed on; it does not change afterwards.
type negotiated struct {
	requestor             bool
	callingAET, calledAET string
	contexts              []Context
	byID                  [256]uint8 // 1 + index in contexts
	peerMaxPDU            uint32
	async                 AsyncWindow
	peer                  pdu.UserInfo
	rq                    *pdu.AssociateRQ
}

// Requestor reports whether this side asked for the association.
func (n *negotiated) Requestor() bool { return n.requestor }

// CallingAET is the AE title of the requestor.
func (n *negotiated) CallingAET() string { return n.callingAET }

// CalledAET is the AE title that the requestor wanted.
func (n *negotiated) CalledAET() string { return n.calledAET }

// Contexts gives all presentation contexts, refused ones too, as proposed.
func (n *negotiated) Contexts() []Context { return slices.Clone(n.contexts) }

// Context gives the presentation context with that id.
func (n *negotiated) Context(id uint8) (Context, bool) {
	if i := n.byID[id]; i > 0 {
		return n.contexts[i-1], true
	}
	return Context{}, false
}

// FindContext gives an accepted context for the abstract syntax; the transfer
// syntaxes are in order of preference, none means any.
func (n *negotiated) FindContext(abstractSyntax string, transferSyntaxes ...string) (Context, bool) {
	if len(transferSyntaxes) == 0 {
		transferSyntaxes = []string{""}
	}
	for _, ts := range transferSyntaxes {
		for _, c := range n.contexts {
			if c.Accepted() && c.AbstractSyntax == abstractSyntax && (ts == "" || ts == c.TransferSyntax) {
				return c, true
			}
		}
	}
	return Context{}, false
}

// PeerMaxPDULength is the longest P-DATA-TF the peer takes, its header not
// counted; 0 is no limit (PS3.8 D.1).
func (n *negotiated) PeerMaxPDULength() uint32 { return n.peerMaxPDU }

// Async tells how many operations this side may invoke, and has to perform, at
// once; 0 is any number (PS3.7 D.3.3.3).
func (n *negotiated) Async() AsyncWindow { return n.async }

// PeerImplementation gives what the peer says of itself (PS3.7 D.3.3.2).
func (n *negotiated) PeerImplementation() (uid, version string) {
	return n.peer.ImplementationClassUID, n.peer.ImplementationVersionName
}

// Identity is the user identity the peer asked with; nil without one.
func (n *negotiated) Identity() *UserIdentity { return n.peer.Identity }

// IdentityResponse is the acceptor's answer to this side's user identity; nil
// without one.
func (n *negotiated) IdentityResponse() []byte { return n.peer.IdentityResponse }

// Extended is the peer's SOP class extended negotiation.
func (n *negotiated) Extended() []ExtendedNegotiation { return n.peer.Extended }

// CommonExtended is the peer's SOP class common extended negotiation.
func (n *negotiated) CommonExtended() []CommonExtendedNegotiation { return n.peer.CommonExtended }

func (n *negotiated) setContexts(contexts []Context) {
	n.contexts = contexts
	for i, c := range contexts {
		n.byID[c.ID] = uint8(i + 1)
	}
}

// setRoles applies the roles that were proposed and granted. A SOP class without
// both items keeps the default roles.
func (n *negotiated) setRoles(proposed, granted []RoleSelection) {
	for i := range n.contexts {
		c := &n.contexts[i]
		scu, scp := true, false // the requestor's
		p, ok := findRole(proposed, c.AbstractSyntax)
		if g, granted := findRole(granted, c.AbstractSyntax); ok && granted {
			scu, scp = p.SCU && g.SCU, p.SCP && g.SCP
		}
		if n.requestor {
			c.LocalSCU, c.LocalSCP = scu, scp
		} else {
			c.LocalSCU, c.LocalSCP = scp, scu
		}
	}
}

func findRole(roles []RoleSelection, sopClass string) (RoleSelection, bool) {
	i := slices.IndexFunc(roles, func(r RoleSelection) bool { return r.SOPClassUID == sopClass })
	if i < 0 {
		return RoleSelection{}, false
	}
	return roles[i], true
}

// setAsync takes the window of both sides, seen from the requestor.
func (n *negotiated) setAsync(proposed, granted *AsyncWindow) {
	w := AsyncWindow{Invoked: 1, Performed: 1}
	if proposed != nil && granted != nil {
		w = AsyncWindow{
			Invoked:   fewer(proposed.Invoked, granted.Invoked),
			Performed: fewer(proposed.Performed, granted.Performed),
		}
	}
	if !n.requestor {
		w.Invoked, w.Performed = w.Performed, w.Invoked
	}
	n.async = w
}

// fewer gives the smaller of two numbers of which 0 is unlimited.
func fewer(a, b uint16) uint16 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
