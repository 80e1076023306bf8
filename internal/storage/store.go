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
)

// Store is an open data folder. Its methods are safe for concurrent use.
type Store struct {
	o     Options
	log   *slog.Logger
	lock  *disk.Lock
	plan  *plan
	idx   index.Index
	blobs blob.Store
	temp  string // removed at Close

	salvaged *Salvage // what became of a damaged index
	remade   bool     // all of the index was just made from the blobs

	identities identities
	flights    flights
	arrivals   arrivals
	pending    *pending
	feed       feed
	room       room
	settler    settler
	sweeper    sweeper
	emptying   atomic.Bool  // the write-ahead log is going to be emptied
	handed     atomic.Int64 // the highest change number known to be durable

	closing  sync.Once
	closeErr error
}

// Open opens the data folder, or makes one: it takes the lock, brings older formats forward, and replays what the index
// lacks from the log, so that all that was acknowledged is there when it returns.
//
// Errors: *LockedError, a version error naming the file, or what the system says.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	s := &Store{o: o.withDefaults(), plan: newPlan(o), pending: newPending()}
	s.log = s.o.Logger
	defer func() {
		if err == nil {
			return
		}
		if e := s.close(); e != nil {
			err = errors.Join(err, e)
		}
	}()
	if err := s.openFolder(); err != nil {
		return nil, err
	}
	if s.blobs, err = s.openBlobs(ctx); err != nil {
		return nil, s.typed("open the data folder", err)
	}
	if s.o.ReadOnly {
		s.blobs = watch(s.blobs, s.openBlobs)
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
	if err := s.openRoom(ctx); err != nil {
		return nil, s.typed("bring the store within its limits", err)
	}
	go s.flusher()
	s.startSettler()
	return s, nil
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

func (s *Store) indexFile() string { return filepath.Join(s.o.IndexDir, indexFile) }

// Close makes what is under way durable and releases the folder.
func (s *Store) Close() error {
	s.closing.Do(func() {
		if !s.o.ReadOnly {
			s.settler.stop()
			s.sweeper.stop()
			close(s.pending.quit)
			<-s.pending.done
			s.closeErr = s.flush(context.Background()) // what it cannot write is replayed at the next start
		}
		s.closeErr = errors.Join(s.closeErr, s.close())
	})
	return s.closeErr
}

func (s *Store) close() error {
	var errs []error
	if s.idx != nil {
		errs = append(errs, s.idx.Close())
	}
	if s.blobs != nil {
		errs = append(errs, s.blobs.Close())
	}
	errs = append(errs, s.lock.Unlock())
	if s.temp != "" {
		errs = append(errs, os.RemoveAll(s.temp))
	}
	return errors.Join(errs...)
}

// Err is not nil when objects are not taken at present: writing has stopped for good, or the index cannot be written.
// Reading goes on. /readyz shows it.
func (s *Store) Err() error {
	if err := s.blobs.Err(); err != nil {
		return s.typed("write", err)
	}
	_, err := s.pending.state()
	return err
}

func (s *Store) writable() error {
	switch {
	case s.o.ReadOnly:
		return ErrReadOnly
	case s.o.Frozen:
		return ErrFrozen
	}
	return s.typed("write", s.blobs.Err())
}

// Barrier returns when everything that was put before it is durable.
func (s *Store) Barrier(ctx context.Context) error {
	return s.typed("wait for the disk", s.blobs.Barrier(ctx))
}

// View runs fn on a consistent state of the index, in which all is that was acknowledged. Nothing may be sent to a peer
// inside it. While the disk is full or read-only, reading goes on without what came last.
func (s *Store) View(ctx context.Context, fn func(index.ReadTx) error) error {
	if err := s.flush(ctx); err != nil && !errors.Is(err, ErrFull) && !errors.Is(err, ErrReadOnly) {
		return err
	}
	return s.told(s.idx.View(ctx, fn))
}

// Update runs fn and commits durably; for rows that the log does not know (jobs, commitment, modalities, labels).
func (s *Store) Update(ctx context.Context, fn func(index.Tx) error) error {
	if err := s.flush(ctx); err != nil {
		return err
	}
	began := time.Now()
	defer s.o.Observer.updated(began)
	return s.told(s.idx.Update(ctx, fn))
}

// told says of an error of the index what to do about it, if it is damaged; fn's own errors stay as they are.
func (s *Store) told(err error) error {
	if errors.Is(err, index.ErrCorrupt) {
		return s.typed("read the index", err)
	}
	return err
}

// MainTags gives the tags that are kept for each resource of a level, ascending.
func (s *Store) MainTags(l index.Level) []dicom.Tag {
	if l < index.Patient || l > index.Instance {
		return nil
	}
	return append([]dicom.Tag(nil), s.plan.main[l]...)
}
