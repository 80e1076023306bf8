package jobkinds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/scp"
	"gantry/internal/storage/index"
)

// encodeReport writes the event information of a decided request while it is sent, from the kept references and
// outcome: the same bytes each time, and never more of them in memory than a chunk. Like the SCPs in the field, a report
// without success has an empty Referenced SOP Sequence: requesters exist that look for it.
func (d *Deps) encodeReport(ctx context.Context, row *index.CommitRequest) scp.Encoder {
	return func(syntax dicom.UID) (io.Reader, error) {
		r, err := newReportReader(row, syntax)
		if err != nil {
			return nil, err
		}
		r.references = func(chunk int) ([]index.Reference, error) {
			return d.references(ctx, requestID{row.PeerAET, dicom.UID(row.TransactionUID)}, chunk)
		}
		return r, nil
	}
}

// references reads a chunk of the references of a request; index.ErrNotFound after the last.
func (d *Deps) references(ctx context.Context, id requestID, chunk int) (refs []index.Reference, err error) {
	err = d.Store.View(ctx, func(tx index.ReadTx) error {
		refs, err = tx.CommitReferences(id.peer, string(id.transaction), chunk)
		return err
	})
	return refs, err
}

// reportReader goes through the references of a request twice: for the Failed and for the Referenced SOP Sequence, which
// stand in this order.
type reportReader struct {
	references func(chunk int) ([]index.Reference, error)
	outcome    []byte
	committed  bool // there are such references

	buf     bytes.Buffer
	w       itemWriter
	failed  bool // it is the pass of the failed ones
	chunk   int
	reasons reasons
	err     error // io.EOF when all is in buf
}

// newReportReader returns a reader that lacks its references.
func newReportReader(row *index.CommitRequest, syntax dicom.UID) (*reportReader, error) {
	counts, err := countReasons(row.Outcome)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, row.TransactionUID)
	}
	ts := dicom.LookupTransferSyntax(syntax)
	r := &reportReader{outcome: row.Outcome, committed: counts[0] > 0}
	r.w = itemWriter{codec.NewWriter(&r.buf, ts), ts.BigEndian, nil}
	r.w.uid(dicom.TagTransactionUID, dicom.UID(row.TransactionUID))
	r.begin(counts[0] < row.Count)
	return r, nil
}

// Read implements io.Reader.
func (r *reportReader) Read(p []byte) (int, error) {
	for r.buf.Len() == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.more()
	}
	return r.buf.Read(p)
}

// begin starts the pass of the failed references, or that of the committed ones.
func (r *reportReader) begin(failed bool) {
	r.failed, r.chunk, r.reasons = failed, 0, reasons{rest: r.outcome}
	tag := dicom.TagReferencedSOPSequence
	if failed {
		tag = dicom.TagFailedSOPSequence
	}
	r.w.do(r.w.BeginSequence(tag))
}

// more writes the items of one chunk, or ends the pass.
func (r *reportReader) more() {
	var refs []index.Reference
	err := index.ErrNotFound
	if r.failed || r.committed {
		refs, err = r.references(r.chunk)
	}
	switch {
	case errors.Is(err, index.ErrNotFound):
		r.end()
	case err != nil:
		r.err = fmt.Errorf("jobkinds: read the references of a report: %w", err)
	default:
		r.chunk++
		r.err = r.items(refs)
	}
}

func (r *reportReader) items(refs []index.Reference) error {
	for i := range refs {
		reason, err := r.reasons.next()
		if err != nil {
			return err
		}
		if (reason != 0) == r.failed {
			r.w.item(&refs[i], reason)
		}
	}
	return r.w.err
}

func (r *reportReader) end() {
	r.w.do(r.w.EndSequence())
	if r.failed {
		r.begin(false)
		return
	}
	r.w.do(r.w.Close())
	if r.err = r.w.err; r.err == nil {
		r.err = io.EOF
	}
}
