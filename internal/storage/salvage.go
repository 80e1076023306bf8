package storage

import (
	"context"
	"errors"
	"os"

	"gantry/internal/storage/index"
	"gantry/internal/storage/index/sqlite"
)

// Salvage tells what became of a damaged index.
type Salvage struct {
	Aside  string // the file that holds it now
	Tables []SalvagedTable
}

// SalvagedTable tells what was carried over of one kind of rows that the stored objects do not tell.
type SalvagedTable = sqlite.Salvaged

// Salvaged tells what became of the index if it was damaged and Options.Salvage was given; else nil.
func (s *Store) Salvaged() *Salvage { return s.salvaged }

func (s *Store) openIndex(ctx context.Context) error {
	so := sqlite.Options{File: s.indexFile(), ReadOnly: s.o.ReadOnly, NoSync: s.o.NoSync,
		BusyTimeout: s.o.BusyTimeout}
	x, err := sqlite.Open(ctx, so)
	if s.o.Salvage && !s.o.ReadOnly {
		x, err = s.sound(ctx, so, x, err)
	}
	if err != nil {
		return err // not x: a nil *Index is no nil Index
	}
	s.idx = x
	return nil
}

// sound gives an index back if it is in order, else a new one with what can be read of it.
func (s *Store) sound(ctx context.Context, so sqlite.Options, x *sqlite.Index, err error) (*sqlite.Index, error) {
	if err == nil {
		found, err := x.Check(ctx)
		if len(found) == 0 {
			if err != nil {
				err = errors.Join(err, x.Close())
			}
			return x, err
		}
		_ = x.Close() // damaged as it is
	} else if !errors.Is(err, index.ErrCorrupt) {
		return nil, err
	}
	aside, err := s.moveIndexAside()
	if err != nil {
		return nil, err
	}
	if x, err = sqlite.Open(ctx, so); err != nil {
		return nil, err
	}
	s.salvaged = &Salvage{Aside: aside}
	if s.salvaged.Tables, err = x.Salvage(ctx, aside); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	for _, t := range s.salvaged.Tables {
		s.log.Info("carried over from the damaged index", "table", t.Table, "rows", t.Rows, "complete", t.Complete)
	}
	return x, nil
}

// moveIndexAside gives a damaged database another name, with what belongs to it.
func (s *Store) moveIndexAside() (string, error) {
	aside := s.indexFile() + ".damaged-" + s.o.Clock().UTC().Format("20060102T150405.000")
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(s.indexFile()+suffix, aside+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	s.log.Error("the index is damaged: it was moved aside and is made anew", "moved to", aside)
	return aside, errors.Join(errs...)
}
