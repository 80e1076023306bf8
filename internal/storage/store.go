package storage

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
	"gantry/internal/storage/index"
	"gantry/internal/storage/index/sqlite"
)

// Store is an open data folder. Its methods are safe for concurrent use.
type Store struct {
	o     Options
	log   *slog.Logger
	lock  *disk.Lock
	plan  *plan
	idx   index.Index
	area  index.Area    // of new objects
	areas [2]blob.Store // by index.Area; nil where there is none
	temp  string        // removed at Close

	identities identities
	flights    flights
	committer  committer
	feed       feed
	handed     atomic.Int64 // the highest change number known to be durable
	stopped    atomic.Pointer[error]
	unclean    bool // the last process did not close the folder

	closing   sync.Once
	closeErr  error
	damagedAt string // where a damaged index was moved
}

// Open opens the data folder, or makes one: it takes the lock, brings older formats forward, and replays what the index
// lacks from the log, so that all that was acknowledged is there when it returns.
//
// Errors: *LockedError, a version error naming the file, or what the system says.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	s := &Store{o: o.withDefaults(), plan: newPlan(o)}
	s.log = s.o.Logger
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := s.openFolder(); err != nil {
		return nil, err
	}
	if err := s.openAreas(ctx); err != nil {
		return nil, s.typed("open the data folder", err)
	}
	if err := s.openIndex(ctx); err != nil {
		return nil, s.typed("open the index", err)
	}
	if s.o.ReadOnly {
		return s, nil
	}
	if err := s.recover(ctx); err != nil {
		return nil, s.typed("bring the index up to the log", err)
	}
	return s, s.markOpen()
}

func (o Options) withDefaults() Options {
	if o.IndexDir == "" {
		o.IndexDir = o.Dir
	}
	if o.Layout == "" {
		o.Layout = LayoutLog
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}

func (s *Store) indexFile() string { return filepath.Join(s.o.IndexDir, "index.db") }

func (s *Store) openIndex(ctx context.Context) error {
	so := sqlite.Options{File: s.indexFile(), ReadOnly: s.o.ReadOnly, NoSync: s.o.NoSync,
		DeriveDurably: s.o.Layout == LayoutFiles}
	x, err := sqlite.Open(ctx, so)
	if errors.Is(err, index.ErrCorrupt) && s.o.Salvage && !s.o.ReadOnly {
		if err := s.moveIndexAside(); err != nil {
			return err
		}
		x, err = sqlite.Open(ctx, so)
	}
	if err != nil {
		return err // not x: a nil *Index is no nil Index
	}
	s.idx = x
	return nil
}

// moveIndexAside gives a damaged database another name, with what belongs to it.
func (s *Store) moveIndexAside() error {
	s.damagedAt = s.indexFile() + ".damaged-" + s.o.Clock().UTC().Format("20060102T150405.000")
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(s.indexFile()+suffix, s.damagedAt+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	s.log.Error("the index is damaged: it was moved aside and is made anew; labels, jobs and commitments in it are lost",
		"moved to", s.damagedAt)
	return errors.Join(errs...)
}

// Close makes what is under way durable and releases the folder.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Store) close() error {
	var errs []error
	if s.idx != nil {
		errs = append(errs, s.idx.Close())
	}
	for _, a := range s.areas {
		if a != nil {
			errs = append(errs, a.Close())
		}
	}
	err := errors.Join(errs...)
	if err == nil && s.lock != nil && s.Err() == nil && s.idx != nil {
		err = s.markClosed()
	}
	err = errors.Join(err, s.lock.Unlock())
	if s.temp != "" {
		err = errors.Join(err, os.RemoveAll(s.temp))
	}
	return err
}

// Err is not nil when writing has stopped for good; reading goes on. /readyz shows it.
func (s *Store) Err() error {
	if err := s.stopped.Load(); err != nil {
		return *err
	}
	if a := s.areas[s.area]; a != nil {
		if err := a.Err(); err != nil {
			return s.typed("write", err)
		}
	}
	return nil
}

// stop ends all writing.
func (s *Store) stop(cause error) {
	err := error(&kindError{kind: ErrWriteStopped, doing: "write", err: cause})
	if s.stopped.CompareAndSwap(nil, &err) {
		s.log.Error("writing has stopped; restart to compare log and index", "error", cause)
	}
}

func (s *Store) writable() error {
	if s.o.ReadOnly {
		return ErrReadOnly
	}
	return s.Err()
}

// Barrier returns when everything that was put before it is durable.
func (s *Store) Barrier(ctx context.Context) error {
	for _, a := range s.areas {
		if a == nil {
			continue
		}
		if err := a.Barrier(ctx); err != nil {
			return s.typed("wait for the disk", err)
		}
	}
	return nil
}

// View runs fn on a consistent state of the index. Nothing may be sent to a peer inside it.
func (s *Store) View(ctx context.Context, fn func(index.ReadTx) error) error {
	return s.idx.View(ctx, fn)
}

// Update runs fn and commits durably; for rows that the log does not know (jobs, commitment, modalities, labels).
func (s *Store) Update(ctx context.Context, fn func(index.Tx) error) error {
	return s.idx.Update(ctx, fn)
}

// MainTags gives the tags that are kept for each resource of a level, ascending.
func (s *Store) MainTags(l index.Level) []dicom.Tag {
	if l < index.Patient || l > index.Instance {
		return nil
	}
	return append([]dicom.Tag(nil), s.plan.main[l]...)
}

// MainTags gives the main DICOM tags of Orthanc 1.13.0 for a level, ascending.
func MainTags(l index.Level) []dicom.Tag { return index.MainTags(l) }
