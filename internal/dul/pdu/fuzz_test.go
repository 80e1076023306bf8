package pdu_test

import (
	"bytes"
	"testing"

	"gantry/internal/dul/pdu"
)

// FuzzDecode: no bytes make Decode panic, and what it takes writes to bytes
// that mean the same.
func FuzzDecode(f *testing.F) {
	for _, c := range cases {
		f.Add(wire(f, c.wire))
	}
	f.Add([]byte{4, 0, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < pdu.HeaderSize {
			return
		}
		h := pdu.Header{Type: pdu.Type(b[0]), Length: uint32(len(b) - pdu.HeaderSize)}
		first, err := pdu.Decode(h, b[pdu.HeaderSize:])
		if err != nil {
			return
		}
		encoded, err := first.Append(nil)
		if err != nil {
			return // an unpadded title of 16 bytes can be longer once decoded as it stands
		}
		second, err := decode(encoded)
		if err != nil {
			t.Fatalf("own bytes refused: %v\n% X", err, encoded)
		}
		again, err := second.Append(nil)
		if err != nil || !bytes.Equal(again, encoded) {
			t.Fatalf("% X became % X: %v", encoded, again, err)
		}
	})
}
