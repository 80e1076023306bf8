package storage

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"gantry/internal/storage/index"
)

// deleteBatch bounds the instances deleted in one transaction.
const deleteBatch = 500

// Deleted tells what a deletion took along.
type Deleted struct {
	Instances int
	Bytes     int64
	left      int64 // instances stored afterwards
	// Remaining is the nearest ancestor that is still there, nil if the whole patient is gone.
	Remaining *index.Resource

	buried  []index.Blob // their bytes are to be given back
	waiting int64        // how many these are
}

// Delete removes a resource with all below it. When it returns nil it is gone for good: not found, not replayed, its
// bytes and its text no longer on the disk. With an error a part of it may be gone; calling it again goes on.
func (s *Store) Delete(ctx context.Context, level index.Level, id index.ID) (*Deleted, error) {
	began := time.Now()
	d, err := s.delete(ctx, level, id)
	s.o.Observer.deleted(began, d)
	return d, err
}

func (s *Store) delete(ctx context.Context, level index.Level, id index.ID) (*Deleted, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	d, err := s.remove(ctx, level, id)
	if err != nil {
		return nil, err
	}
	return d, s.emptyLog(ctx)
}

// emptyLog empties the write-ahead log of the index, where the names of the deleted may still stand. A reader can delay its
// end, not prevent it.
func (s *Store) emptyLog(ctx context.Context) error {
	err := s.idx.Checkpoint(ctx)
	if errors.Is(err, index.ErrBusy) {
		s.emptySoon()
		return nil
	}
	if err != nil {
		return s.typed("empty the write-ahead log", err)
	}
	return nil
}

// DeleteAll removes resources as Delete does one, many instances at a time: each wait for the disk is shared. What is not
// there is left out. With an error some of it may be gone.
func (s *Store) DeleteAll(ctx context.Context, list []index.Resource) error {
	if len(list) == 0 {
		return nil
	}
	if err := s.writable(); err != nil {
		return err
	}
	began := time.Now()
	d := &Deleted{}
	err := s.removeAll(ctx, list, d)
	if err = errors.Join(err, s.returnBuried(ctx, d)); err != nil {
		return s.typed("delete several resources", err)
	}
	s.o.Observer.deleted(began, d)
	return s.emptyLog(ctx)
}

func (s *Store) removeAll(ctx context.Context, list []index.Resource, d *Deleted) error {
	rows := map[index.ID]index.InstanceRow{} // one may be meant by several
	flush := func() error {
		err := s.deleteRows(ctx, slices.Collect(maps.Values(rows)), d)
		clear(rows)
		return err
	}
	for _, r := range list {
		for after := int64(0); ; {
			page, err := s.page(ctx, r.Level, r.ID, after)
			if errors.Is(err, index.ErrNotFound) || err == nil && len(page) == 0 {
				break
			}
			if err != nil {
				return err
			}
			after = page[len(page)-1].Key
			for i := range page {
				rows[page[i].ID] = page[i]
			}
			if len(rows) < deleteBatch {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
			if len(d.buried) >= buriedMost || d.waiting >= buriedBytes {
				if err := s.returnBuried(ctx, d); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// remove deletes without emptying the write-ahead log of the index.
func (s *Store) remove(ctx context.Context, level index.Level, id index.ID) (*Deleted, error) {
	d := &Deleted{}
	err := s.removePages(ctx, level, id, d)
	if err = errors.Join(err, s.returnBuried(ctx, d)); err != nil {
		return nil, s.typed("delete "+level.String()+" "+id.String(), err)
	}
	return d, nil
}

// Bytes are given back together, as far as that keeps neither much in memory nor much room waiting: where all that a segment
// of the log holds is given back at once it can go as a whole.
const (
	buriedMost  = 10_000
	buriedBytes = 1 << 30
)

func (s *Store) removePages(ctx context.Context, level index.Level, id index.ID, d *Deleted) error {
	for after := int64(0); ; {
		rows, err := s.page(ctx, level, id, after)
		if errors.Is(err, index.ErrNotFound) && d.Instances > 0 {
			return nil // with its last instance the resource itself has gone
		}
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].Key
		if err := s.deleteRows(ctx, rows, d); err != nil {
			return err
		}
		if len(d.buried) < buriedMost && d.waiting < buriedBytes {
			continue
		}
		if err := s.returnBuried(ctx, d); err != nil {
			return err
		}
	}
}

// returnBuried gives back the bytes of what was deleted so far.
func (s *Store) returnBuried(ctx context.Context, d *Deleted) error {
	blobs := d.buried
	if d.buried, d.waiting = nil, 0; len(blobs) == 0 {
		return nil
	}
	return s.giveBack(context.WithoutCancel(ctx), blobs)
}

func (s *Store) page(ctx context.Context, level index.Level, id index.ID, after int64) (rows []index.InstanceRow, err error) {
	err = s.View(ctx, func(r index.ReadTx) (err error) {
		rows, err = r.Instances(level, id, after, deleteBatch)
		return err
	})
	return rows, err
}

// deleteRows deletes one page: tombstones, synced; then the index. The bytes are to be given back.
func (s *Store) deleteRows(ctx context.Context, rows []index.InstanceRow, d *Deleted) error {
	slices.SortFunc(rows, func(a, b index.InstanceRow) int { return bytes.Compare(a.ID[:], b.ID[:]) }) // one order, no deadlock
	for i := range rows {
		if err := s.identities.lock(ctx, rows[i].ID); err != nil {
			for _, r := range rows[:i] {
				s.identities.unlock(r.ID)
			}
			return err
		}
	}
	defer func() {
		for i := range rows {
			s.identities.unlock(rows[i].ID)
		}
	}()
	blobs, err := s.current(ctx, rows)
	if err != nil || len(blobs) == 0 {
		return err
	}
	ctx = context.WithoutCancel(ctx) // what is buried is taken out of the index, too
	fl := &flight{}
	s.flights.begin(fl)
	if err := s.bury(ctx, blobs); err != nil {
		s.flights.done(fl)
		return err
	}
	var attached []index.Blob
	err = s.room.without(func() error {
		attached, err = s.unindex(ctx, blobs, d)
		return err
	})
	if err != nil {
		return err // the flight stays: a replay meets the tombstones and finishes this
	}
	s.flights.done(fl)
	s.room.freed(blobs, attached)
	s.countDeleted(len(blobs), d.left)
	for _, list := range [][]index.Blob{blobs, attached} {
		for i := range list {
			d.waiting += list[i].Size
		}
	}
	d.buried = append(d.buried, blobs...)
	if len(attached) > 0 { // they are noted as to be given back: it is done at the next start if not now
		if err := s.bury(ctx, attached); err != nil {
			return err
		}
		d.buried = append(d.buried, attached...)
	}
	return nil
}

// current reads again, under the locks, where the bytes of rows lie.
func (s *Store) current(ctx context.Context, rows []index.InstanceRow) (blobs []index.Blob, err error) {
	err = s.View(ctx, func(r index.ReadTx) error {
		for i := range rows {
			b, err := r.Stored(rows[i].ID)
			if errors.Is(err, index.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			blobs = append(blobs, b)
		}
		return nil
	})
	return blobs, err
}

// bury writes tombstones and waits for them.
func (s *Store) bury(ctx context.Context, blobs []index.Blob) error {
	t, err := s.blobs.Delete(ctx, refsOf(blobs)...)
	if err != nil {
		return err
	}
	s.flights.saw(t.Next())
	return t.Wait(ctx)
}

// unindex takes instances out of the index and notes that their bytes are to be given back, and those of what was
// attached to them and to the parents that went with them.
func (s *Store) unindex(ctx context.Context, blobs []index.Blob, d *Deleted) (attached []index.Blob, err error) {
	return attached, s.idx.Update(ctx, func(tx index.Tx) error {
		before, err := tx.Statistics()
		if err != nil {
			return err
		}
		d.left = before.Instances - int64(len(blobs))
		for _, b := range blobs {
			r, err := tx.DeleteInstance(b.Instance)
			if err != nil {
				return err
			}
			for _, gone := range append(r.Attached, b) {
				if err := tx.PutReclaim(gone); err != nil {
					return err
				}
			}
			attached = append(attached, r.Attached...)
			d.Instances++
			d.Bytes += b.Size
			d.Remaining = r.Remaining
		}
		return nil
	})
}

// giveBack frees the bytes of buried blobs and forgets them.
func (s *Store) giveBack(ctx context.Context, blobs []index.Blob) error {
	if err := s.blobs.Reclaim(ctx, refsOf(blobs)...); err != nil {
		return err
	}
	return s.idx.Derive(ctx, func(tx index.Tx) error {
		for _, b := range blobs {
			if err := tx.DeleteReclaim(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// dispose buries and gives back the bytes of blobs that the index does not name (any more).
func (s *Store) dispose(ctx context.Context, blobs []index.Blob) error {
	if err := s.bury(ctx, blobs); err != nil {
		return err
	}
	return s.giveBack(ctx, blobs)
}
