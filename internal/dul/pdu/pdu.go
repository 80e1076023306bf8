// Package pdu turns bytes into protocol data units of the DICOM upper layer
// and back (PS3.8 9.3). It does nothing else: no I/O, no state, no policy.
package pdu

import "fmt"

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
