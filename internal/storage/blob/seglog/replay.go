package seglog

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// Replay yields the records from from on. Its argument also tells the store that
// the caller knows, durably, all that lies before: tombstones there may go once
// nothing they name is left.
func (s *Store) Replay(ctx context.Context, from blob.Position) iter.Seq2[blob.Entry, error] {
	return func(yield func(blob.Entry, error) bool) {
		if s.closed.Load() {
			yield(blob.Entry{}, blob.ErrClosed)
			return
		}
		s.known.Store(&from)
		s.mu.Lock()
		last := s.seq
		s.mu.Unlock()
		r := replay{store: s, ctx: ctx, from: from, last: last, yield: yield}
		// One segment after the other, by number: one that is compacted meanwhile
		// goes on in a segment with a higher number.
		for g := s.following(from.Segment); g != nil; g = s.following(g.number + 1) {
			if !r.segment(g) {
				return
			}
		}
	}
}

// following returns the first segment with at least that number, or nil.
func (s *Store) following(number uint64) *segment {
	s.view.RLock()
	defer s.view.RUnlock()
	for _, g := range s.segments {
		if g.number >= number {
			return g
		}
	}
	return nil
}

type replay struct {
	store *Store
	ctx   context.Context
	from  blob.Position
	last  uint64
	yield func(blob.Entry, error) bool
	block [blockSize]byte
}

// segment yields one segment and reports whether to go on.
func (r *replay) segment(g *segment) bool {
	f, err := g.use()
	if errors.Is(err, errGone) {
		return true
	}
	if err != nil {
		r.yield(blob.Entry{}, fmt.Errorf("blob: replay %s: %w", g.path, err))
		return false
	}
	ok, err := r.records(g, f)
	if err = errors.Join(err, g.release()); err != nil && ok {
		r.yield(blob.Entry{}, fmt.Errorf("blob: replay %s: %w", g.path, err))
		return false
	}
	return ok
}

func (r *replay) records(g *segment, f disk.File) (bool, error) {
	table, err := g.entries()
	if err != nil {
		return true, err
	}
	for i := range table {
		e := &table[i]
		if !e.ready || e.kind == kindVoid || e.ref.Seq > r.last || g.position(e.offset()).Less(r.from) {
			continue
		}
		if e.object() && r.store.isDead(e.ref) {
			continue
		}
		if err := r.ctx.Err(); err != nil {
			return true, err
		}
		out, err := r.entry(g, f, *e)
		var corrupt *blob.CorruptError
		if err != nil && !errors.As(err, &corrupt) {
			return true, err
		}
		if err != nil && r.store.dropped(f) {
			return true, nil
		}
		if !r.yield(out, err) {
			return false, nil
		}
	}
	return true, nil
}

func (r *replay) entry(g *segment, f disk.File, e entry) (blob.Entry, error) {
	h, err := readHeader(g, f, e, r.block[:])
	if err != nil {
		return blob.Entry{}, err
	}
	meta, err := blob.DecodeMeta(h.meta)
	if err != nil {
		return blob.Entry{}, g.corrupt(e, err.Error())
	}
	out := blob.Entry{
		Kind: h.kind, Ref: h.ref, Meta: meta, Size: h.size, Checksum: h.sum,
		Position: g.position(e.offset()), Next: g.position(e.offset() + e.length()),
		Copied: h.flags&flagCopied != 0,
	}
	if h.kind == blob.KindTombstone {
		out.Deleted, err = readRefs(f, e.offset(), &h)
		if errors.Is(err, errPayload) {
			err = g.corrupt(e, err.Error())
		}
	}
	return out, err
}
