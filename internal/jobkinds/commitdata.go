package jobkinds

import (
	"bytes"
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
	return newCommitParser(r, syntax, limit).read()
}

func newCommitParser(r io.Reader, syntax dicom.UID, limit int) *commitParser {
	p := &commitParser{limit: limit, classes: map[string]dicom.UID{}, out: &CommitmentData{}}
	p.rd = codec.NewReader(r, dicom.LookupTransferSyntax(syntax), codec.Limits{MaxValue: 1 << 16, MaxDepth: 16})
	return p
}

func (p *commitParser) read() (*CommitmentData, error) {
	for {
		h, err := p.rd.Next()
		if err == io.EOF { //nolint:errorlint // wrapped, it is the end of the connection within the data set
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

// maxClasses is more SOP classes than there are: a request with others must not fill the memory with them.
const maxClasses = 1000

type commitParser struct {
	rd      *codec.Reader
	out     *CommitmentData
	limit   int
	count   int                           // of all items
	spill   func([]index.Reference) error // takes every intakeSize references out of memory; nil: they stay
	classes map[string]dicom.UID          // the few SOP classes, so that each is held once; maxClasses of them
	within  dicom.Tag                     // the sequence at the top level, 0 outside
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
	case h.Uneven:
		return dimse.Errorf(dimse.StatusInvalidArgument, "the length of a sequence or item is wrong")
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
			if len(p.classes) < maxClasses {
				p.classes[string(v)] = class
			}
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
	if p.count++; p.limit > 0 && p.count > p.limit {
		return dimse.Errorf(dimse.StatusResourceLimitation, "more than %d references in one request", p.limit)
	}
	if p.within == dicom.TagReferencedSOPSequence {
		return p.addReference()
	}
	if !p.reason {
		return dimse.Errorf(dimse.StatusInvalidArgument, "a failed item without Failure Reason (0008,1197)")
	}
	p.out.Failures = append(p.out.Failures, p.item)
	return nil
}

func (p *commitParser) addReference() error {
	p.out.References = append(p.out.References, p.item.Reference)
	if p.spill == nil || len(p.out.References) < intakeSize {
		return nil
	}
	refs := p.out.References
	p.out.References = refs[:0]
	return p.spill(refs)
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

// bytesPerItem is about what an item takes: two UIDs and their headers.
const bytesPerItem = 150

// encodeAction writes the action information of an N-ACTION.
func encodeAction(syntax, transaction dicom.UID, refs []index.Reference) ([]byte, error) {
	return encode(syntax, transaction, refs, nil)
}

// encode writes action information, or with failures event information.
func encode(syntax, transaction dicom.UID, refs []index.Reference, failed []index.CommitFailureItem) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(bytesPerItem * (len(refs) + len(failed) + 1))
	ts := dicom.LookupTransferSyntax(syntax)
	w := itemWriter{codec.NewWriter(&out, ts), ts.BigEndian, nil}
	w.uid(dicom.TagTransactionUID, transaction)
	if len(failed) > 0 {
		w.do(w.BeginSequence(dicom.TagFailedSOPSequence))
		for i := range failed {
			w.item(&failed[i].Reference, failed[i].Reason)
		}
		w.do(w.EndSequence())
	}
	w.do(w.BeginSequence(dicom.TagReferencedSOPSequence))
	for i := range refs {
		w.item(&refs[i], 0)
	}
	w.do(w.EndSequence())
	w.do(w.Close())
	return out.Bytes(), w.err
}

// itemWriter writes items and remembers the first error.
type itemWriter struct {
	*codec.Writer
	bigEndian bool
	err       error
}

func (w *itemWriter) do(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *itemWriter) item(r *index.Reference, reason uint16) {
	w.do(w.BeginItem())
	w.uid(dicom.TagReferencedSOPClassUID, r.SOPClassUID)
	w.uid(dicom.TagReferencedSOPInstanceUID, r.SOPInstanceUID)
	if reason != 0 {
		v := [2]byte{byte(reason), byte(reason >> 8)}
		if w.bigEndian {
			v[0], v[1] = v[1], v[0]
		}
		w.do(w.WriteElement(dicom.TagFailureReason, dicom.VRUS, v[:]))
	}
	w.do(w.EndItem())
}

func (w *itemWriter) uid(tag dicom.Tag, uid dicom.UID) {
	var buf [dicom.MaxUIDLength + 2]byte
	v := append(buf[:0], uid...)
	if len(v)%2 != 0 {
		v = append(v, 0)
	}
	w.do(w.WriteElement(tag, dicom.VRUI, v))
}

// digestRefs is how requests are told apart: by what they refer to, in order.
func digestRefs(h hash.Hash, refs []index.Reference) {
	for _, r := range refs {
		writeUID(h, r.SOPClassUID)
		writeUID(h, r.SOPInstanceUID)
	}
}

func writeUID(h hash.Hash, uid dicom.UID) {
	var buf [dicom.MaxUIDLength + 1]byte
	h.Write(append(append(buf[:0], uid...), 0))
}
