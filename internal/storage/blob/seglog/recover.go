package seglog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// Recovery in words. A table says what was synced for sure. Beyond it the
// headers are read, and each carries a watermark: everything before that place
// was synced when the record was written. The greatest of these places parts the
// log. Before it, a place that cannot be read is damage: it is reported and
// stepped over. After it lies the tail: what is whole there may have been
// acknowledged, or be in the page cache alone, or stand on a disk that failed to
// sync it, so it is copied into a new segment and synced; the rest was promised
// to nobody and is cut.
//
// The steps can be interrupted anywhere: the copy has no table until the tail is
// cut, so until then it is a tail itself, and copies are told apart by key and
// sequence.

// recover brings the segments found to rest and puts them into s.segments.
func (s *Store) recover(ctx context.Context, found []*segment) error {
	contents := make(map[*segment]*content)
	var watermark blob.Position
	for _, g := range found {
		c, err := s.readOn(g)
		if err != nil {
			return err
		}
		if c != nil {
			contents[g] = c
		}
		w := g.watermark(c)
		if watermark.Less(w) {
			watermark = w
		}
	}
	if s.opt.ReadOnly {
		if err := s.lookAgain(found, contents, watermark); err != nil {
			return err
		}
	}
	r := recovery{store: s, watermark: watermark, seen: map[blob.Ref]bool{}}
	for _, g := range found {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c := contents[g]; c == nil {
			s.completeTo = max(s.completeTo, g.max)
		} else {
			if err := r.split(g, c); err != nil {
				return fmt.Errorf("blob: recover %s: %w", g.path, err)
			}
		}
		s.seq = max(s.seq, g.max)
		s.segments = append(s.segments, g)
	}
	if s.opt.ReadOnly {
		return nil
	}
	if err := r.finish(); err != nil {
		return disk.WriteError("recover the log in "+s.dir, err)
	}
	return nil
}

// readOn scans what lies beyond the table; nil when nothing does.
func (s *Store) readOn(g *segment) (*content, error) {
	size, err := g.file.Size()
	if err != nil {
		return nil, fmt.Errorf("blob: read %s: %w", g.path, err)
	}
	if g.end > 0 && size <= g.end {
		g.sealed = true
		if s.opt.ReadOnly {
			return nil, nil // kept open: it may be compacted by the process that writes
		}
		return nil, g.close() // until it is needed
	}
	if g.end > 0 {
		if _, err := g.entries(); err != nil {
			return nil, fmt.Errorf("blob: read %s: %w", g.path, err)
		}
	}
	c, err := g.scanFrom(g.file, max(g.end, blockSize))
	if err != nil {
		return nil, fmt.Errorf("blob: read %s: %w", g.path, err)
	}
	return c, nil
}

// watermark is the place up to which the log is known to be synced from this
// segment. That of a compacted segment says nothing of the others.
func (g *segment) watermark(c *content) blob.Position {
	var w blob.Position
	if g.end > 0 && len(g.sources) == 0 {
		w = g.position(g.end)
	}
	if c != nil && w.Less(c.watermark) {
		w = c.watermark
	}
	return w
}

// recovery collects the tail.
type recovery struct {
	store     *Store
	watermark blob.Position
	tail      []tailRecord
	seen      map[blob.Ref]bool
	cut       []*segment
}

type tailRecord struct {
	seg *segment
	entry
}

// split takes what lies before the watermark into the table of g, and what of
// the rest is whole into the tail.
func (r *recovery) split(g *segment, c *content) error {
	limit := c.size
	switch {
	case g.number > r.watermark.Segment:
		limit = c.start
	case g.number == r.watermark.Segment:
		limit = max(c.start, min(limit, r.watermark.Offset))
	}
	if g.end == 0 {
		g.loaded = true
	}
	end := c.start
	for _, e := range c.entries {
		if e.offset() < limit {
			g.add(e)
			r.store.completeTo = max(r.store.completeTo, e.ref.Seq)
			end = max(end, e.offset()+e.length())
			continue
		}
		if err := r.consider(g, e); err != nil {
			return err
		}
	}
	if limit == c.size { // complete: what follows the last record was not used
		used, err := lastUsed(g.file, end, c.size)
		if err != nil {
			return err
		}
		limit = used
	}
	r.report(g, c, limit)
	g.end = max(limit, end)
	g.sure = g.end
	if n := len(g.table); n > 0 && r.store.opt.ReadOnly { // with the tail
		g.end = max(g.end, g.table[n-1].offset()+g.table[n-1].length())
	}
	for _, e := range c.entries {
		if e.offset() < g.sure && e.kind == blob.KindTombstone {
			if err := g.noteDeleted(e); err != nil {
				return err
			}
		}
	}
	r.cut = append(r.cut, g)
	return nil
}

// noteDeleted adds what a tombstone deletes to the segment's list.
func (g *segment) noteDeleted(e entry) error {
	block := make([]byte, blockSize)
	h, err := readHeader(g, g.file, e, block)
	if err != nil {
		return err
	}
	refs, err := readRefs(g.file, e.offset(), &h)
	g.deleted = append(g.deleted, refs...)
	return err
}

// consider takes a record of the tail if all of it is there.
func (r *recovery) consider(g *segment, e entry) error {
	if e.kind == kindVoid || r.seen[e.ref] {
		return nil
	}
	whole, err := r.whole(g, e)
	if err == nil && !whole && r.store.opt.ReadOnly {
		whole, err = r.whole(g, e) // it may be given back this moment
	}
	if err != nil || !whole {
		return err
	}
	r.seen[e.ref] = true
	if r.store.opt.ReadOnly {
		g.add(e)
		if e.kind == blob.KindTombstone {
			return g.noteDeleted(e)
		}
		return nil
	}
	r.tail = append(r.tail, tailRecord{g, e})
	return nil
}

// whole reports whether all of a record is there.
func (r *recovery) whole(g *segment, e entry) (bool, error) {
	block := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(block)
	h, err := readHeader(g, g.file, e, block[:])
	switch {
	case err != nil:
	case h.flags&flagReclaimed != 0:
	case h.large():
		err = r.store.largeIsThere(&h)
	default:
		buf := copies.Get().(*[copySize]byte)
		defer copies.Put(buf)
		var sum uint32
		if sum, err = payloadSum(g.file, e.offset()+h.metaEnd(), h.size, buf[:]); err == nil && sum != h.sum {
			err = errPayload
		}
	}
	return err == nil, ignoreDamage(err)
}

// ignoreDamage: what is damaged in the tail was promised to nobody.
func ignoreDamage(err error) error {
	var corrupt *blob.CorruptError
	if errors.Is(err, errPayload) || errors.As(err, &corrupt) {
		return nil
	}
	return err
}

func (s *Store) largeIsThere(h *header) error {
	f, err := s.fs.Open(s.payloadPath(h.ref.Key, h.kind, h.flags), false)
	if err != nil {
		return errPayload
	}
	size, err := f.Size()
	if err == nil && size != h.size {
		err = errPayload
	}
	return errors.Join(err, f.Close())
}

// report tells of the damage before limit.
func (r *recovery) report(g *segment, c *content, limit int64) {
	for _, gap := range c.gaps {
		if from, to := gap[0], min(gap[1], limit); from < to && !r.store.dropped(g.file) {
			e := g.unreadable(from, to)
			r.store.damaged(blob.Finding{Position: e.Position, Path: g.path, Problem: e.Reason, Err: e})
		}
	}
}

func (g *segment) unreadable(from, to int64) *blob.CorruptError {
	return &blob.CorruptError{Position: g.position(from), Length: to - from, Path: g.path, Reason: "no record can be read there"}
}

// lastUsed returns the end of the last block in from..to that is not all zeros,
// or from.
func lastUsed(f disk.File, from, to int64) (int64, error) {
	used, buf := from, make([]byte, gapWindow)
	for off := from; off < to; {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), to-off)], off)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if n == 0 {
			break
		}
		for i := 0; i < n; i += blockSize {
			if !isZero(buf[i:min(n, i+blockSize)]) {
				used = off + int64(i) + blockSize
			}
		}
		off += int64(n)
	}
	return used, nil
}

func isZero(p []byte) bool {
	for len(p) >= len(zeroBlock) {
		if [64]byte(p) != zeroBlock {
			return false
		}
		p = p[len(zeroBlock):]
	}
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

var zeroBlock [64]byte // read only

// finish copies the tail into a new segment, cuts it off the old ones, and makes
// the tables that say so.
func (r *recovery) finish() error {
	s := r.store
	var fresh *segment
	if len(r.tail) > 0 {
		s.opt.Logger.Info("object log: records after the last known sync are written again", "records", len(r.tail))
		g, err := s.copyTail(r.tail, r.watermark)
		if err != nil {
			return err
		}
		fresh = g
	}
	kept := s.segments[:0]
	for _, g := range s.segments {
		if g.end <= blockSize {
			s.empty = append(s.empty, g)
			continue
		}
		kept = append(kept, g)
	}
	s.segments = kept
	for _, g := range r.cut {
		if g.end <= blockSize { // it stays until there is one with a higher number
			if err := errors.Join(g.file.Truncate(blockSize), g.file.Sync()); err != nil {
				return err
			}
			continue
		}
		g.users++ // seal ends a use
		if err := s.seal(g, g.end); err != nil {
			return err
		}
	}
	if fresh == nil {
		return nil
	}
	s.segments = append(s.segments, fresh)
	return s.seal(fresh, fresh.end)
}

// copyTail writes the records once more, with the sequence numbers they have,
// and syncs them.
func (s *Store) copyTail(tail []tailRecord, watermark blob.Position) (*segment, error) {
	s.number++
	g, err := s.newSegment(s.number, s.seq)
	if err != nil {
		return nil, err
	}
	out := copier{store: s, to: g, at: blockSize, watermark: watermark, buf: make([]byte, copySize)}
	for _, t := range tail {
		if err := out.copy(t.seg, t.seg.file, t.entry); err != nil {
			return nil, err
		}
	}
	g.end = out.at
	s.seq = max(s.seq, g.max)
	return g, g.file.Sync()
}

// copier writes records into a segment nobody else writes to.
type copier struct {
	store     *Store
	to        *segment
	at        int64
	watermark blob.Position
	buf       []byte
}

// copy appends one record.
func (c *copier) copy(from *segment, f disk.File, e entry) error {
	h, err := readHeader(from, f, e, make([]byte, blockSize))
	if err != nil {
		return &sourceError{from, e, err}
	}
	h.flags |= flagCopied
	h.watermark = c.watermark
	if h.flags&flagReclaimed != 0 {
		h.blocks = 1
	}
	if h.kind == blob.KindTombstone {
		refs, err := readRefs(f, e.offset(), &h)
		if err != nil {
			return &sourceError{from, e, err}
		}
		c.to.deleted = append(c.to.deleted, refs...)
	}
	head := appendHeader(nil, &h, c.to.id, c.at)
	if err := c.to.file.WriteAt(c.at, head); err != nil {
		return err
	}
	if h.flags&flagReclaimed == 0 {
		if err := c.payload(from, f, e, c.at+h.metaEnd(), &h); err != nil {
			return err
		}
	}
	c.to.add(h.entry(c.at))
	c.at += h.length()
	return nil
}

func (c *copier) payload(seg *segment, f disk.File, e entry, to int64, h *header) error {
	from := e.offset() + h.metaEnd()
	for size := h.payload(); size > 0; {
		p := c.buf[:min(int64(len(c.buf)), size)]
		if n, err := f.ReadAt(p, from); n < len(p) {
			return &sourceError{seg, e, fmt.Errorf("blob: read %s: %w", seg.path, cmp.Or(err, io.ErrUnexpectedEOF))}
		}
		if err := c.to.file.WriteAt(to, p); err != nil {
			return err
		}
		from, to, size = from+int64(len(p)), to+int64(len(p)), size-int64(len(p))
	}
	return nil
}
