package storage

import (
	"context"
	"crypto/md5" //nolint:gosec // Orthanc's revisions carry an MD5
	"errors"

	"gantry/internal/storage/index"
)

// What users note beside the objects is known to the index alone: it is durable when these return.

// SetMetadata attaches a text to a resource and returns its revision. guard may refuse to replace what is there, nil if
// nothing is; its error is returned as it is.
func (s *Store) SetMetadata(ctx context.Context, id index.ID, number int, value string, guard func(*index.Metadata) error) (index.Metadata, error) {
	m := index.Metadata{Number: number, Value: value}
	err := s.annotate(ctx, id, func(tx index.Tx, level index.Level) error {
		old, err := metadataOf(tx, id, number)
		if err != nil {
			return err
		}
		if err := guarded(guard, old); err != nil {
			return err
		}
		if old != nil {
			m.Revision = old.Revision + 1
		}
		return errors.Join(tx.PutMetadata(level, id, m), s.noteMetadata(tx, level, id))
	})
	return m, err
}

// DeleteMetadata removes a text; ErrNotFound if it is not there.
func (s *Store) DeleteMetadata(ctx context.Context, id index.ID, number int, guard func(*index.Metadata) error) error {
	return s.annotate(ctx, id, func(tx index.Tx, level index.Level) error {
		old, err := metadataOf(tx, id, number)
		if err != nil {
			return err
		}
		if old == nil {
			return index.ErrNotFound
		}
		if err := guarded(guard, old); err != nil {
			return err
		}
		return errors.Join(tx.DeleteMetadata(id, number), s.noteMetadata(tx, level, id))
	})
}

func guarded(guard func(*index.Metadata) error, old *index.Metadata) error {
	if guard == nil {
		return nil
	}
	return guard(old)
}

func metadataOf(r index.ReadTx, id index.ID, number int) (*index.Metadata, error) {
	list, err := r.Metadata(id)
	for i := range list {
		if list[i].Number == number {
			return &list[i], err
		}
	}
	return nil, err
}

func (s *Store) noteMetadata(tx index.Tx, level index.Level, id index.ID) error {
	return tx.PutChange(index.Change{Type: index.ChangeUpdatedMetadata, Time: s.o.Clock(), Resource: index.Resource{Level: level, ID: id}})
}

// MD5Of is the MD5 of a text.
func MD5Of(text string) [16]byte { return md5.Sum([]byte(text)) } //nolint:gosec // see the import

// annotate runs fn on a resource that is there.
func (s *Store) annotate(ctx context.Context, id index.ID, fn func(tx index.Tx, level index.Level) error) error {
	if err := s.writable(); err != nil {
		return err
	}
	var own error
	err := s.Update(ctx, func(tx index.Tx) error {
		level, err := tx.Resource(id)
		if err != nil {
			return err
		}
		own = fn(tx, level)
		return own
	})
	if own != nil && !errors.Is(own, index.ErrNotFound) {
		return own
	}
	return s.typed("annotate "+id.String(), err)
}

// SetLabel adds a label to a resource or removes it.
func (s *Store) SetLabel(ctx context.Context, id index.ID, label string, on bool) error {
	return s.annotate(ctx, id, func(tx index.Tx, level index.Level) error {
		if on {
			return tx.AddLabel(level, id, label)
		}
		return tx.RemoveLabel(id, label)
	})
}

// Protect keeps a patient from being recycled, or lets it be recycled again; ErrNotFound if there is no such patient, or it
// is being recycled already.
func (s *Store) Protect(ctx context.Context, patient index.ID, on bool) error {
	return s.annotate(ctx, patient, func(tx index.Tx, level index.Level) error {
		going, err := Recycling(tx)
		if err != nil {
			return err
		}
		if level != index.Patient || going == patient {
			return index.ErrNotFound
		}
		return tx.SetProtected(patient, on)
	})
}

// ChangesLike gives the changes of a query and tells whether it was cut short by its limit, and the highest number there
// is. A number it gives is never given to another change.
func (s *Store) ChangesLike(ctx context.Context, q index.ChangeQuery) (list []index.Change, more bool, last int64, err error) {
	wanted := q.Limit
	q.Limit++
	err = s.View(ctx, func(r index.ReadTx) error {
		if last, err = r.LastChange(); err != nil {
			return err
		}
		list, err = r.ChangesLike(q)
		return err
	})
	if err != nil {
		return nil, false, 0, s.typed("read the changes", err)
	}
	if more = len(list) > wanted; more && q.Newest {
		list = list[1:]
	} else if more {
		list = list[:wanted]
	}
	return list, more, last, s.handOut(ctx, last)
}

// ClearChanges empties the change log; numbers go on where they were.
func (s *Store) ClearChanges(ctx context.Context) error {
	return s.clear(ctx, func(tx index.Tx) error { return tx.ClearChanges() })
}

// ClearExports empties the log of exports.
func (s *Store) ClearExports(ctx context.Context) error {
	return s.clear(ctx, func(tx index.Tx) error { return tx.ClearExports() })
}

func (s *Store) clear(ctx context.Context, fn func(index.Tx) error) error {
	if err := s.writable(); err != nil {
		return err
	}
	return s.typed("empty a log", s.Update(ctx, fn))
}

// Exports reads the log of what was sent, as ChangesLike does.
func (s *Store) Exports(ctx context.Context, since int64, limit int, newest bool) (list []index.Export, more bool, err error) {
	err = s.View(ctx, func(r index.ReadTx) (err error) { list, err = r.Exports(since, limit+1, newest); return err })
	if err != nil {
		return nil, false, s.typed("read the exports", err)
	}
	if more = len(list) > limit; more && newest {
		list = list[1:]
	} else if more {
		list = list[:limit]
	}
	return list, more, nil
}
