package index

import (
	"crypto/sha1" //nolint:gosec // Orthanc's public ids are SHA-1; nothing rests on its strength
	"encoding/hex"
	"fmt"
	"strings"
)

// Level is a level of the DICOM information model (PS3.3 6.1), the highest first.
type Level uint8

// The levels; the zero Level is none of them.
const (
	Patient Level = iota + 1
	Study
	Series
	Instance
)

// String is the level's name as Orthanc spells it: "Patient", "Study", "Series", "Instance".
func (l Level) String() string {
	switch l {
	case Patient:
		return "Patient"
	case Study:
		return "Study"
	case Series:
		return "Series"
	case Instance:
		return "Instance"
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// ID names a resource: the SHA-1 of its identifiers, as Orthanc computes it.
type ID [20]byte

// NewID computes the ID of the resource whose identifiers, from PatientID down, are given (one to four of them).
// They must be clean already: see CleanPatientID and CleanUID.
func NewID(identifiers ...string) ID {
	return ID(sha1.Sum([]byte(strings.Join(identifiers, "|")))) //nolint:gosec // see the import
}

// IDs computes the IDs of all four levels.
func IDs(patientID, study, series, instance string) (p, st, se, in ID) {
	var buf [256]byte
	b := append(buf[:0], patientID...)
	p = sha1.Sum(b) //nolint:gosec // see the import
	b = append(append(b, '|'), study...)
	st = sha1.Sum(b) //nolint:gosec // see the import
	b = append(append(b, '|'), series...)
	se = sha1.Sum(b) //nolint:gosec // see the import
	b = append(append(b, '|'), instance...)
	in = sha1.Sum(b) //nolint:gosec // see the import
	return p, st, se, in
}

// CleanPatientID takes from a PatientID what does not count in an ID: trailing spaces.
func CleanPatientID(s string) string { return strings.TrimRight(s, " \x00") }

// CleanUID takes from a UID what does not count in an ID: white space and padding.
func CleanUID(s string) string { return strings.Trim(s, " \t\r\n\v\f\x00") }

// String gives the ID in lower-case hexadecimal digits, in five groups of eight joined by hyphens.
func (id ID) String() string {
	var b [44]byte
	for i := range 5 {
		hex.Encode(b[i*9:i*9+8], id[i*4:i*4+4])
		if i < 4 {
			b[i*9+8] = '-'
		}
	}
	return string(b[:])
}

// MarshalText makes an ID appear in JSON as its String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// ParseID reads what String writes.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 44 {
		return ID{}, fmt.Errorf("index: %.60q is not a resource id: it has 44 characters", s)
	}
	for i := range 5 {
		if _, err := hex.Decode(id[i*4:i*4+4], []byte(s[i*9:i*9+8])); err != nil || i < 4 && s[i*9+8] != '-' {
			return ID{}, fmt.Errorf("index: %.60q is not a resource id: five groups of eight hexadecimal digits", s)
		}
	}
	return id, nil
}
