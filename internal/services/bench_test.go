package services_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

// counter takes reports without looking at their items.
type counter struct{ reports chan int64 }

func (c counter) EventReport(_ context.Context, rq *scp.EventReportRequest) error {
	n, err := io.Copy(io.Discard, rq.Data)
	if rq.EventTypeID != 1 {
		err = dimse.Errorf(dimse.StatusNoSuchEventType, "event type %d", rq.EventTypeID)
	}
	c.reports <- n
	return err
}

// A request for commitment from the N-ACTION to the report's arrival on a new association; the client sends bytes made
// before, so that what is measured is the server.
func BenchmarkCommitment(b *testing.B) {
	for _, n := range []int{1, 5000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newSite(b, func(c *config.Config) { c.DicomScuTimeout, c.SyncStorageArea = 60, true })
			taker := counter{make(chan int64, 1)}
			ctx, cancel := context.WithCancel(context.Background())
			addr, done := serve(b, ctx, "127.0.0.1:0", scp.Config{Handler: taker, Accept: acceptFirst})
			b.Cleanup(func() { cancel(); <-done })
			s.know("scu", modality(b, "SCU", addr))
			refs := s.putInto(min(n, 5000))
			for i := len(refs); i < n; i++ {
				refs = append(refs, refs[i%5000])
			}
			c := s.dial("SCU", nil)
			runtime.GC()
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				data, err := scp.Encode(request(dicom.NewUID(), refs), dicom.ExplicitVRLittleEndian)
				if err != nil {
					b.Fatal(err)
				}
				body, err := io.ReadAll(data)
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				askRaw(b, c, body)
				<-taker.reports
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "references/s")
		})
	}
}

func acceptFirst(_ *scp.Peer, _ dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
	return proposed[0], scp.Accepted
}

func askRaw(b *testing.B, c *scu.Client, body []byte) {
	b.Helper()
	rsp, err := c.Action(b.Context(), &scu.ActionRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance, ActionTypeID: 1,
		Encode: func(dicom.UID) (io.Reader, error) { return bytes.NewReader(body), nil },
	})
	if err == nil {
		err = rsp.Err()
	}
	if err != nil {
		b.Fatal(err)
	}
}
