package blob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Meta is what is known of the reception of an object. It is stored with it, so
// that the index can be rebuilt.
type Meta struct {
	Time           time.Time // of reception, to the nanosecond; set at Commit when zero
	CallingAET     string
	CalledAET      string
	RemoteAddr     string
	User           string
	Origin         string // "DicomProtocol", "RestApi", ...
	TransferSyntax string
	Replaces       Ref    // the object this one takes the place of, or zero
	Extra          []byte // the caller's own
}

// MaxMeta is the largest encoded size of a Meta, in bytes.
const MaxMeta = 3072

// ErrMetaTooLong is returned by Commit for a Meta above MaxMeta.
var ErrMetaTooLong = fmt.Errorf("blob: reception metadata is longer than %d bytes", MaxMeta)

var errMeta = errors.New("blob: malformed reception metadata")

// AppendMeta appends the binary form of m to b.
func AppendMeta(b []byte, m *Meta) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Time.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(m.Time.Nanosecond()))
	for _, s := range [...]string{m.CallingAET, m.CalledAET, m.RemoteAddr, m.User, m.Origin, m.TransferSyntax} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	if m.Replaces.IsZero() {
		b = append(b, 0)
	} else {
		b = append(append(b, 1), m.Replaces.Key[:]...)
		b = binary.LittleEndian.AppendUint64(b, m.Replaces.Seq)
	}
	return append(binary.AppendUvarint(b, uint64(len(m.Extra))), m.Extra...)
}

// DecodeMeta reads what AppendMeta wrote.
func DecodeMeta(b []byte) (Meta, error) {
	var m Meta
	if len(b) < 12 {
		return m, errMeta
	}
	m.Time = time.Unix(int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint32(b[8:])))
	d := metaDecoder{b: b[12:]}
	for _, s := range [...]*string{&m.CallingAET, &m.CalledAET, &m.RemoteAddr, &m.User, &m.Origin, &m.TransferSyntax} {
		*s = string(d.bytes())
	}
	if flag := d.take(1); len(flag) == 1 && flag[0] == 1 {
		if r := d.take(24); len(r) == 24 {
			copy(m.Replaces.Key[:], r)
			m.Replaces.Seq = binary.LittleEndian.Uint64(r[16:])
		}
	}
	if extra := d.bytes(); len(extra) > 0 {
		m.Extra = append([]byte(nil), extra...)
	}
	if d.bad {
		return Meta{}, errMeta
	}
	return m, nil
}

type metaDecoder struct {
	b   []byte
	bad bool
}

func (d *metaDecoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *metaDecoder) bytes() []byte {
	n, used := binary.Uvarint(d.b)
	if d.bad || used <= 0 {
		d.bad = true
		return nil
	}
	d.b = d.b[used:]
	return d.take(n)
}
