package inject

import (
	"fmt"
	"slices"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/faults"
	"gantry/internal/jobkinds"
	"gantry/internal/storage/index"

	"github.com/google/uuid"
)

// decided is what is to become of a report. It holds until the report is delivered or given up, however often it is
// tried.
type decided struct {
	rule *faults.Rule // nil: it goes out as it is
	due  time.Time    // of one that is late
}

// maxReports bounds the reports that are remembered. Beyond it the rules are asked again at each attempt.
const maxReports = 10_000

// decide asks the rules about a report, once.
func (in *Injector) decide(key jobkinds.ReportKey) *decided {
	in.mu.Lock()
	defer in.mu.Unlock()
	if d := in.reports[key]; d != nil {
		return d
	}
	ev := &faults.Event{Service: faults.Commitment, CallingAET: key.PeerAET, CalledAET: key.CalledAET, Report: true}
	out := in.set.Match(ev)
	in.note(ev, &out, []any{"peer", key.PeerAET, "transaction", string(key.TransactionUID)})
	d := &decided{rule: out.Rule}
	if d.rule != nil && d.rule.Report == faults.Late {
		d.due = time.Now().Add(out.Delay)
	}
	if len(in.reports) < maxReports {
		in.reports[key] = d
	}
	return d
}

// Hold implements jobkinds.Reporting.
func (in *Injector) Hold(key jobkinds.ReportKey) (time.Duration, error) {
	d := in.decide(key)
	switch {
	case d.rule == nil:
		return 0, nil
	case d.rule.Report == faults.Missing:
		return 0, fmt.Errorf("the report is never sent: %w", madeError(d.rule))
	}
	return max(time.Until(d.due), 0), nil
}

// Forget implements jobkinds.Reporting.
func (in *Injector) Forget(key jobkinds.ReportKey) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.reports, key)
}

// Alter implements jobkinds.Reporting.
func (in *Injector) Alter(key jobkinds.ReportKey, data *jobkinds.CommitmentData) []*jobkinds.CommitmentData {
	r := in.decide(key).rule
	if r == nil {
		return []*jobkinds.CommitmentData{data}
	}
	n := min(r.Count, len(data.References))
	switch r.Report {
	case faults.Failed:
		for _, ref := range data.References[:n] {
			data.Failures = append(data.Failures, index.CommitFailureItem{Reference: ref, Reason: r.Reason})
		}
		data.References = data.References[n:]
	case faults.WrongSOP:
		for i := range data.References[:n] {
			data.References[i].SOPClassUID = otherClass(data.References[i].SOPClassUID)
		}
	case faults.Partial:
		leaveOut(data, r.Count)
	case faults.Extra:
		for range r.Count {
			data.References = append(data.References,
				index.Reference{SOPClassUID: dicom.SecondaryCaptureImageStorage, SOPInstanceUID: newUID()})
		}
	case faults.Duplicate:
		return []*jobkinds.CommitmentData{data, data}
	case faults.Forged:
		data.TransactionUID = newUID()
	}
	return []*jobkinds.CommitmentData{data}
}

// leaveOut takes the last items out of a report, the committed ones first.
func leaveOut(data *jobkinds.CommitmentData, count int) {
	n := min(count, len(data.References))
	data.References = slices.Clip(data.References[:len(data.References)-n])
	n = min(count-n, len(data.Failures))
	data.Failures = slices.Clip(data.Failures[:len(data.Failures)-n])
}

// otherClass is a SOP class that the instance does not have.
func otherClass(class dicom.UID) dicom.UID {
	if class == dicom.SecondaryCaptureImageStorage {
		return dicom.CTImageStorage
	}
	return dicom.SecondaryCaptureImageStorage
}

// newUID makes a UID that nobody has (PS3.5 B.2).
func newUID() dicom.UID {
	id := uuid.New()
	return dicom.UIDFromUUID(id)
}
