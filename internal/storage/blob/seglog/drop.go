package seglog

import (
	"errors"
	"path/filepath"
	"slices"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// mayDrop reports whether n more objects given back may be the last of a complete segment. It only counts; drop looks.
func (g *segment) mayDrop(n int) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.sealed && len(g.sources) == 0 && g.given+int64(n) >= g.objects
}

// drop removes a complete segment when with the given objects the last of it are given back: that costs the file system a
// fraction of what a hole for each of them does. It reports false, and has done nothing, when anything keeps the segment: a
// living object, a tombstone, a reader. Called with compacting held.
//
// The file loses its name for good before it loses its bytes, so that a start after a cut finds all of the segment or
// something unfinished, which it clears away; and its bytes before it is unlinked, because another process that reads may
// have it open. A segment made by compaction stays: it says which ones it stands for.
func (s *Store) drop(g *segment, given []entry) (bool, error) {
	if all, err := s.allGiven(g, given); !all || err != nil {
		return false, err
	}
	if err := s.removePayloads(g, given); errors.Is(err, errGone) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if ok, err := g.retire(); !ok || err != nil {
		return false, err
	}
	defer g.removing.Unlock()
	table := tablePath(s.segmentPath(g.number))
	if err := s.takeName(g); err != nil {
		g.keep()
		return false, nil // as on systems that hold on to files that are open: the records are overwritten one by one
	}
	if err := s.erase(g, table); err != nil {
		g.keep()
		return false, err
	}
	s.view.Lock()
	defer s.view.Unlock()
	s.segments = slices.DeleteFunc(s.segments, func(other *segment) bool { return other == g })
	s.arrange()
	return true, nil
}

// allGiven reports whether nothing is in a segment but objects that were given back or are now: nor a place that cannot be
// read, which may be what is left of a living one.
func (s *Store) allGiven(g *segment, given []entry) (bool, error) {
	table, err := g.entries()
	if err != nil {
		return false, err
	}
	if len(g.gaps(table)) > 0 {
		return false, nil
	}
	now := make(map[blob.Ref]bool, len(given))
	for i := range given {
		now[given[i].ref] = true
	}
	s.view.RLock()
	defer s.view.RUnlock()
	return !slices.ContainsFunc(table, func(e entry) bool {
		deleted := e.object() && (now[e.ref] || s.dead[e.ref])
		return e.kind != kindVoid && !deleted
	}), nil
}

// gaps lists the ranges of a complete segment that no entry of its table claims.
func (g *segment) gaps(table []entry) (gaps [][2]int64) {
	at := int64(blockSize)
	for i := range table {
		if from := table[i].offset(); from > at {
			gaps = append(gaps, [2]int64{at, from})
		}
		at = table[i].offset() + table[i].length()
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.end > at {
		gaps = append(gaps, [2]int64{at, g.end})
	}
	return gaps
}

// retire keeps a segment from being used any more, unless somebody uses it. Then removing is held.
func (g *segment) retire() (bool, error) {
	g.removing.Lock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users > 0 || g.gone || g.spoilt {
		g.removing.Unlock()
		return false, nil
	}
	if f := g.file; f != nil {
		g.file = nil
		if err := f.Close(); err != nil {
			g.removing.Unlock()
			return false, err
		}
	}
	g.gone = true
	return true, nil
}

// keep lets a retired segment be used again.
func (g *segment) keep() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = false
}

// useAgain is use for a segment that is perhaps being removed: it waits for the end of that.
func (g *segment) useAgain() (disk.File, error) {
	f, err := g.use()
	if errors.Is(err, errGone) {
		g.removing.Lock()
		defer g.removing.Unlock()
		f, err = g.use()
	}
	return f, err
}

// takeName makes a segment something unfinished, durably.
func (s *Store) takeName(g *segment) error {
	path := s.segmentPath(g.number) + newSuffix
	if g.path == path {
		return nil // an attempt before this one failed later
	}
	if err := s.fs.Rename(g.path, path); err != nil {
		return err
	}
	g.mu.Lock()
	g.path = path
	g.mu.Unlock()
	return s.fs.SyncDir(s.segmentDir())
}

// erase overwrites and unlinks the file of a segment.
func (s *Store) erase(g *segment, table string) error {
	f, err := s.fs.Open(g.path, true)
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err == nil {
		err = f.Punch(0, size)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := errors.Join(ignoreMissing(s.fs.Remove(g.path)), ignoreMissing(s.fs.Remove(table))); err != nil {
		return err
	}
	return s.fs.SyncDir(s.segmentDir())
}

// removePayloads removes the files of those of the objects that have one, for good: no record will name them any more. Until
// then their headers say that they are gone.
func (s *Store) removePayloads(g *segment, given []entry) error {
	large := slices.DeleteFunc(slices.Clone(given), func(e entry) bool { return e.flags&flagLarge == 0 })
	if len(large) == 0 {
		return nil
	}
	f, err := g.use()
	if err != nil {
		return err
	}
	folders := map[string]bool{}
	for _, e := range large {
		if _, err = s.overwrite(g, f, e); err != nil {
			break
		}
		path := s.payloadPath(e.ref.Key, e.kind, e.flags)
		if err = ignoreMissing(s.fs.Remove(path)); err != nil { // what a damaged header named, too
			break
		}
		folders[filepath.Dir(path)] = true
	}
	return errors.Join(err, g.release(), s.syncFolders(folders))
}

func (s *Store) syncFolders(folders map[string]bool) (err error) {
	for dir := range folders {
		err = errors.Join(err, s.fs.SyncDir(dir))
	}
	return err
}

// dropped reports whether the process that writes has removed the segment that f was opened from, with all that was in it.
func (s *Store) dropped(f disk.File) bool {
	if !s.opt.ReadOnly {
		return false
	}
	head := make([]byte, len(segmentMagic))
	_, err := f.ReadAt(head, 0)
	return err == nil && isZero(head)
}
