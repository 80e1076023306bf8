package storage

import (
	"context"
	"errors"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// Reconstruct reads the files of a resource again (of the whole store with level 0) and gives the index the main tags that
// are kept today. With files they are compressed, or not, as new ones are today, too.
func (s *Store) Reconstruct(ctx context.Context, level index.Level, id index.ID, files bool) error {
	if err := s.writable(); err != nil {
		return err
	}
	for after := int64(0); ; {
		rows, err := s.page(ctx, level, id, after)
		if err != nil {
			return s.typed("reconstruct "+id.String(), err)
		}
		if len(rows) == 0 {
			s.emptySoon()
			return nil
		}
		after = rows[len(rows)-1].Key
		for from := 0; from < len(rows); from += retagBatch {
			if err := s.retag(ctx, rows[from:min(from+retagBatch, len(rows))]); err != nil {
				return s.typed("reconstruct", err)
			}
		}
		if err := s.recodeRows(ctx, rows, files); err != nil {
			return err
		}
	}
}

// retagBatch bounds the instances of one transaction, and the time others wait for it.
const retagBatch = 50

// retag reads the headers before the transaction begins, and again those of files that were replaced until then.
func (s *Store) retag(ctx context.Context, rows []index.InstanceRow) error {
	for len(rows) > 0 {
		fresh, err := s.rereadRows(ctx, rows)
		if err != nil {
			return err
		}
		if rows, err = s.giveTags(ctx, fresh); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) rereadRows(ctx context.Context, rows []index.InstanceRow) ([]*index.NewInstance, error) {
	fresh := make([]*index.NewInstance, 0, len(rows))
	for i := range rows {
		n, err := s.rereadRow(ctx, &rows[i])
		var damaged *blob.CorruptError
		if errors.As(err, &damaged) || errors.Is(err, blob.ErrNotFound) {
			s.log.Warn("an instance is left out: its file cannot be read", "instance", rows[i].ID, "error", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, n)
	}
	return fresh, nil
}

// giveTags gives the index the tags of files, and gives back the instances that have another file by now.
func (s *Store) giveTags(ctx context.Context, fresh []*index.NewInstance) (replaced []index.InstanceRow, err error) {
	err = s.Update(ctx, func(tx index.Tx) error {
		replaced = nil
		for _, n := range fresh {
			row, err := tx.Instance(n.ID)
			switch {
			case err == nil && refOf(&row.Blob) != refOf(&n.Blob):
				replaced = append(replaced, *row)
				continue
			case err == nil:
				err = tx.Retag(n)
			}
			if err != nil && !errors.Is(err, index.ErrNotFound) { // deleted meanwhile
				return err
			}
		}
		return nil
	})
	return replaced, err
}

func (s *Store) rereadRow(ctx context.Context, row *index.InstanceRow) (*index.NewInstance, error) {
	kind := blob.KindInstance
	if row.Blob.Upload {
		kind = blob.KindUpload
	}
	n, err := s.reread(ctx, &blob.Entry{Kind: kind, Ref: refOf(&row.Blob), Meta: blob.Meta{Time: row.Received,
		TransferSyntax: string(row.TransferSyntax)}})
	if err == nil && n.ID != row.ID {
		return nil, &blob.CorruptError{Ref: refOf(&row.Blob), Reason: "it holds another instance"}
	}
	return n, err
}

func (s *Store) recodeRows(ctx context.Context, rows []index.InstanceRow, files bool) error {
	if !files {
		return nil
	}
	for i := range rows {
		err := s.Recode(ctx, rows[i].ID, DicomFile, s.o.Compress)
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrRevision) {
			return err
		}
	}
	return nil
}
