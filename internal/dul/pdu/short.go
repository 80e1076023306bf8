package pdu

import "fmt"

// The four PDUs with four bytes after the header.

// AssociateRJ refuses an association (PS3.8 9.3.4, table 9-21).
type AssociateRJ struct{ Result, Source, Reason uint8 }

// ReleaseRQ asks for the end of an association (PS3.8 9.3.6).
type ReleaseRQ struct{}

// ReleaseRP agrees to it (PS3.8 9.3.7).
type ReleaseRP struct{}

// Abort ends an association at once (PS3.8 9.3.8, table 9-26).
type Abort struct{ Source, Reason uint8 }

// Type is TypeAssociateRJ.
func (*AssociateRJ) Type() Type { return TypeAssociateRJ }

// Type is TypeReleaseRQ.
func (*ReleaseRQ) Type() Type { return TypeReleaseRQ }

// Type is TypeReleaseRP.
func (*ReleaseRP) Type() Type { return TypeReleaseRP }

// Type is TypeAbort.
func (*Abort) Type() Type { return TypeAbort }

// Append implements PDU; it never fails.
func (p *AssociateRJ) Append(dst []byte) ([]byte, error) {
	return appendShort(dst, TypeAssociateRJ, p.Result, p.Source, p.Reason), nil
}

// Append implements PDU; it never fails.
func (*ReleaseRQ) Append(dst []byte) ([]byte, error) {
	return appendShort(dst, TypeReleaseRQ, 0, 0, 0), nil
}

// Append implements PDU; it never fails.
func (*ReleaseRP) Append(dst []byte) ([]byte, error) {
	return appendShort(dst, TypeReleaseRP, 0, 0, 0), nil
}

// Append implements PDU; it never fails.
func (p *Abort) Append(dst []byte) ([]byte, error) {
	return appendShort(dst, TypeAbort, 0, p.Source, p.Reason), nil
}

// DecodeAssociateRJ reads what follows the header of an A-ASSOCIATE-RJ.
func DecodeAssociateRJ(b []byte) (*AssociateRJ, error) {
	if err := checkShort(TypeAssociateRJ, b); err != nil {
		return nil, err
	}
	return &AssociateRJ{Result: b[1], Source: b[2], Reason: b[3]}, nil
}

// DecodeAbort reads what follows the header of an A-ABORT.
func DecodeAbort(b []byte) (*Abort, error) {
	if err := checkShort(TypeAbort, b); err != nil {
		return nil, err
	}
	return &Abort{Source: b[2], Reason: b[3]}, nil
}

func appendShort(dst []byte, t Type, result, source, reason uint8) []byte {
	return append(dst, byte(t), 0, 0, 0, 0, 4, 0, result, source, reason)
}

func checkShort(t Type, b []byte) error {
	if len(b) == 4 {
		return nil
	}
	return &Error{Type: t, Reason: fmt.Sprintf("length %d, 4 expected", len(b))}
}
