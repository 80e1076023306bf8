package pdu

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Sizes in front of the bytes of a presentation data value.
const (
	PDVHeaderSize  = 6                          // item length, context id, control header
	DataHeaderSize = HeaderSize + PDVHeaderSize // of a P-DATA-TF with one item
)

// PDV is a presentation data value item (PS3.8 9.3.5.1) with the message
// control header of PS3.8 E.2.
type PDV struct {
	ContextID     uint8
	Command, Last bool
	Data          []byte
}

// Data is a P-DATA-TF (PS3.8 9.3.5).
type Data struct{ PDVs []PDV }

// Type is TypeData.
func (*Data) Type() Type { return TypeData }

// Append implements PDU.
func (p *Data) Append(dst []byte) ([]byte, error) {
	length := 0
	for _, v := range p.PDVs {
		length += PDVHeaderSize + len(v.Data)
	}
	if uint64(length) > math.MaxUint32 {
		return dst, &Error{Type: TypeData, Reason: fmt.Sprintf("%d bytes do not fit", length)}
	}
	dst = appendHeader(dst, TypeData, length)
	for _, v := range p.PDVs {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(v.Data)+2))
		dst = append(dst, v.ContextID, control(v.Command, v.Last))
		dst = append(dst, v.Data...)
	}
	return dst, nil
}

// DecodeData reads what follows the header of a P-DATA-TF. The values point
// into b.
func DecodeData(b []byte) (*Data, error) {
	p := &Data{}
	for off := 0; off < len(b); {
		h, err := ParsePDVHeader(b[off:])
		if err != nil {
			return nil, &Error{Type: TypeData, Offset: off, Reason: "presentation data value item cut short"}
		}
		off += PDVHeaderSize
		if uint64(h.Length) > uint64(len(b)-off) {
			return nil, &Error{Type: TypeData, Offset: off, Reason: "presentation data value longer than its PDU"}
		}
		end := off + int(h.Length)
		p.PDVs = append(p.PDVs, PDV{h.ContextID, h.Command, h.Last, b[off:end:end]})
		off = end
	}
	return p, nil
}

// PDVHeader is what stands before the bytes of a presentation data value;
// Length counts those bytes alone.
type PDVHeader struct {
	Length        uint32
	ContextID     uint8
	Command, Last bool
}

// ParsePDVHeader reads the first PDVHeaderSize bytes of b.
func ParsePDVHeader(b []byte) (PDVHeader, error) {
	if len(b) < PDVHeaderSize {
		return PDVHeader{}, &Error{Type: TypeData, Reason: "presentation data value item cut short"}
	}
	length := binary.BigEndian.Uint32(b)
	if length < 2 {
		return PDVHeader{}, &Error{Type: TypeData, Reason: fmt.Sprintf("presentation data value item of length %d", length)}
	}
	return PDVHeader{Length: length - 2, ContextID: b[4], Command: b[5]&1 != 0, Last: b[5]&2 != 0}, nil
}

// PutDataHeader writes the header of a P-DATA-TF with one item into the first
// DataHeaderSize bytes of b, for h.Length bytes of value that stand behind it.
func PutDataHeader(b []byte, h PDVHeader) {
	b[0], b[1] = byte(TypeData), 0
	binary.BigEndian.PutUint32(b[2:], h.Length+PDVHeaderSize)
	binary.BigEndian.PutUint32(b[6:], h.Length+2)
	b[10], b[11] = h.ContextID, control(h.Command, h.Last)
}

func control(command, last bool) byte {
	var c byte
	if command {
		c |= 1
	}
	if last {
		c |= 2
	}
	return c
}

func appendHeader(dst []byte, t Type, length int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, byte(t), 0), uint32(length))
}
