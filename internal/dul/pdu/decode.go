package pdu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// DecodeAssociateRQ reads what follows the header of an A-ASSOCIATE-RQ. Unknown
// items are skipped (PS3.8 9.3.1). Nothing in the result points into b.
func DecodeAssociateRQ(b []byte) (*AssociateRQ, error) {
	p := &AssociateRQ{}
	d := &decoder{b: b, typ: TypeAssociateRQ}
	p.ProtocolVersion, p.CalledAET, p.CallingAET = d.associate()
	d.variable(&p.ApplicationContext, &p.UserInfo, itemProposedContext, func(d *decoder) {
		p.Contexts = append(p.Contexts, d.proposedContext())
		d.limitContexts(len(p.Contexts))
	})
	if d.err != nil {
		return nil, d.err
	}
	return p, nil
}

// DecodeAssociateAC reads what follows the header of an A-ASSOCIATE-AC. Unknown
// items are skipped (PS3.8 9.3.1). Nothing in the result points into b.
func DecodeAssociateAC(b []byte) (*AssociateAC, error) {
	p := &AssociateAC{}
	d := &decoder{b: b, typ: TypeAssociateAC}
	p.ProtocolVersion, p.CalledAET, p.CallingAET = d.associate()
	d.variable(&p.ApplicationContext, &p.UserInfo, itemAnsweredContext, func(d *decoder) {
		p.Contexts = append(p.Contexts, d.answeredContext())
		d.limitContexts(len(p.Contexts))
	})
	if d.err != nil {
		return nil, d.err
	}
	return p, nil
}

// decoder walks through nested items. The first error stays and ends the walk.
type decoder struct {
	b    []byte
	base int // where b begins, counted from the PDU header's end
	off  int
	typ  Type
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = &Error{Type: d.typ, Offset: d.base + d.off, Reason: fmt.Sprintf(format, args...)}
	}
}

// take gives the next n bytes, or nil and an error.
func (d *decoder) take(n int, what string) []byte {
	if d.err != nil {
		return nil
	}
	if n > len(d.b)-d.off {
		d.fail("%s: %d bytes wanted, %d there", what, n, len(d.b)-d.off)
		return nil
	}
	d.off += n
	return d.b[d.off-n : d.off]
}

func (d *decoder) uint8(what string) uint8 {
	if b := d.take(1, what); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint16(what string) uint16 {
	if b := d.take(2, what); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// sized gives the bytes behind a length in two bytes.
func (d *decoder) sized(what string) []byte {
	return d.take(int(d.uint16(what)), what)
}

func (d *decoder) sizedText(what string) string { return trim(d.sized(what)) }

func (d *decoder) rest() []byte     { return d.take(len(d.b)-d.off, "") }
func (d *decoder) restText() string { return trim(d.rest()) }

// items calls visit for each item that is left, with a decoder of its contents.
func (d *decoder) items(visit func(itemType, *decoder)) {
	for d.err == nil && d.off < len(d.b) {
		head := d.take(2, "item header")
		body := d.sized("item")
		if d.err != nil {
			return
		}
		in := &decoder{b: body, base: d.base + d.off - len(body), typ: d.typ}
		visit(itemType(head[0]), in)
		d.err = in.err
	}
}

// variable reads the items that A-ASSOCIATE-RQ and -AC have in common; context reads those of type contextItem.
func (d *decoder) variable(application *string, user *UserInfo, contextItem itemType, context func(*decoder)) {
	d.items(func(t itemType, d *decoder) {
		switch t {
		case itemApplicationContext:
			*application = d.restText()
		case contextItem:
			context(d)
		case itemUserInfo:
			d.userInfo(user)
		}
	})
}

func (d *decoder) associate() (version uint16, called, calling string) {
	b := d.take(68, "fixed fields")
	if b == nil {
		return 0, "", ""
	}
	return binary.BigEndian.Uint16(b), trim(b[4:20]), trim(b[20:36])
}

func (d *decoder) limitContexts(n int) {
	if n > MaxContexts {
		d.fail("more than %d presentation contexts", MaxContexts)
	}
}

func (d *decoder) proposedContext() ProposedContext {
	c := ProposedContext{ID: d.uint8("presentation context id")}
	d.take(3, "presentation context")
	d.items(func(t itemType, d *decoder) {
		switch t {
		case itemAbstractSyntax:
			c.AbstractSyntax = d.restText()
		case itemTransferSyntax:
			c.TransferSyntaxes = append(c.TransferSyntaxes, d.restText())
		}
	})
	return c
}

func (d *decoder) answeredContext() AnsweredContext {
	c := AnsweredContext{ID: d.uint8("presentation context id")}
	d.take(1, "presentation context")
	c.Result = d.uint8("presentation context result")
	d.take(1, "presentation context")
	d.items(func(t itemType, d *decoder) {
		if t == itemTransferSyntax {
			c.TransferSyntax = d.restText()
		}
	})
	return c
}

// trim takes away the padding that peers put around titles and UIDs.
func trim(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return strings.TrimSpace(string(b))
}
