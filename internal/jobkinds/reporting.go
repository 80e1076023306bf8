package jobkinds

import (
	"bytes"
	"context"
	"io"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobs"
	"gantry/internal/scp"
	"gantry/internal/storage/index"
)

// Reporting stands between the reports on storage commitment requests and their delivery, so that a server can make
// faults on purpose. Deps without one send every report as it was decided, once and at once.
type Reporting interface {
	// Hold says for how long the report is held back still. An error means that it is never to be sent; the job ends with it.
	Hold(r ReportKey) (time.Duration, error)
	// Alter returns what is sent in place of a report, in this order and at least one.
	Alter(r ReportKey, data *CommitmentData) []*CommitmentData
	// Forget says that the job of the report has ended.
	Forget(r ReportKey)
}

// ReportKey names a report.
type ReportKey struct {
	PeerAET, CalledAET string
	TransactionUID     dicom.UID
	row                string // tells two requests of one peer under one UID apart
}

func newReportKey(row, calledAET string, transaction dicom.UID) ReportKey {
	return ReportKey{peerOf(row), calledAET, transaction, row}
}

func reportKey(row *index.CommitRequest) ReportKey {
	return newReportKey(row.PeerAET, row.CalledAET, dicom.UID(row.TransactionUID))
}

// held says for how long a decided report is to wait, or why it is never sent.
func (d *Deps) held(row *index.CommitRequest) (time.Duration, error) {
	if d.Reporting == nil {
		return 0, nil
	}
	wait, err := d.Reporting.Hold(reportKey(row))
	if err != nil {
		return 0, jobs.Fail(jobs.CodeNetworkProtocol, err)
	}
	return wait, nil
}

// sender sends one report and returns its answer.
type sender = func(context.Context, *scp.EventReport) (*dimse.Command, error)

// sendReport sends a decided report, or what Reporting makes of it. The first answer counts; what becomes of more is for
// the log alone.
func (d *Deps) sendReport(ctx context.Context, row *index.CommitRequest, send sender) (*dimse.Command, error) {
	encoded := d.encodeReport(ctx, row)
	if d.Reporting == nil {
		return send(ctx, commitmentEvent(row.EventTypeID, encoded))
	}
	report, err := encoded(dicom.ExplicitVRLittleEndian)
	if err != nil {
		return nil, err
	}
	data, err := ReadCommitmentData(report, dicom.ExplicitVRLittleEndian, 0)
	if err != nil {
		return nil, err
	}
	var rsp *dimse.Command
	for i, altered := range d.Reporting.Alter(reportKey(row), data) {
		answer, err := send(ctx, alteredEvent(altered))
		if i > 0 {
			d.log().Info("another report was sent on purpose", "transaction", row.TransactionUID, "error", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		rsp = answer
	}
	return rsp, nil
}

func commitmentEvent(eventType uint16, encode scp.Encoder) *scp.EventReport {
	return &scp.EventReport{SOPClassUID: dicom.StorageCommitmentPushModel,
		SOPInstanceUID: dicom.StorageCommitmentPushModelInstance, EventTypeID: eventType, Encode: encode}
}

// alteredEvent is the event of a report that is held in memory.
func alteredEvent(data *CommitmentData) *scp.EventReport {
	eventType := uint16(1)
	if len(data.Failures) > 0 {
		eventType = 2
	}
	return commitmentEvent(eventType, func(syntax dicom.UID) (io.Reader, error) {
		b, err := encode(syntax, data.TransactionUID, data.References, data.Failures)
		return bytes.NewReader(b), err
	})
}
