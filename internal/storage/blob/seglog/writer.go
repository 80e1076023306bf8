package seglog

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
	"gantry/internal/storage/blob/memory"
)

// writer gathers one object in memory or, when it grows too large, in a file of
// its own. Nothing is reserved in the log before Commit, so a slow sender holds
// nobody up.
type writer struct {
	store *Store
	buf   memory.Buffer
	large *largeFile
	key   blob.Key
	done  bool
	head  [512]byte // scratch for the record header
}

// Create begins an object.
func (s *Store) Create(ctx context.Context, sizeHint int64) (blob.Writer, error) {
	s.mu.Lock()
	err := s.writable()
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	w := &writer{store: s, key: s.newKey()}
	if err := w.buf.Start(ctx, s.budget, sizeHint, s.opt.SpillSize); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *writer) Size() int64 {
	if w.large != nil {
		return w.large.size
	}
	return w.buf.Size()
}

func (w *writer) Checksum() uint32 {
	if w.large != nil {
		return w.large.sum
	}
	return w.buf.Checksum()
}

func (w *writer) Head() []byte { return w.buf.Head() }

func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, blob.ErrClosed
	}
	n := 0
	if w.large == nil {
		n = w.buf.Write(p)
		if n == len(p) {
			return n, nil
		}
		if err := w.spill(); err != nil {
			return n, err
		}
	}
	m, err := w.large.Write(p[n:])
	return n + m, err
}

func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	if w.done {
		return 0, blob.ErrClosed
	}
	var n int64
	if w.large == nil {
		m, full, err := w.buf.Fill(r)
		if !full || err != nil {
			return m, err
		}
		n = m
		if err := w.spill(); err != nil {
			return n, err
		}
	}
	m, err := w.large.ReadFrom(r)
	return n + m, err
}

// spill moves the object to a file of its own.
func (w *writer) spill() error {
	l, err := w.store.newLarge(w.key)
	if err != nil {
		return err
	}
	w.large = l
	if err := l.take(&w.buf); err != nil {
		return err
	}
	w.buf.KeepHead()
	return nil
}

// toFile moves the object to a file, unless it is in one.
func (w *writer) toFile() error {
	if w.large != nil {
		return nil
	}
	return w.spill()
}

func (w *writer) Discard() {
	if w.done {
		return
	}
	w.done = true
	w.buf.Release()
	if w.large != nil {
		w.large.discard()
	}
}

func (w *writer) Commit(ctx context.Context, kind blob.Kind, meta blob.Meta) (blob.Ticket, error) {
	if w.done {
		return nil, blob.ErrClosed
	}
	if !kind.Valid() {
		return nil, fmt.Errorf("blob: objects of kind %d cannot be stored", kind)
	}
	if meta.Time.IsZero() {
		meta.Time = w.store.opt.Clock()
	}
	h := header{kind: kind, ref: blob.Ref{Key: w.key}, size: w.Size(), sum: w.Checksum()}
	h.meta = blob.AppendMeta(w.head[:0:256], &meta)
	if len(h.meta) > blob.MaxMeta {
		return nil, blob.ErrMetaTooLong
	}
	if w.store.opt.Files && kind != blob.KindNote {
		h.flags |= flagPlain
		if err := w.toFile(); err != nil {
			return nil, err
		}
	}
	if w.large != nil {
		h.flags |= flagLarge
		w.store.setNaming(w.key)
		defer w.store.named(w.large)
		if err := w.large.finish(w.store.payloadPath(w.key, kind, h.flags)); err != nil {
			return nil, err
		}
	}
	h.blocks = blocksFor(len(h.meta), h.payload())
	p, err := w.store.reserve(ctx, &h)
	if err != nil {
		return nil, err
	}
	w.done = true
	defer w.buf.Release()
	if err := w.write(&h, &p); err != nil {
		if w.large != nil {
			w.large.discard()
		}
		return nil, err
	}
	return p.ticket(w.store, h.ref), nil
}

// write fills the reserved range, with a void record if that is all it can.
func (w *writer) write(h *header, p *place) error {
	s := w.store
	head := appendHeader(w.head[256:256], h, p.seg.id, p.off)
	pad := int(h.length() - h.metaEnd() - h.payload())
	var vector [8][]byte
	var err error
	if h.large() {
		err = p.file.WriteAt(p.off, append(head, make([]byte, pad)...))
	} else {
		err = p.file.WriteAt(p.off, w.buf.Append(vector[:0], head, pad)...)
	}
	if err == nil {
		s.complete(p, h.kind)
		return nil
	}
	return s.giveUp(p, err)
}

// giveUp fills a range whose write failed with a void record, so that those
// after it are not held up. A disk that is full after room was promised, or does
// not even take that, is not to be written to any more.
func (s *Store) giveUp(p *place, cause error) error {
	void := header{kind: kindVoid, ref: p.seg.reference(p.index), blocks: uint32(p.length / blockSize)}
	err := p.file.WriteAt(p.off, appendHeader(nil, &void, p.seg.id, p.off))
	if err != nil || disk.IsFull(cause) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fail("write "+p.seg.path, errors.Join(cause, err))
		return s.failure
	}
	s.complete(p, kindVoid)
	return disk.WriteError("write "+p.seg.path, cause)
}
