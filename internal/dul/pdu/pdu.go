// Package pdu turns bytes into protocol data units of the DICOM upper layer
// and back (PS3.8 9.3). It does nothing else: no I/O, no state, no policy.
package pdu

import (
	"encoding/binary"
	"fmt"
)

// Type is the first byte of every PDU (PS3.8 9.3.1).
type Type uint8

// The seven PDU types, PS3.8 9.3.2 to 9.3.8.
const (
	TypeAssociateRQ Type = 0x01
	TypeAssociateAC Type = 0x02
	TypeAssociateRJ Type = 0x03
	TypeData        Type = 0x04
	TypeReleaseRQ   Type = 0x05
	TypeReleaseRP   Type = 0x06
	TypeAbort       Type = 0x07
)

// String names the PDU as the standard does.
func (t Type) String() string {
	names := [...]string{"", "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC", "A-ASSOCIATE-RJ",
		"P-DATA-TF", "A-RELEASE-RQ", "A-RELEASE-RP", "A-ABORT"}
	if t.Known() {
		return names[t]
	}
	return fmt.Sprintf("PDU type %02XH", uint8(t))
}

// Known reports whether t is one of the seven types of PS3.8 9.3.
func (t Type) Known() bool { return t >= TypeAssociateRQ && t <= TypeAbort }

// HeaderSize is the number of bytes in front of every PDU: type, reserved, length.
const HeaderSize = 6

// Header is the beginning of every PDU. Length counts the bytes that follow it.
type Header struct {
	Type   Type
	Length uint32
}

// ParseHeader reads the first HeaderSize bytes of b.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, &Error{Reason: fmt.Sprintf("header of %d bytes, %d expected", len(b), HeaderSize)}
	}
	return Header{Type: Type(b[0]), Length: binary.BigEndian.Uint32(b[2:6])}, nil
}

// PDU is one of *AssociateRQ, *AssociateAC, *AssociateRJ, *Data, *ReleaseRQ,
// *ReleaseRP and *Abort.
type PDU interface {
	Type() Type
	// Append adds the whole PDU, header included, to dst. It fails, and leaves
	// dst as it was, if a field does not fit the place it has on the wire.
	Append(dst []byte) ([]byte, error)
}

// Decode reads the PDU whose header is h from body, all the bytes after it.
// What it returns may point into body.
func Decode(h Header, body []byte) (PDU, error) {
	if uint64(h.Length) != uint64(len(body)) {
		return nil, &Error{Type: h.Type, Reason: fmt.Sprintf("%d bytes, %d announced", len(body), h.Length)}
	}
	switch h.Type {
	case TypeAssociateRQ:
		return DecodeAssociateRQ(body)
	case TypeAssociateAC:
		return DecodeAssociateAC(body)
	case TypeAssociateRJ:
		return DecodeAssociateRJ(body)
	case TypeData:
		return DecodeData(body)
	case TypeReleaseRQ:
		return &ReleaseRQ{}, checkShort(h.Type, body)
	case TypeReleaseRP:
		return &ReleaseRP{}, checkShort(h.Type, body)
	case TypeAbort:
		return DecodeAbort(body)
	default:
		return nil, &Error{Type: h.Type, Reason: "no such PDU"}
	}
}

// Error says what is wrong with a PDU, and at which byte after its header.
type Error struct {
	Type   Type
	Offset int
	Reason string
}

func (e *Error) Error() string {
	if e.Type == 0 {
		return "pdu: " + e.Reason
	}
	return fmt.Sprintf("pdu: %v: %s (byte %d)", e.Type, e.Reason, e.Offset)
}
