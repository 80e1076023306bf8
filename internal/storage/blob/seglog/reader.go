package seglog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// object is an open Blob: a range of a segment, or a large file.
type object struct {
	ref     blob.Ref
	kind    blob.Kind
	meta    blob.Meta
	size    int64
	sum     uint32
	file    disk.File
	at      int64 // of the payload in file
	record  int64 // where the record begins in file; -1: the payload has a file of its own, which stays until Close
	path    string
	place   blob.Position
	release func() error
	closed  atomic.Bool
}

// Open finds an object and reads its header.
func (s *Store) Open(ctx context.Context, ref blob.Ref) (blob.Blob, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.closed.Load() {
		return nil, blob.ErrClosed
	}
	g, f, e, err := s.locate(ref)
	if err != nil {
		return nil, err
	}
	o, err := s.openRecord(g, f, e)
	if err != nil && s.dropped(f) {
		err = fmt.Errorf("%w: %s: %w", blob.ErrNotFound, ref, blob.ErrDeleted)
	}
	if err != nil {
		return nil, errors.Join(err, g.release())
	}
	return o, nil
}

// readHeader reads and checks the header of the record e of g.
func readHeader(g *segment, f disk.File, e entry, block []byte) (header, error) {
	block = block[:min(blockSize, e.length())]
	if _, err := f.ReadAt(block, e.offset()); err != nil && !errors.Is(err, io.EOF) {
		return header{}, fmt.Errorf("blob: read %s: %w", g.path, err)
	}
	h, err := decodeHeader(block, g.id, e.offset(), e.length())
	if err != nil || h.ref != e.ref {
		return header{}, g.corrupt(e, "its header does not match its checksum")
	}
	return h, nil
}

func (g *segment) corrupt(e entry, reason string) *blob.CorruptError {
	return &blob.CorruptError{Ref: e.ref, Position: g.position(e.offset()), Length: e.length(), Path: g.path, Reason: reason}
}

var blocks = sync.Pool{New: func() any { return new([blockSize]byte) }}

func (s *Store) openRecord(g *segment, f disk.File, e entry) (*object, error) {
	block := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(block)
	h, err := readHeader(g, f, e, block[:])
	if err != nil {
		return nil, err
	}
	meta, err := blob.DecodeMeta(h.meta)
	if err != nil {
		return nil, g.corrupt(e, err.Error())
	}
	o := &object{
		ref: h.ref, kind: h.kind, meta: meta, size: h.size, sum: h.sum, file: f,
		at: e.offset() + h.metaEnd(), record: e.offset(), path: g.path, place: g.position(e.offset()), release: g.release,
	}
	if !h.large() {
		return o, nil
	}
	o.path = s.payloadPath(h.ref.Key, h.kind, h.flags)
	large, err := s.fs.Open(o.path, false)
	if errors.Is(err, os.ErrNotExist) {
		if err := o.given(); errors.Is(err, blob.ErrDeleted) { // by the process that writes
			return nil, err
		}
		return nil, o.corrupt("its file is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("blob: open a large object: %w", err)
	}
	o.file, o.at, o.record = large, 0, -1
	o.release = func() error { return errors.Join(large.Close(), g.release()) }
	return o, nil
}

func (o *object) corrupt(reason string) *blob.CorruptError {
	return &blob.CorruptError{Ref: o.ref, Position: o.place, Length: o.size, Path: o.path, Reason: reason}
}

func (o *object) Ref() blob.Ref    { return o.ref }
func (o *object) Kind() blob.Kind  { return o.kind }
func (o *object) Meta() blob.Meta  { return o.meta }
func (o *object) Size() int64      { return o.size }
func (o *object) Checksum() uint32 { return o.sum }

func (o *object) ReadAt(p []byte, off int64) (int, error) {
	if o.closed.Load() {
		return 0, blob.ErrClosed
	}
	if off < 0 || off > o.size {
		return 0, fmt.Errorf("blob: read at %d of %d bytes: %w", off, o.size, io.EOF)
	}
	end := false
	if left := o.size - off; int64(len(p)) > left {
		p, end = p[:left], true
	}
	n, err := o.file.ReadAt(p, o.at+off)
	switch {
	case n == len(p):
		err = o.given()
	case errors.Is(err, io.EOF):
		err = o.corrupt("the file ends inside it")
	}
	if err != nil {
		return 0, err
	}
	if end {
		return n, io.EOF
	}
	return n, nil
}

// given tells, after a read, whether the payload was being given back (Reclaim) by then. What was read before is right: the
// header says so, or is not there any more, before the first byte goes.
func (o *object) given() error {
	if o.record < 0 {
		return nil
	}
	block := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(block)
	if _, err := o.file.ReadAt(block[:flagsAt+1], o.record); err != nil {
		return fmt.Errorf("blob: read %s: %w", o.path, err)
	}
	if le.Uint32(block[:]) == recordMagic && block[flagsAt]&flagReclaimed == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: %w while it was read", blob.ErrNotFound, o.ref, blob.ErrDeleted)
}

// WriteTo lets the kernel copy where w can receive from a file (io.ReaderFrom
// of a TCP connection: sendfile).
func (o *object) WriteTo(w io.Writer) (int64, error) {
	if o.closed.Load() {
		return 0, blob.ErrClosed
	}
	if rf, ok := w.(io.ReaderFrom); ok {
		if n, done, err := o.sendFile(rf); done {
			if err != nil {
				return n, err
			}
			m, err := o.sendEnd(w, n)
			return n + m, err
		}
	}
	buf := copies.Get().(*[copySize]byte)
	defer copies.Put(buf)
	return copyRange(w, o, o.size, buf[:])
}

// sendFile lets the kernel copy all but the last bytes.
func (o *object) sendFile(w io.ReaderFrom) (n int64, done bool, err error) {
	f, err := o.file.Handle()
	if f == nil || err != nil {
		return 0, false, nil
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Seek(o.at, io.SeekStart); err != nil {
		return 0, false, nil
	}
	most := o.size - min(o.size, blockSize)
	n, err = w.ReadFrom(&io.LimitedReader{R: f, N: most})
	if err == nil && n < most {
		err = o.corrupt("the file ends inside it")
	}
	return n, true, err
}

// sendEnd writes the last bytes, from an offset on: not before it is known that those before them were still there. So a
// receiver that gets all of it got what was stored.
func (o *object) sendEnd(w io.Writer, from int64) (int64, error) {
	block := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(block)
	end := block[:o.size-from]
	if _, err := o.ReadAt(end, from); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	n, err := w.Write(end)
	return int64(n), err
}

const copySize = 128 << 10

var copies = sync.Pool{New: func() any { return new([copySize]byte) }}

// copyRange writes the first size bytes of r to w.
func copyRange(w io.Writer, r io.ReaderAt, size int64, buf []byte) (int64, error) {
	var off int64
	for off < size {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if err != nil && !errors.Is(err, io.EOF) {
			return off, err
		}
		if n == 0 {
			return off, io.ErrUnexpectedEOF
		}
		m, err := w.Write(buf[:n])
		off += int64(m)
		if err != nil {
			return off, err
		}
	}
	return off, nil
}

// checksumWriter counts towards a CRC32C and gives up with its context.
type checksumWriter struct {
	ctx context.Context
	sum uint32
}

func (c *checksumWriter) Write(p []byte) (int, error) {
	c.sum = blob.Checksum(c.sum, p)
	return len(p), c.ctx.Err()
}

func (o *object) Verify(ctx context.Context) error {
	c := checksumWriter{ctx: ctx}
	if _, err := o.writeTo(&c); err != nil {
		return err
	}
	if c.sum != o.sum {
		return o.corrupt("its payload does not match its checksum")
	}
	return nil
}

func (o *object) writeTo(w io.Writer) (int64, error) {
	buf := copies.Get().(*[copySize]byte)
	defer copies.Put(buf)
	return copyRange(w, o, o.size, buf[:])
}

func (o *object) Close() error {
	if o.closed.Swap(true) {
		return blob.ErrClosed
	}
	return o.release()
}
