package dicom

import (
	"crypto/rand"
	"math/big"
)

// MaxUIDLength is the number of characters a UID has at most (PS3.5 9.1).
const MaxUIDLength = 64

// UID is a unique identifier without its padding (PS3.5 9). It may hold anything a peer sent: see Valid.
type UID string

// NewUID returns a UID made of a random UUID under the root 2.25 (PS3.5 B.2).
func NewUID() UID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	b[6] = b[6]&0x0F | 0x40
	b[8] = b[8]&0x3F | 0x80
	return UIDFromUUID(b)
}

// UIDFromUUID returns the UID of a UUID: "2.25." and the UUID as a decimal number (PS3.5 B.2).
func UIDFromUUID(uuid [16]byte) UID {
	return UID("2.25." + new(big.Int).SetBytes(uuid[:]).String())
}

// String returns the UID as text.
func (u UID) String() string { return string(u) }

// Valid reports whether the UID keeps the rules of PS3.5 9.1: at most 64 characters, components of digits
// parted by single dots, no component starting with a zero unless it is the only digit.
func (u UID) Valid() bool {
	if len(u) == 0 || len(u) > MaxUIDLength {
		return false
	}
	start := 0
	for i := 0; i <= len(u); i++ {
		switch {
		case i == len(u) || u[i] == '.':
			if i == start || u[start] == '0' && i-start > 1 {
				return false
			}
			start = i + 1
		case u[i] < '0' || u[i] > '9':
			return false
		}
	}
	return true
}
