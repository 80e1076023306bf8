package storage

import (
	"encoding/binary"
	"errors"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// extra is what the store keeps of an object beside its reception: how it is compressed, and whose attachment it is.
// With it the index can be made from the objects alone.
type extra struct {
	packing
	owner *ownership
}

// ownership says whose attachment an object is.
type ownership struct {
	index.Resource
	Number   int
	Revision int64
	MD5      [16]byte // of the bytes as they came
}

const (
	extraVersion = 1
	extraPacked  = 1 << 0
	extraOwned   = 1 << 1
)

var errExtra = errors.New("storage: what is kept beside an object is not readable")

// encode writes what there is; nil if there is nothing.
func (x *extra) encode() []byte {
	if x.plain == 0 && x.owner == nil {
		return nil
	}
	b := []byte{extraVersion, 0}
	if x.plain > 0 {
		b[1] |= extraPacked
		b = binary.AppendUvarint(b, uint64(x.plain))
		b = binary.AppendUvarint(b, uint64(x.chunk))
		b = binary.AppendUvarint(b, uint64(len(x.points)))
		last := int64(0)
		for _, p := range x.points {
			b = binary.AppendUvarint(b, uint64(p-last))
			last = p
		}
	}
	if o := x.owner; o != nil {
		b[1] |= extraOwned
		b = append(append(b, byte(o.Level)), o.ID[:]...)
		b = binary.AppendUvarint(b, uint64(o.Number))
		b = binary.AppendUvarint(b, uint64(o.Revision))
		b = append(b, o.MD5[:]...)
	}
	return b
}

// decodeExtra reads what encode wrote.
func decodeExtra(m *blob.Meta) (x extra, err error) {
	b := m.Extra
	if len(b) == 0 {
		return x, nil
	}
	if len(b) < 2 || b[0] != extraVersion {
		return x, errExtra
	}
	d := extraReader{b: b[2:]}
	if b[1]&extraPacked != 0 {
		x.plain, x.chunk = d.number(), d.number()
		n := d.number()
		if n > maxPoints {
			return x, errExtra
		}
		last := int64(0)
		for range n {
			last += d.number()
			x.points = append(x.points, last)
		}
	}
	if b[1]&extraOwned != 0 {
		x.owner = &ownership{}
		x.owner.Level = index.Level(append(d.take(1), 0)[0])
		copy(x.owner.ID[:], d.take(len(x.owner.ID)))
		x.owner.Number, x.owner.Revision = int(d.number()), d.number()
		copy(x.owner.MD5[:], d.take(len(x.owner.MD5)))
	}
	if d.bad || x.plain < 0 || x.chunk < 0 {
		return extra{}, errExtra
	}
	return x, nil
}

type extraReader struct {
	b   []byte
	bad bool
}

func (d *extraReader) number() int64 {
	v, n := binary.Uvarint(d.b)
	if d.bad || n <= 0 || v > 1<<62 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return int64(v)
}

func (d *extraReader) take(n int) []byte {
	if d.bad || n > len(d.b) {
		d.bad = true
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}
