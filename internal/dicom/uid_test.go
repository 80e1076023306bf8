package dicom_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gantry/internal/dicom"
)

// PS3.5 9.1
func TestValidUIDs(t *testing.T) {
	t.Parallel()
	for uid, want := range map[dicom.UID]bool{
		"1.2.840.10008.1.2": true, "0.0": true, "2.25.0": true, "1": true,
		dicom.UID("1." + strings.Repeat("1", 62)): true,
		dicom.UID("1." + strings.Repeat("1", 63)): false,
		"": false, ".": false, "1.": false, ".1": false, "1..2": false, "1.02": false, "1.00": false,
		"1.2a": false, "1.2 ": false, "1.2\x00": false, "1.-2": false, "1/2": false,
	} {
		if uid.Valid() != want {
			t.Errorf("%q: valid %v", uid, !want)
		}
	}
}

// PS3.5 B.2
func TestNewUID(t *testing.T) {
	t.Parallel()
	seen := make(map[dicom.UID]bool)
	for range 100 {
		uid := dicom.NewUID()
		if !uid.Valid() || !strings.HasPrefix(uid.String(), "2.25.") || seen[uid] {
			t.Fatalf("%q", uid)
		}
		seen[uid] = true
		n, _ := new(big.Int).SetString(strings.TrimPrefix(uid.String(), "2.25."), 10)
		b := n.FillBytes(make([]byte, 16))
		if b[6]>>4 != 4 || b[8]>>6 != 2 {
			t.Fatalf("%q is not a random UUID", uid)
		}
	}
}

func TestUIDFromUUIDIsAlwaysValid(t *testing.T) {
	t.Parallel()
	if got := dicom.UIDFromUUID([16]byte{15: 7}); got != "2.25.7" {
		t.Errorf("%q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		b := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
		if uid := dicom.UIDFromUUID(b); !uid.Valid() {
			t.Fatalf("%q", uid)
		}
	})
}

// PS3.5 10, A
func TestLookupTransferSyntax(t *testing.T) {
	t.Parallel()
	type ts = dicom.TransferSyntax
	for uid, want := range map[dicom.UID]ts{
		dicom.ImplicitVRLittleEndian:         {ImplicitVR: true},
		dicom.ExplicitVRLittleEndian:         {},
		dicom.ExplicitVRBigEndian:            {BigEndian: true},
		dicom.DeflatedExplicitVRLittleEndian: {Deflated: true},
		dicom.JPIPReferencedDeflate:          {Deflated: true},
		dicom.JPIPReferenced:                 {},
		dicom.JPEGBaseline8Bit:               {Encapsulated: true},
		dicom.HTJ2KLossless:                  {Encapsulated: true},
		dicom.DeflatedImageFrameCompression:  {Encapsulated: true},
		"1.2.3.4":                            {Encapsulated: true},
		"1.2.840.113619.5.2":                 {ImplicitVR: true},
	} {
		want.UID = uid
		if got := dicom.LookupTransferSyntax(uid); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
