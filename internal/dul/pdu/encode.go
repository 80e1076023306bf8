package pdu

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Append implements PDU.
func (p *AssociateRQ) Append(dst []byte) ([]byte, error) {
	e := newEncoder(dst, TypeAssociateRQ)
	e.associate(p.ProtocolVersion, p.CalledAET, p.CallingAET, p.ApplicationContext)
	for _, c := range p.Contexts {
		e.item(itemProposedContext, func() {
			e.bytes(c.ID, 0, 0, 0)
			e.text(itemAbstractSyntax, c.AbstractSyntax)
			for _, ts := range c.TransferSyntaxes {
				e.text(itemTransferSyntax, ts)
			}
		})
	}
	e.item(itemUserInfo, func() { e.userInfo(&p.UserInfo) })
	return e.finish(dst)
}

// Append implements PDU.
func (p *AssociateAC) Append(dst []byte) ([]byte, error) {
	e := newEncoder(dst, TypeAssociateAC)
	e.associate(p.ProtocolVersion, p.CalledAET, p.CallingAET, p.ApplicationContext)
	for _, c := range p.Contexts {
		e.item(itemAnsweredContext, func() {
			e.bytes(c.ID, 0, c.Result, 0)
			e.text(itemTransferSyntax, c.TransferSyntax)
		})
	}
	e.item(itemUserInfo, func() { e.userInfo(&p.UserInfo) })
	return e.finish(dst)
}

// encoder appends items and fills in their lengths afterwards. The first error
// stays.
type encoder struct {
	b     []byte
	start int
	typ   Type
	err   error
}

func newEncoder(dst []byte, t Type) *encoder {
	return &encoder{b: appendHeader(dst, t, 0), start: len(dst), typ: t}
}

func (e *encoder) finish(dst []byte) ([]byte, error) {
	if e.err != nil {
		return dst, e.err
	}
	binary.BigEndian.PutUint32(e.b[e.start+2:], uint32(len(e.b)-e.start-HeaderSize))
	return e.b, nil
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = &Error{Type: e.typ, Offset: len(e.b) - e.start - HeaderSize, Reason: fmt.Sprintf(format, args...)}
	}
}

func (e *encoder) bytes(b ...byte)   { e.b = append(e.b, b...) }
func (e *encoder) uint16(v uint16)   { e.b = binary.BigEndian.AppendUint16(e.b, v) }
func (e *encoder) sized(v []byte)    { e.lengthOf(func() { e.bytes(v...) }) }
func (e *encoder) sizedUID(v string) { e.lengthOf(func() { e.b = append(e.b, v...) }) }

func (e *encoder) flag(v bool) {
	if v {
		e.bytes(1)
	} else {
		e.bytes(0)
	}
}

// lengthOf writes what fill adds, behind its length in two bytes.
func (e *encoder) lengthOf(fill func()) {
	at := len(e.b)
	e.uint16(0)
	fill()
	n := len(e.b) - at - 2
	if n > math.MaxUint16 {
		e.fail("%d bytes do not fit an item", n)
		return
	}
	binary.BigEndian.PutUint16(e.b[at:], uint16(n))
}

func (e *encoder) item(t itemType, fill func()) { e.versionedItem(t, 0, fill) }

func (e *encoder) versionedItem(t itemType, version byte, fill func()) {
	e.bytes(byte(t), version)
	e.lengthOf(fill)
}

func (e *encoder) text(t itemType, s string) {
	e.item(t, func() { e.b = append(e.b, s...) })
}

func (e *encoder) associate(version uint16, called, calling, application string) {
	e.uint16(version)
	e.uint16(0)
	e.aet(called)
	e.aet(calling)
	e.b = append(e.b, make([]byte, 32)...)
	e.text(itemApplicationContext, application)
}

// aet writes an AE title, padded with spaces (PS3.8 table 9-11).
func (e *encoder) aet(title string) {
	const padding = "                "
	if len(title) > len(padding) {
		e.fail("AE title %q is longer than %d characters", title, len(padding))
		title = title[:len(padding)]
	}
	e.b = append(append(e.b, title...), padding[len(title):]...)
}

func (e *encoder) userInfo(u *UserInfo) {
	e.item(itemMaxLength, func() { e.b = binary.BigEndian.AppendUint32(e.b, u.MaxLength) })
	e.text(itemImplementationClass, u.ImplementationClassUID)
	if u.Async != nil {
		e.item(itemAsyncWindow, func() { e.uint16(u.Async.Invoked); e.uint16(u.Async.Performed) })
	}
	for _, r := range u.Roles {
		e.item(itemRoleSelection, func() { e.sizedUID(r.SOPClassUID); e.flag(r.SCU); e.flag(r.SCP) })
	}
	if u.ImplementationVersionName != "" {
		e.text(itemImplementationVersion, u.ImplementationVersionName)
	}
	for _, x := range u.Extended {
		e.item(itemExtended, func() { e.sizedUID(x.SOPClassUID); e.bytes(x.Info...) })
	}
	for _, x := range u.CommonExtended {
		e.versionedItem(itemCommonExtended, 0, func() { e.commonExtended(x) })
	}
	e.identity(u)
}

func (e *encoder) commonExtended(x CommonExtendedNegotiation) {
	e.sizedUID(x.SOPClassUID)
	e.sizedUID(x.ServiceClassUID)
	e.lengthOf(func() {
		for _, uid := range x.RelatedGeneralSOPClassUIDs {
			e.sizedUID(uid)
		}
	})
}

func (e *encoder) identity(u *UserInfo) {
	if id := u.Identity; id != nil {
		e.item(itemUserIdentity, func() {
			e.bytes(id.Type)
			e.flag(id.ResponseRequested)
			e.sized(id.Primary)
			e.sized(id.Secondary)
		})
	}
	if u.IdentityResponse != nil {
		e.item(itemIdentityResponse, func() { e.sized(u.IdentityResponse) })
	}
}
