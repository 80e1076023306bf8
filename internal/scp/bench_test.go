package scp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/dul/pdu"
	"gantry/internal/scp"
)

// BenchmarkStore sends objects over loopback from the client to the server of this module, which drops them.
func BenchmarkStore(b *testing.B) {
	for _, size := range []int{3_000, 36_000, 528_000} {
		for _, window := range []uint16{1, 8} {
			b.Run(fmt.Sprintf("%dkB/window%d", size/1000, window), func(b *testing.B) { benchmarkStore(b, size, window) })
		}
	}
}

func benchmarkStore(b *testing.B, size int, window uint16) {
	h := &handler{store: func(_ context.Context, rq *scp.StoreRequest) error {
		_, err := rq.Data.(io.WriterTo).WriteTo(io.Discard)
		return err
	}}
	_, addr := serve(b, scp.Config{Handler: h, AsyncWindow: window})
	cfg := clientConfig(addr)
	cfg.Async = &dul.AsyncWindow{Invoked: window, Performed: 1}
	c := dial(b, cfg)
	data := pattern(size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		rq := object(0)
		for pb.Next() {
			rq.Data = bytes.NewReader(data)
			mustStore(b, c, rq)
		}
	})
}

// BenchmarkEcho is the cost of a message each way.
func BenchmarkEcho(b *testing.B) {
	_, addr := serve(b, scp.Config{})
	c := dial(b, clientConfig(addr))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Echo(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStoreWithNagle has a peer that sends a command and its data set by two writes without TCP_NODELAY, as DCMTK does:
// the second leaves when the first has been acknowledged, which takes a kernel 40 ms if it is not asked to hurry.
func BenchmarkStoreWithNagle(b *testing.B) {
	_, addr := serve(b, scp.Config{Handler: &handler{}})
	w := connect(b, addr)
	if err := w.Conn.(*net.TCPConn).SetNoDelay(false); err != nil {
		b.Fatal(err)
	}
	store := encode(b, dimse.Command{Field: dimse.CStoreRQ, MessageID: 1, HasDataset: true,
		AffectedSOPClassUID: dicom.CTImageStorage, AffectedSOPInstanceUID: "1.2.3"})
	data := pattern(3000)
	for b.Loop() {
		w.send(&pdu.Data{PDVs: []pdu.PDV{{ContextID: 3, Command: true, Last: true, Data: store}}})
		w.send(&pdu.Data{PDVs: []pdu.PDV{{ContextID: 3, Last: true, Data: data}}})
		if p := w.read(); p.Type() != pdu.TypeData {
			b.Fatalf("answered with %v", p.Type())
		}
	}
}
