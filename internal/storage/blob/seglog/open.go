package seglog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
	"gantry/internal/storage/blob/memory"
)

// Open opens the log in the folder dir, which is made when there is none, and
// repairs what a cut has left behind: a tail that was written but is not known
// to be synced is read, checked, written again and synced before it is believed.
//
// Errors: *blob.LockedError, *blob.VersionError, blob.ErrReadOnly, blob.ErrFull.
func Open(ctx context.Context, dir string, opt Options) (*Store, error) {
	s := &Store{opt: opt.withDefaults(), dir: dir, dead: map[blob.Ref]bool{}, naming: map[blob.Key]bool{}, fill: make(chan struct{}, 1)}
	s.fs = s.opt.FS
	s.budget = memory.NewBudget(s.opt.MemoryBudget)
	s.changed.L, s.work.L = &s.mu, &s.mu
	round := make(chan struct{})
	s.round.Store(&round)
	s.stop = func() {}
	if err := s.open(ctx); err != nil {
		s.closed.Store(true)
		for _, g := range slices.Concat(s.segments, s.empty) {
			err = errors.Join(err, g.close())
		}
		return nil, errors.Join(err, s.lock.Unlock())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.takeFolder(); err != nil {
		return err
	}
	found, listed, err := s.findSegments()
	for try := 0; s.opt.ReadOnly && try < vanished && ctx.Err() == nil; try++ {
		if err == nil && s.unchanged(listed) || err != nil && !errors.Is(err, os.ErrNotExist) {
			break
		}
		for _, g := range found {
			err = errors.Join(err, g.close())
		}
		found, listed, err = s.findSegments()
	}
	if err != nil {
		return err
	}
	if err := s.recover(ctx, found); err != nil {
		return err
	}
	for _, g := range s.segments {
		for _, r := range g.deleted {
			s.dead[r] = false
		}
	}
	s.arrange()
	if s.opt.ReadOnly {
		return nil
	}
	if err := s.clearUnfinished(); err != nil {
		return disk.WriteError("clear away unfinished objects", err)
	}
	if err := s.begin(); err != nil {
		return disk.WriteError("open the log in "+s.dir, err)
	}
	if err := s.removeEmpty(); err != nil {
		return disk.WriteError("clear away empty segments", err)
	}
	run, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.wg.Add(2)
	go s.syncLoop(run)
	go s.fillLoop(run)
	if s.opt.CompactRate > 0 {
		s.wg.Go(func() { s.compactLoop(run) })
	}
	return nil
}

// unchanged reports whether no segment came since the folder was listed. A process that compacts puts a new one into place
// and removes the old ones, and a listing made meanwhile may show neither.
func (s *Store) unchanged(listed map[string]bool) bool {
	infos, err := s.fs.List(s.segmentDir())
	return err == nil && !slices.ContainsFunc(infos, func(i disk.Info) bool {
		return strings.HasSuffix(i.Name, segmentSuffix) && !listed[i.Name]
	})
}

// vanished is how often a log that is written by another process is listed anew
// because a segment was compacted between being listed and opened.
const vanished = 100

// takeFolder makes, locks and versions the folder.
func (s *Store) takeFolder() error {
	version := filepath.Join(s.dir, "VERSION")
	if s.opt.ReadOnly {
		_, err := disk.Version(s.fs, version, formatVersion)
		return err
	}
	for _, d := range []string{s.dir, s.segmentDir(), s.largeDir()} {
		if err := s.fs.Mkdir(d); err != nil {
			return disk.WriteError("make the folder "+d, err)
		}
	}
	lock, err := disk.LockFolder(s.dir)
	if err != nil {
		return err
	}
	s.lock = lock
	v, err := disk.Version(s.fs, version, formatVersion)
	if err != nil || v > 0 {
		return err
	}
	if err := disk.WriteFile(s.fs, version, []byte(strconv.Itoa(formatVersion)+"\n")); err != nil {
		return disk.WriteError("write "+version, err)
	}
	return nil
}

// findSegments opens what lies in the folder, and clears away what was never
// finished or was compacted into another segment.
func (s *Store) findSegments() (found []*segment, listed map[string]bool, err error) {
	infos, err := s.fs.List(s.segmentDir())
	if errors.Is(err, os.ErrNotExist) && s.opt.ReadOnly {
		return nil, nil, fmt.Errorf("blob: no object log in %s: %w", s.dir, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("blob: read the log in %s: %w", s.dir, err)
	}
	listed = map[string]bool{}
	for _, i := range infos {
		listed[i.Name] = true
	}
	for _, i := range infos {
		path := filepath.Join(s.segmentDir(), i.Name)
		switch {
		case strings.HasSuffix(i.Name, segmentSuffix):
			g, err := s.openSegment(path)
			if err != nil {
				for _, g := range found {
					err = errors.Join(err, g.close())
				}
				return nil, nil, err
			}
			if g != nil {
				found = append(found, g)
			}
		case s.opt.ReadOnly:
		case strings.HasSuffix(i.Name, newSuffix),
			strings.HasSuffix(i.Name, tableSuffix) && !listed[strings.TrimSuffix(i.Name, tableSuffix)+segmentSuffix]:
			if err := s.fs.Remove(path); err != nil {
				return nil, nil, disk.WriteError("clear away "+path, err)
			}
		}
	}
	slices.SortFunc(found, func(a, b *segment) int { return int(int64(a.number) - int64(b.number)) })
	found, err = s.dropSources(found)
	return found, listed, err
}

// newSuffix marks files that are not finished; the next start removes them.
const newSuffix = ".new"

// openSegment reads the head of a segment and of its table. It returns nil for a
// file that is no segment, which is moved out of the way.
func (s *Store) openSegment(path string) (*segment, error) {
	f, err := s.fs.Open(path, !s.opt.ReadOnly)
	if err != nil {
		return nil, disk.WriteError("open "+path, err)
	}
	head := make([]byte, segmentHeader)
	_, _ = f.ReadAt(head, 0) // what cannot be read stays zero and is no segment
	info, err := decodeSegmentHeader(head)
	if err != nil {
		return nil, errors.Join(f.Close(), s.setAside(path, err))
	}
	if info.version > formatVersion {
		return nil, errors.Join(f.Close(), &blob.VersionError{Path: path, Found: info.version, Known: formatVersion})
	}
	s.number, s.seq = max(s.number, info.number), max(s.seq, info.seq)
	g := &segment{fs: s.fs, number: info.number, id: info.id, base: info.seq, path: path, readOnly: s.opt.ReadOnly, file: f}
	deleted, err := readSummary(s.fs, g)
	if err != nil {
		g.end, g.min, g.max, g.sources = 0, 0, 0, nil // no table: all of it is to be read
		g.objects, g.bytes = 0, 0
	}
	g.deleted = deleted
	return g, nil
}

// setAside moves a file that is no segment to the quarantine; an empty one, as
// a cut leaves it when it comes while a segment is made, is removed.
func (s *Store) setAside(path string, cause error) error {
	if number, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(path), segmentSuffix), 16, 64); err == nil {
		s.number = max(s.number, number)
	}
	if s.opt.ReadOnly {
		return nil
	}
	empty, err := allZero(s.fs, path)
	if err != nil {
		return err
	}
	if empty {
		return s.fs.Remove(path)
	}
	if err := s.fs.Mkdir(s.quarantineDir()); err != nil {
		return disk.WriteError("make the quarantine", err)
	}
	to := filepath.Join(s.quarantineDir(), filepath.Base(path))
	if err := s.fs.Rename(path, to); err != nil {
		return disk.WriteError("set aside "+path, err)
	}
	s.damaged(blob.Finding{Path: path, Problem: "the file is no segment", Err: cause, Repaired: true, Quarantine: to})
	return nil
}

func allZero(fsys disk.FS, path string) (bool, error) {
	f, err := fsys.Open(path, false)
	if err != nil {
		return false, err
	}
	size, err := f.Size()
	buf := make([]byte, 64<<10)
	for off := int64(0); err == nil && off < size; off += int64(len(buf)) {
		clear(buf)
		n, _ := f.ReadAt(buf, off)
		if slices.IndexFunc(buf[:n], func(b byte) bool { return b != 0 }) >= 0 {
			return false, f.Close()
		}
	}
	return err == nil, errors.Join(err, f.Close())
}

// damaged counts and tells of a damaged place.
func (s *Store) damaged(f blob.Finding) {
	s.findings.Add(1)
	s.opt.Logger.Error("object log: damage found", "file", f.Path, "position", f.Position.String(), "problem", f.Problem)
	if s.opt.Damaged != nil {
		s.opt.Damaged(f)
	}
}

// dropSources removes segments that were compacted into another one just before
// the process ended.
func (s *Store) dropSources(found []*segment) ([]*segment, error) {
	gone := map[uint64]bool{}
	for _, g := range found {
		for _, n := range g.sources {
			gone[n] = true
		}
	}
	var err error
	kept := slices.DeleteFunc(found, func(g *segment) bool {
		if gone[g.number] && !s.opt.ReadOnly {
			err = errors.Join(err, g.remove())
		} else if gone[g.number] {
			err = errors.Join(err, g.close())
		}
		return gone[g.number]
	})
	return kept, err
}

// begin makes the newest segment, or a new one, the active segment: never one before another that there was, as positions
// grow.
func (s *Store) begin() error {
	if n := len(s.segments); n > 0 {
		g := s.segments[n-1]
		if g.number == s.number && len(g.sources) == 0 && g.end+s.opt.SegmentSize/4 < s.opt.SegmentSize {
			table, err := g.entries()
			if err != nil {
				return err
			}
			g.table = slices.Clone(table)
			g.sealed, g.loaded = false, true
			if _, err := g.use(); err != nil {
				return err
			}
			s.start(g, g.end)
			s.arrange() // its span grows again
			return nil
		}
	}
	s.number++
	g, err := s.newSegment(s.number, s.seq)
	if err != nil {
		return err
	}
	s.insert(g)
	s.start(g, blockSize)
	return nil
}

// removeEmpty removes segments without records, now that there is one with a higher number; and after those for good that
// such a one stands for.
func (s *Store) removeEmpty() error {
	if len(s.empty) == 0 {
		return nil
	}
	err := s.fs.SyncDir(s.segmentDir())
	for _, g := range s.empty {
		if err == nil {
			err = g.remove()
		}
	}
	s.empty = nil
	return err
}

func (s *Store) start(g *segment, tail int64) {
	s.active, s.tail = g, tail
	g.room.allocated, g.room.filled = max(tail, g.room.allocated), tail
	s.dirty = []*segment{g}
	s.synced = g.position(tail)
	s.queue.seg, s.queue.off = g, tail
}
