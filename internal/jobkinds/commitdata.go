package jobkinds

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/storage/index"
)

// CommitmentData is the action or event information of storage commitment (PS3.4 J.3.2.1.1, J.3.3.1.1).
type CommitmentData struct {
	TransactionUID dicom.UID
	References     []index.Reference         // Referenced SOP Sequence
	HasReferences  bool                      // the sequence is there, if only empty
	Failures       []index.CommitFailureItem // Failed SOP Sequence
}

// ReadCommitmentData reads action or event information as it arrives; nothing but the references stays in memory.
// What breaks the rules is a *dimse.StatusError: 0115H, or 0213H beyond limit references (0: any number).
func ReadCommitmentData(r io.Reader, syntax dicom.UID, limit int) (*CommitmentData, error) {
	p := commitParser{limit: limit, classes: map[string]dicom.UID{}, out: &CommitmentData{}}
	p.rd = codec.NewReader(r, dicom.LookupTransferSyntax(syntax), codec.Limits{MaxValue: 1 << 16, MaxDepth: 16})
	for {
		h, err := p.rd.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = p.take(h)
		}
		if err != nil {
			return nil, p.refuse(err)
		}
	}
	if !isUID(string(p.out.TransactionUID)) {
		return nil, dimse.Errorf(dimse.StatusInvalidArgument, "Transaction UID (0008,1195) missing or not a UID")
	}
	return p.out, nil
}

type commitParser struct {
	rd      *codec.Reader
	out     *CommitmentData
	limit   int
	classes map[string]dicom.UID // the few SOP classes, so that each is held once
	within  dicom.Tag            // the sequence at the top level, 0 outside
	item    index.CommitFailureItem
	reason  bool
}

// refuse turns an error of the data into a status, and leaves those of the connection alone.
func (p *commitParser) refuse(err error) error {
	var status *dimse.StatusError
	var syntax *codec.SyntaxError
	var limit *codec.LimitError
	switch {
	case errors.As(err, &status):
		return err
	case errors.As(err, &syntax), errors.As(err, &limit):
		return &dimse.StatusError{Status: dimse.StatusInvalidArgument, Comment: "the data set cannot be read", Err: err}
	}
	return err
}

func (p *commitParser) take(h codec.Header) error {
	switch {
	case h.Depth == 0 && h.Kind == codec.KindSequence:
		p.within = h.Tag
		p.out.HasReferences = p.out.HasReferences || h.Tag == dicom.TagReferencedSOPSequence
	case h.Depth == 0 && h.Kind == codec.KindSequenceEnd:
		p.within = 0
	case h.Depth == 0 && h.Tag == dicom.TagTransactionUID:
		v, err := p.rd.Value()
		p.out.TransactionUID = dicom.UID(trimUID(v))
		return err
	case h.Depth != 1 || p.within != dicom.TagReferencedSOPSequence && p.within != dicom.TagFailedSOPSequence:
	case h.Kind == codec.KindItem:
		p.item, p.reason = index.CommitFailureItem{}, false
	case h.Kind == codec.KindItemEnd:
		return p.endItem()
	case h.Kind == codec.KindElement:
		return p.takeElement(h)
	}
	return nil
}

func (p *commitParser) takeElement(h codec.Header) error {
	switch h.Tag {
	case dicom.TagReferencedSOPClassUID:
		v, err := p.rd.Value()
		class, known := p.classes[string(v)]
		if !known {
			class = dicom.UID(trimUID(v))
			p.classes[string(v)] = class
		}
		p.item.SOPClassUID = class
		return err
	case dicom.TagReferencedSOPInstanceUID:
		v, err := p.rd.Value()
		p.item.SOPInstanceUID = dicom.UID(trimUID(v))
		return err
	case dicom.TagFailureReason:
		v, err := p.rd.Value()
		if err == nil && len(v) >= 2 {
			p.reason = true
			p.item.Reason = uint16(v[0]) | uint16(v[1])<<8
			if h.BigEndian {
				p.item.Reason = uint16(v[1]) | uint16(v[0])<<8
			}
		}
		return err
	}
	return nil
}

func (p *commitParser) endItem() error {
	if !isUID(string(p.item.SOPClassUID)) || !isUID(string(p.item.SOPInstanceUID)) {
		return dimse.Errorf(dimse.StatusInvalidArgument, "an item without Referenced SOP Class and Instance UID")
	}
	if p.limit > 0 && len(p.out.References)+len(p.out.Failures) >= p.limit {
		return dimse.Errorf(dimse.StatusResourceLimitation, "more than %d references in one request", p.limit)
	}
	if p.within == dicom.TagReferencedSOPSequence {
		p.out.References = append(p.out.References, p.item.Reference)
		return nil
	}
	if !p.reason {
		return dimse.Errorf(dimse.StatusInvalidArgument, "a failed item without Failure Reason (0008,1197)")
	}
	p.out.Failures = append(p.out.Failures, p.item)
	return nil
}

// trimUID takes off padding: the NUL of the standard, and the spaces that occur.
func trimUID(v []byte) string { return strings.Trim(string(v), " \x00") }

// isUID is dicom.UID.Valid, but for leading zeros in components, which occur in the field.
func isUID(s string) bool {
	if s == "" || len(s) > dicom.MaxUIDLength {
		return false
	}
	for i := range len(s) {
		if s[i] != '.' && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// actionDataset makes the data set of an N-ACTION.
func actionDataset(transaction dicom.UID, refs []index.Reference) *dicom.Dataset {
	ds := &dicom.Dataset{}
	ds.SetUID(dicom.TagTransactionUID, transaction)
	ds.SetItems(dicom.TagReferencedSOPSequence, referenceItems(refs)...)
	return ds
}

// eventDataset makes the data set of an N-EVENT-REPORT and its Event Type ID. Like the SCPs in the field, one without
// success has an empty Referenced SOP Sequence: requesters exist that look for it.
func eventDataset(transaction dicom.UID, success []index.Reference, failed []index.CommitFailureItem) (*dicom.Dataset, uint16) {
	ds := actionDataset(transaction, success)
	if len(failed) == 0 {
		return ds, 1
	}
	items := make([]*dicom.Dataset, len(failed))
	for i, f := range failed {
		items[i] = referenceItem(f.Reference)
		items[i].SetUint16(dicom.TagFailureReason, f.Reason)
	}
	ds.SetItems(dicom.TagFailedSOPSequence, items...)
	return ds, 2
}

func referenceItems(refs []index.Reference) []*dicom.Dataset {
	items := make([]*dicom.Dataset, len(refs))
	for i, r := range refs {
		items[i] = referenceItem(r)
	}
	return items
}

func referenceItem(r index.Reference) *dicom.Dataset {
	item := &dicom.Dataset{Elements: make([]dicom.Element, 0, 3)}
	item.SetUID(dicom.TagReferencedSOPClassUID, r.SOPClassUID)
	item.SetUID(dicom.TagReferencedSOPInstanceUID, r.SOPInstanceUID)
	return item
}

// digestOf tells requests apart by what they refer to, in order.
func digestOf(refs []index.Reference) (sum [32]byte) {
	h := sha256.New()
	for _, r := range refs {
		writeUID(h, r.SOPClassUID)
		writeUID(h, r.SOPInstanceUID)
	}
	h.Sum(sum[:0])
	return sum
}

func writeUID(h hash.Hash, uid dicom.UID) {
	var buf [dicom.MaxUIDLength + 1]byte
	h.Write(append(append(buf[:0], uid...), 0))
}
