package blob

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Key names an object. It is random, and never made from received data.
type Key [16]byte

// NewKey returns a random key (a version 4 UUID).
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:]) // crypto/rand never fails: it ends the process instead
	k[6] = k[6]&0x0f | 0x40
	k[8] = k[8]&0x3f | 0x80
	return k
}

// String writes the key as 32 hexadecimal digits, fit for a file name.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// ParseKey reads what Key.String wrote.
func ParseKey(s string) (Key, error) {
	var k Key
	if len(s) != 2*len(k) {
		return k, fmt.Errorf("blob: key %q: want %d hexadecimal digits", s, 2*len(k))
	}
	if _, err := hex.Decode(k[:], []byte(s)); err != nil {
		return k, fmt.Errorf("blob: key %q: %w", s, err)
	}
	return k, nil
}

// Ref names one stored object: its key, and the sequence number under which it
// was stored. Sequence numbers rise with every record and survive compaction.
type Ref struct {
	Key Key
	Seq uint64
}

// String writes the reference as "key@seq".
func (r Ref) String() string { return r.Key.String() + "@" + strconv.FormatUint(r.Seq, 10) }

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// Position is a place in a store. Positions of one node are ordered; the zero
// Position lies before everything.
type Position struct {
	Node    uint32 // which node's log; 0 as long as there is one
	Segment uint64
	Offset  int64
}

// Compare returns -1, 0 or 1 as p lies before, at or after q.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Node, q.Node), cmp.Compare(p.Segment, q.Segment), cmp.Compare(p.Offset, q.Offset))
}

// Less reports whether p lies before q.
func (p Position) Less(q Position) bool { return p.Compare(q) < 0 }

// String writes the position as "node:segment:offset".
func (p Position) String() string {
	return fmt.Sprintf("%d:%d:%d", p.Node, p.Segment, p.Offset)
}

// ParsePosition reads what Position.String wrote.
func ParsePosition(s string) (Position, error) {
	node, rest, ok1 := strings.Cut(s, ":")
	segment, offset, ok2 := strings.Cut(rest, ":")
	n, err1 := strconv.ParseUint(node, 10, 32)
	g, err2 := strconv.ParseUint(segment, 10, 64)
	o, err3 := strconv.ParseInt(offset, 10, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || err3 != nil || o < 0 {
		return Position{}, fmt.Errorf("blob: position %q: want node:segment:offset", s)
	}
	return Position{Node: uint32(n), Segment: g, Offset: o}, nil
}
