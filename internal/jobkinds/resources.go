package jobkinds

import (
	"context"
	"errors"
	"fmt"

	"gantry/internal/storage/index"
)

// pageSize is how many rows one read transaction gives.
const pageSize = 500

// References returns the instances of resources of any level, each once, in order of arrival;
// *UnknownResourceError for an id that is not in the store.
func (d *Deps) References(ctx context.Context, resources []string) ([]index.Reference, error) {
	_, ids, err := d.expand(ctx, resources)
	if err != nil {
		return nil, err
	}
	return d.referencesOf(ctx, ids)
}

func (d *Deps) referencesOf(ctx context.Context, ids []index.ID) ([]index.Reference, error) {
	refs := make([]index.Reference, 0, len(ids))
	err := d.eachInstance(ctx, ids, func(row *index.InstanceRow) bool {
		refs = append(refs, index.Reference{SOPClassUID: row.SOPClassUID, SOPInstanceUID: row.SOPInstanceUID})
		return true
	})
	return refs, err
}

// eachInstance reads the rows of instances until fn returns false; those that are no longer there are left out.
func (d *Deps) eachInstance(ctx context.Context, ids []index.ID, fn func(*index.InstanceRow) bool) error {
	for i, more := 0, true; more && i < len(ids); i += pageSize {
		err := d.Store.View(ctx, func(tx index.ReadTx) error {
			for _, id := range ids[i:min(i+pageSize, len(ids))] {
				row, err := tx.Instance(id)
				if errors.Is(err, index.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if more = fn(row); !more {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("jobkinds: read instances: %w", err)
		}
	}
	return nil
}

// expand finds the level of each resource and the instances below them.
func (d *Deps) expand(ctx context.Context, resources []string) (parents []resourceJSON, ids []index.ID, err error) {
	seen := map[index.ID]bool{}
	for _, text := range resources {
		id, err := index.ParseID(text)
		if err != nil {
			return nil, nil, &UnknownResourceError{text}
		}
		level, err := d.level(ctx, id)
		if errors.Is(err, index.ErrNotFound) {
			return nil, nil, &UnknownResourceError{text}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("jobkinds: look up %s: %w", text, err)
		}
		parents = append(parents, resourceJSON{ID: text, Type: level.String()})
		below, err := d.instancesBelow(ctx, level, id)
		if err != nil {
			return nil, nil, fmt.Errorf("jobkinds: list the instances of %s: %w", text, err)
		}
		for _, id := range below {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return parents, ids, nil
}

func (d *Deps) level(ctx context.Context, id index.ID) (level index.Level, err error) {
	err = d.Store.View(ctx, func(tx index.ReadTx) error {
		level, err = tx.Resource(id)
		return err
	})
	return level, err
}

func (d *Deps) instancesBelow(ctx context.Context, level index.Level, id index.ID) (ids []index.ID, err error) {
	if level == index.Instance {
		return []index.ID{id}, nil
	}
	for after := int64(0); ; {
		var page []index.InstanceRow
		err = d.Store.View(ctx, func(tx index.ReadTx) error {
			page, err = tx.Instances(level, id, after, pageSize)
			return err
		})
		if err != nil || len(page) == 0 {
			return ids, err
		}
		for _, row := range page {
			ids = append(ids, row.ID)
		}
		after = page[len(page)-1].Key
	}
}
