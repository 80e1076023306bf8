package memblob

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"gantry/internal/storage/blob"
)

// writer gathers one object.
type writer struct {
	store *Store
	buf   bytes.Buffer
	sum   uint32
	done  bool
}

func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, blob.ErrClosed
	}
	w.sum = blob.Checksum(w.sum, p)
	return w.buf.Write(p)
}

func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	if w.done {
		return 0, blob.ErrClosed
	}
	before := w.buf.Len()
	n, err := w.buf.ReadFrom(r)
	w.sum = blob.Checksum(w.sum, w.buf.Bytes()[before:])
	return n, err
}

func (w *writer) Size() int64      { return int64(w.buf.Len()) }
func (w *writer) Checksum() uint32 { return w.sum }
func (w *writer) Head() []byte     { return w.buf.Bytes() }

func (w *writer) Commit(ctx context.Context, kind blob.Kind, meta blob.Meta) (blob.Ticket, error) {
	if w.done {
		return nil, blob.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !kind.Valid() {
		return nil, fmt.Errorf("blob: objects of kind %d cannot be stored", kind)
	}
	if meta.Time.IsZero() {
		meta.Time = time.Now()
	}
	encoded := blob.AppendMeta(nil, &meta)
	if len(encoded) > blob.MaxMeta {
		return nil, blob.ErrMetaTooLong
	}
	meta, err := blob.DecodeMeta(encoded) // a copy that shares nothing, as after reading it back
	if err != nil {
		return nil, err
	}
	w.done = true
	return w.store.add(&record{data: w.buf.Bytes(), entry: blob.Entry{
		Kind: kind, Ref: blob.Ref{Key: blob.NewKey()}, Meta: meta, Size: w.Size(), Checksum: w.sum,
	}})
}

func (w *writer) Discard() { w.done = true }

// ticket is a promise already kept.
type ticket struct{ entry *blob.Entry }

func (t *ticket) Wait(context.Context) error { return nil }
func (t *ticket) Ref() blob.Ref              { return t.entry.Ref }
func (t *ticket) Position() blob.Position    { return t.entry.Position }
func (t *ticket) Next() blob.Position        { return t.entry.Next }

// reader is an open object.
type reader struct {
	*bytes.Reader
	record *record
}

func newReader(r *record) *reader { return &reader{bytes.NewReader(r.data), r} }

func (r *reader) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.record.data)
	return int64(n), err
}

func (r *reader) Ref() blob.Ref    { return r.record.entry.Ref }
func (r *reader) Kind() blob.Kind  { return r.record.entry.Kind }
func (r *reader) Meta() blob.Meta  { return r.record.entry.Meta }
func (r *reader) Checksum() uint32 { return r.record.entry.Checksum }
func (r *reader) Close() error     { return nil }

func (r *reader) Verify(ctx context.Context) error {
	if blob.Checksum(0, r.record.data) == r.Checksum() {
		return ctx.Err()
	}
	return &blob.CorruptError{
		Ref: r.Ref(), Position: r.record.entry.Position, Length: r.Size(), Path: "memory",
		Reason: "the payload does not match its checksum",
	}
}
