package seglog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// Check reads everything there is and compares it with its checksums. With
// repair, what is damaged is copied to the quarantine and a void record, or
// nothing, put in its place; an object so damaged is not found any more.
func (s *Store) Check(ctx context.Context, repair bool, report func(blob.Finding)) error {
	if s.closed.Load() {
		return blob.ErrClosed
	}
	if repair && s.opt.ReadOnly {
		return blob.ErrReadOnly
	}
	if repair {
		s.compacting.Lock()
		defer s.compacting.Unlock()
	}
	large, err := s.listPayloads() // before the records: one committed meanwhile is no finding
	if err != nil {
		return err
	}
	c := check{store: s, ctx: ctx, repair: repair, report: report, large: large, buf: make([]byte, copySize)}
	for g := s.following(0); g != nil; g = s.following(g.number + 1) {
		f, err := g.use()
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return fmt.Errorf("blob: check %s: %w", g.path, err)
		}
		err = c.segment(g, f)
		if err := errors.Join(err, g.release()); err != nil {
			return fmt.Errorf("blob: check %s: %w", g.path, err)
		}
	}
	return c.orphans()
}

type check struct {
	store  *Store
	ctx    context.Context
	repair bool
	report func(blob.Finding)
	large  map[string]bool // files not yet seen to belong to a record
	buf    []byte
	block  [blockSize]byte
	fixed  bool
}

// listPayloads lists the files that payloads lie in.
func (s *Store) listPayloads() (map[string]bool, error) {
	found := map[string]bool{}
	for _, root := range []string{s.largeDir(), s.filesDir()} {
		if err := s.walk(root, 0, found); err != nil {
			return nil, fmt.Errorf("blob: check %s: %w", root, err)
		}
	}
	return found, nil
}

// walk adds the payload files below dir to found.
func (s *Store) walk(dir string, depth int, found map[string]bool) error {
	infos, err := s.fs.List(dir)
	if ignoreMissing(err) != nil {
		return err
	}
	for _, i := range infos {
		path := filepath.Join(dir, i.Name)
		if i.Dir && depth < 2 {
			if err := s.walk(path, depth+1, found); err != nil {
				return err
			}
			continue
		}
		base, _, _ := strings.Cut(i.Name, ".")
		key, err := blob.ParseKey(base)
		if err == nil && !strings.HasSuffix(i.Name, partSuffix) && !s.isNaming(key) {
			found[path] = true
		}
	}
	return nil
}

// segment checks the records of a segment and the room between them.
func (c *check) segment(g *segment, f disk.File) error {
	table, err := g.entries()
	if err != nil {
		return err
	}
	c.fixed = false
	at := int64(blockSize)
	for i := range table {
		e := &table[i]
		if e.offset() > at {
			if err := c.between(g, f, at, e.offset()); err != nil {
				return err
			}
		}
		at = e.offset() + e.length()
		if !e.ready {
			continue
		}
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := c.record(g, f, i, *e); err != nil {
			return err
		}
	}
	g.mu.RLock()
	end, sealed := g.end, g.sealed
	g.mu.RUnlock()
	if sealed && at < end {
		if err := c.between(g, f, at, end); err != nil {
			return err
		}
	}
	if !sealed {
		return nil
	}
	if err := c.table(g); err != nil {
		return err
	}
	if c.repair {
		g.mu.Lock()
		g.spoilt = false
		g.mu.Unlock()
	}
	if c.fixed {
		return writeTable(c.store.fs, g, g.path, g.deleted)
	}
	return nil
}

// table checks the table file of a complete segment.
func (c *check) table(g *segment) error {
	read := &segment{fs: g.fs, number: g.number, id: g.id, path: g.path}
	_, err := readSummary(c.store.fs, read)
	if err == nil {
		_, err = readTable(c.store.fs, read)
	}
	if err == nil || c.store.opt.ReadOnly && errors.Is(err, os.ErrNotExist) { // compacted by the process that writes
		return nil
	}
	c.fixed = c.fixed || c.repair
	c.found(blob.Finding{
		Path: tablePath(g.path), Problem: "the table cannot be used; it is made again from the segment when needed",
		Err: err, Repaired: c.repair,
	})
	return nil
}

// record checks one record; what is wrong with it is reported, and an error is
// something that ends the check.
func (c *check) record(g *segment, f disk.File, index int, e entry) error {
	if e.object() && e.flags&flagLarge != 0 {
		delete(c.large, c.store.payloadPath(e.ref.Key, e.kind, e.flags))
	}
	err := c.verify(g, f, e)
	var corrupt *blob.CorruptError
	if !errors.As(err, &corrupt) {
		return err
	}
	if c.store.dropped(f) {
		return nil
	}
	finding := blob.Finding{Ref: e.ref, Position: corrupt.Position, Path: corrupt.Path, Problem: corrupt.Reason, Err: corrupt}
	if c.repair {
		to, err := c.quarantine(g, f, e.offset(), e.offset()+e.length(), e.ref)
		if err == nil && corrupt.Path != g.path {
			to, err = c.store.quarantineFile(corrupt.Path)
		}
		if err != nil {
			return err
		}
		g.settle(index, kindVoid)
		finding.Repaired, finding.Quarantine = true, to
	}
	c.found(finding)
	return nil
}

func (c *check) found(f blob.Finding) {
	c.store.findings.Add(1)
	c.report(f)
}

// verify compares a record with its checksums. Damage to what is being deleted,
// here or by the process that writes, is none.
func (c *check) verify(g *segment, f disk.File, e entry) error {
	h, err := readHeader(g, f, e, c.block[:])
	if err != nil || h.kind == kindVoid || c.given(&h) {
		return err
	}
	err = c.payload(g, f, e, &h)
	var corrupt *blob.CorruptError
	if !errors.As(err, &corrupt) {
		return err
	}
	if h, again := readHeader(g, f, e, c.block[:]); again == nil && c.given(&h) {
		return nil
	}
	return err
}

// given reports whether an object was given back, or will be.
func (c *check) given(h *header) bool {
	return h.flags&flagReclaimed != 0 || c.store.isDead(h.ref)
}

func (c *check) payload(g *segment, f disk.File, e entry, h *header) error {
	if h.large() {
		o, err := c.store.openRecord(g, f, e)
		if err != nil {
			return err
		}
		o.release = o.file.Close // the segment is in use anyway
		return errors.Join(o.Verify(c.ctx), o.Close())
	}
	sum, err := payloadSum(f, e.offset()+h.metaEnd(), h.size, c.buf)
	if err == nil && sum != h.sum || errors.Is(err, errPayload) {
		return g.corrupt(e, "its payload does not match its checksum")
	}
	return err
}

// between checks room that no record claims: a void record may lie there.
func (c *check) between(g *segment, f disk.File, from, to int64) error {
	if c.store.opt.ReadOnly && g.sure > 0 && from >= g.sure {
		return nil // another process is writing there
	}
	if n, err := f.ReadAt(c.block[:], from); n < blockSize {
		return err
	}
	h, err := decodeHeader(c.block[:], g.id, from, to-from)
	if err == nil && h.kind == kindVoid && h.length() == to-from || c.store.dropped(f) {
		return nil
	}
	e := g.unreadable(from, to)
	finding := blob.Finding{Position: e.Position, Path: g.path, Problem: e.Reason, Err: e}
	if c.repair {
		path, err := c.quarantine(g, f, from, to, blob.Ref{})
		if err != nil {
			return err
		}
		finding.Repaired, finding.Quarantine = true, path
	}
	c.found(finding)
	return nil
}

// quarantine copies a range away and puts a void record in its place.
func (c *check) quarantine(g *segment, f disk.File, from, to int64, ref blob.Ref) (string, error) {
	s := c.store
	path := filepath.Join(s.quarantineDir(), fmt.Sprintf("%016x-%x.bin", g.number, from))
	if err := s.fs.Mkdir(s.quarantineDir()); err != nil {
		return "", disk.WriteError("make the quarantine", err)
	}
	err := ignoreMissing(s.fs.Remove(path)) // of a repair that was interrupted
	if err == nil {
		err = copyFile(c.ctx, s.fs, f, path, from, to-from)
	}
	if err == nil {
		err = s.fs.SyncDir(s.quarantineDir())
	}
	if err != nil {
		return "", disk.WriteError("quarantine damaged bytes", err)
	}
	void := header{kind: kindVoid, ref: ref, blocks: uint32((to - from) / blockSize)}
	err = f.WriteAt(from, appendHeader(make([]byte, 0, blockSize), &void, g.id, from)[:blockSize])
	if rest := to - from - blockSize; err == nil && rest > 0 {
		err = f.Punch(from+blockSize, rest)
	}
	if err == nil {
		err = s.syncShared(g, f)
	}
	if err != nil {
		return "", disk.WriteError("void a damaged place", err)
	}
	c.fixed = true
	return path, nil
}

// quarantineFile moves a payload out of the way; one that is missing is no error.
func (s *Store) quarantineFile(path string) (string, error) {
	to := filepath.Join(s.quarantineDir(), filepath.Base(path))
	err := s.fs.Mkdir(s.quarantineDir())
	if err == nil {
		err = s.fs.Rename(path, to)
	}
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", disk.WriteError("quarantine a large object", err)
	}
	return to, errors.Join(s.fs.SyncDir(s.quarantineDir()), s.fs.SyncDir(filepath.Dir(path)))
}

// orphans reports payload files that no record names.
func (c *check) orphans() error {
	for path := range c.large {
		f := blob.Finding{Path: path, Problem: "no record names this file"}
		if c.repair {
			to, err := c.store.quarantineFile(path)
			if err != nil {
				return err
			}
			f.Repaired, f.Quarantine = true, to
		}
		c.found(f)
	}
	return nil
}
