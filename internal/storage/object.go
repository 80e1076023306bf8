package storage

import (
	"context"
	"crypto/md5" //nolint:gosec // Orthanc's attachments are compared and named by MD5
	"errors"
	"fmt"
	"io"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// Object is an open instance; it must be closed. If it is deleted or replaced meanwhile, its bytes stay readable
// until then, or reading fails: what was read is what was stored.
type Object struct {
	index.InstanceRow
	blob   blob.Blob
	limits codec.Limits
}

// OpenInstance opens the bytes of an instance.
func (s *Store) OpenInstance(ctx context.Context, id index.ID) (*Object, error) {
	began := time.Now()
	for attempt := 0; ; attempt++ {
		var row *index.InstanceRow
		err := s.View(ctx, func(r index.ReadTx) (err error) { row, err = r.Instance(id); return err })
		if err != nil {
			return nil, s.typed("open instance "+id.String(), err)
		}
		b, err := s.openBlob(ctx, &row.Blob)
		if errors.Is(err, blob.ErrNotFound) && attempt < 3 {
			continue // replaced or deleted between the two look-ups
		}
		if err != nil {
			return nil, s.typed("open instance "+id.String(), err)
		}
		return &Object{InstanceRow: *row, blob: s.o.Observer.meter(b, began), limits: s.o.Limits}, nil
	}
}

// Size is the size of the whole file in bytes.
func (o *Object) Size() int64 { return o.blob.Size() }

// ReadAt reads from the file.
func (o *Object) ReadAt(p []byte, off int64) (int, error) { return o.blob.ReadAt(p, off) }

// WriteTo writes the whole file: Part 10 with our meta header, or the bytes of an upload.
func (o *Object) WriteTo(w io.Writer) (int64, error) { return o.blob.WriteTo(w) }

// Reader reads the whole file from its start.
func (o *Object) Reader() *io.SectionReader { return io.NewSectionReader(o.blob, 0, o.blob.Size()) }

// Dataset reads the data set behind the file meta information, in Syntax, as for a C-STORE, and gives its size.
func (o *Object) Dataset() (io.Reader, int64, error) {
	f, err := codec.OpenFile(o.Reader(), o.limits)
	if err != nil {
		return nil, 0, fmt.Errorf("storage: instance %s: %w", o.ID, err)
	}
	size := o.Size() - f.DatasetOffset
	return io.NewSectionReader(o.blob, f.DatasetOffset, size), size, nil
}

// Syntax is the transfer syntax of the data set.
func (o *Object) Syntax() dicom.TransferSyntax { return dicom.LookupTransferSyntax(o.TransferSyntax) }

// Verify reads the stored bytes and compares their checksum; *blob.CorruptError if they are damaged.
func (o *Object) Verify(ctx context.Context) error { return o.blob.Verify(ctx) }

// Close releases the object.
func (o *Object) Close() error { return o.blob.Close() }

// Verify tells whether the bytes of an instance can be relied on: they are there and their record is readable; with
// digest their checksums are right, too, that of the record and the MD5 if it was ever computed: all of them are read.
//
// Errors: ErrNotFound, *blob.CorruptError.
func (s *Store) Verify(ctx context.Context, b index.Blob, digest bool) (err error) {
	opened, err := s.openRaw(ctx, &b)
	if errors.Is(err, blob.ErrNotFound) {
		return &kindError{kind: ErrNotFound, doing: "verify", err: err}
	}
	if err != nil {
		return s.typed("verify", err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if opened.Size() != b.Size || opened.Checksum() != b.CRC32C {
		return &blob.CorruptError{Ref: refOf(&b), Length: b.Size, Reason: "the record is not the one the index knows"}
	}
	if !digest {
		return nil
	}
	if err := opened.Verify(ctx); err != nil || !b.HasMD5 {
		return err
	}
	sum, err := s.digest(ctx, &b)
	if err != nil {
		return s.typed("verify", err)
	}
	if sum != b.MD5 {
		return &blob.CorruptError{Ref: refOf(&b), Length: b.Size, Reason: "its MD5 is not the one that was kept"}
	}
	return nil
}

// MD5 is the MD5 of the stored file, computed on first request and then kept.
func (s *Store) MD5(ctx context.Context, id index.ID) (sum [16]byte, err error) {
	var b index.Blob
	err = s.View(ctx, func(r index.ReadTx) (err error) { b, err = r.Stored(id); return err })
	if err != nil || b.HasMD5 {
		return b.MD5, s.typed("checksum of "+id.String(), err)
	}
	if sum, err = s.md5(ctx, &b); err != nil || s.o.ReadOnly {
		return sum, s.typed("checksum of "+id.String(), err)
	}
	err = s.idx.Derive(ctx, func(tx index.Tx) error {
		now, err := tx.Stored(id)
		if errors.Is(err, index.ErrNotFound) || err == nil && refOf(&now) != refOf(&b) {
			return nil // gone or replaced meanwhile
		}
		if err != nil {
			return err
		}
		now.MD5, now.HasMD5 = sum, true
		return tx.SetBlob(id, now)
	})
	return sum, s.typed("keep a checksum", err)
}

// md5 is the checksum of a blob, computed unless it is known.
func (s *Store) md5(ctx context.Context, b *index.Blob) (sum [16]byte, err error) {
	if b.HasMD5 {
		return b.MD5, nil
	}
	return s.digest(ctx, b)
}

// digest computes the MD5 of the bytes as they came.
func (s *Store) digest(ctx context.Context, b *index.Blob) (sum [16]byte, err error) {
	opened, err := s.openBlob(ctx, b)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	h := md5.New() //nolint:gosec // see the import
	if _, err := opened.WriteTo(h); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}
