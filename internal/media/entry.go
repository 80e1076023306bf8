package media

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

const (
	// blockSize holds a CT image of 512 by 512 pixels as one.
	blockSize = 640 << 10
	// sampleSize is how much of a compressed object is tried.
	sampleSize = 8 << 10
	// smallObject is up to where a compressed object is compressed again without a trial: it is mostly header.
	smallObject = 16 << 10
	// nearly4GiB leaves room for what DEFLATE adds to data that does not get smaller.
	nearly4GiB = math.MaxUint32 - 64<<20
)

// entry is a file on its way into the archive.
type entry struct {
	zip    zipEntry
	object *storage.Object // nil: text is all of it
	text   []byte
	stream *bufio.Reader // the object in another transfer syntax, or inflated; nil: as it is stored
	size   int64         // unknown for a stream
	record *recordPlace  // where the directory of a medium has it; nil without one
	sums   sums          // of what was written
	closed sync.Once
}

func (e *entry) close() {
	e.closed.Do(func() {
		if e.object != nil {
			_ = e.object.Close() // it was only read
		}
	})
}

// openEntry opens an object; nil without an error if it was deleted since the plan was made.
func (a *archive) openEntry(ctx context.Context, id index.ID, name string) (*entry, error) {
	object, err := a.store.OpenInstance(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		a.log.Warn("an instance was deleted before its turn and is not in the archive", "instance", id)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e := &entry{object: object, size: object.Size(),
		zip: zipEntry{name: name, modified: object.Received, method: methodDeflate, large: object.Size() > nearly4GiB}}
	if err := a.shape(ctx, e); err != nil {
		e.close()
		return nil, fmt.Errorf("media: instance %s: %w", id, err)
	}
	return e, nil
}

// shape decides how an entry is written.
func (a *archive) shape(ctx context.Context, e *entry) error {
	from := e.object.Syntax()
	if a.o.Transcode != "" && a.o.Transcode != from.UID {
		return a.transcode(ctx, e, from)
	}
	if a.dir != nil && !e.isFile() {
		dataset, err := e.verified(ctx)
		if err == nil {
			e.rewrite(from.UID, dataset)
		}
		return err
	}
	if e.object.Blob.Plain != 0 { // it is inflated on the way, from its beginning on
		if err := e.object.Verify(ctx); err != nil {
			return errors.Join(ErrDamaged, err)
		}
		e.stream, e.zip.later = bufio.NewReaderSize(e.object.Reader(), 64<<10), true
		return nil
	}
	if (from.Encapsulated || from.Deflated) && e.size > smallObject {
		sample := make([]byte, sampleSize)
		if _, err := e.object.ReadAt(sample, (e.size-sampleSize)/2); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if !compressible(sample) {
			e.zip.method = methodStored
		}
	}
	e.zip.later = e.zip.method == methodDeflate && e.size > blockSize
	return nil
}

// TranscodeError is an object that cannot be written in the transfer syntax asked for.
type TranscodeError struct {
	Instance index.ID
	From, To dicom.UID
}

func (e *TranscodeError) Error() string {
	return fmt.Sprintf("media: instance %s cannot be written in transfer syntax %s: it is stored in %s, and compressed images are"+
		" not converted; leave Transcode out", e.Instance, e.To, e.From)
}

// CheckTranscode reports with a *TranscodeError whether some object of the plan cannot be written in a transfer syntax: it
// has to be the one it is stored in, or both have to be without compression.
func (p *Plan) CheckTranscode(ctx context.Context, s *storage.Store, to dicom.UID) error {
	for i := range p.series {
		list := p.series[i].instances
		for from := 0; from < len(list); from += pageSize {
			err := s.View(ctx, func(tx index.ReadTx) error {
				for _, instance := range list[from:min(from+pageSize, len(list))] {
					row, err := tx.Instance(instance.id)
					if errors.Is(err, index.ErrNotFound) {
						continue
					}
					if err != nil {
						return err
					}
					if row.TransferSyntax != to && !convertible(row.TransferSyntax, to) {
						return &TranscodeError{instance.id, row.TransferSyntax, to}
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func convertible(from, to dicom.UID) bool {
	return codec.Convertible(dicom.LookupTransferSyntax(from), dicom.LookupTransferSyntax(to))
}

// transcode makes an entry the object in another transfer syntax behind a new file meta information.
func (a *archive) transcode(ctx context.Context, e *entry, from dicom.TransferSyntax) error {
	to := dicom.LookupTransferSyntax(a.o.Transcode)
	if !codec.Convertible(from, to) {
		return &TranscodeError{e.object.ID, from.UID, to.UID}
	}
	dataset, err := e.verified(ctx)
	if err != nil {
		return err
	}
	e.rewrite(to.UID, codec.Convert(dataset, from, to, codec.DefaultLimits()))
	e.zip.large = 2*e.size > nearly4GiB
	return nil
}

// isFile reports whether an object is stored as what a medium holds, a file with file meta information that is right
// about the transfer syntax (PS3.10 7.1): uploads are kept as they came. What cannot be read is found to be damaged later.
func (e *entry) isFile() bool {
	f, err := codec.OpenFile(e.object.Reader(), codec.DefaultLimits())
	return err != nil || f.Preamble && f.Meta.UID(dicom.TagTransferSyntaxUID) == f.TransferSyntax.UID
}

// verified is the data set of an object whose bytes are those that were stored.
func (e *entry) verified(ctx context.Context) (io.Reader, error) {
	if err := e.object.Verify(ctx); err != nil {
		return nil, errors.Join(ErrDamaged, err)
	}
	dataset, _, err := e.object.Dataset()
	return dataset, err
}

// rewrite makes an entry a data set behind a new file meta information.
func (e *entry) rewrite(syntax dicom.UID, dataset io.Reader) {
	meta := codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: e.object.SOPClassUID, SOPInstanceUID: e.object.SOPInstanceUID,
		TransferSyntaxUID: syntax})
	e.stream, e.zip.later = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(meta), dataset), 64<<10), true
}

// textEntry is a file that is in memory.
func textEntry(name string, text []byte, modified time.Time) *entry {
	return &entry{text: text, size: int64(len(text)),
		zip: zipEntry{name: name, modified: modified, method: methodDeflate, later: len(text) > blockSize}}
}

// read fills a block from its place.
func (e *entry) read(into []byte, at int64) error {
	if e.object == nil {
		copy(into, e.text[at:])
		return nil
	}
	n, err := e.object.ReadAt(into, at)
	if n == len(into) {
		return nil
	}
	return errors.Join(ErrDamaged, err)
}
