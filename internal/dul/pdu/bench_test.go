package pdu_test

import (
	"testing"

	"gantry/internal/dul/pdu"
)

func BenchmarkDecodeAssociateRQ(b *testing.B) {
	body := wire(b, cases[0].wire)[pdu.HeaderSize:]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pdu.DecodeAssociateRQ(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeAssociateRQ(b *testing.B) {
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cases[0].pdu.Append(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDataHeader(b *testing.B) {
	buf := make([]byte, pdu.DataHeaderSize)
	b.ReportAllocs()
	for b.Loop() {
		pdu.PutDataHeader(buf, pdu.PDVHeader{Length: 131066, ContextID: 1, Last: true})
		if _, err := pdu.ParseHeader(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := pdu.ParsePDVHeader(buf[pdu.HeaderSize:]); err != nil {
			b.Fatal(err)
		}
	}
}
