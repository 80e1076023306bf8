package jobkinds

import (
	"context"
	"fmt"
	"slices"

	"gantry/internal/storage/index"
)

// Split says how the instances of a commitment request are spread over several.
type Split struct {
	By  index.Level // index.Study or index.Series: one request for each; 0: not by resource
	Max int         // instances in one request; 0: no limit
}

// SplitReferences returns the groups in order of their first instance. Instances that are not stored here belong to no
// study or series that we know, and form a group of their own.
func (d *Deps) SplitReferences(ctx context.Context, refs []index.Reference, s Split) ([][]index.Reference, error) {
	groups := [][]index.Reference{refs}
	if s.By == index.Study || s.By == index.Series {
		var err error
		if groups, err = d.groups(ctx, refs, s.By); err != nil {
			return nil, fmt.Errorf("jobkinds: spread instances over requests: %w", err)
		}
	}
	if s.Max <= 0 {
		return groups, nil
	}
	var parts [][]index.Reference
	for _, group := range groups {
		parts = slices.AppendSeq(parts, slices.Chunk(group, s.Max))
	}
	return parts, nil
}

func (d *Deps) groups(ctx context.Context, refs []index.Reference, level index.Level) ([][]index.Reference, error) {
	var groups [][]index.Reference
	place := map[index.ID]int{}
	for page := range slices.Chunk(refs, pageSize) {
		found, err := d.Store.Lookup(ctx, page)
		if err != nil {
			return nil, err
		}
		parents, err := d.parentsOf(ctx, found, level)
		if err != nil {
			return nil, err
		}
		for i, r := range page {
			at, known := place[parents[i]]
			if !known {
				at = len(groups)
				place[parents[i]], groups = at, append(groups, nil)
			}
			groups[at] = append(groups[at], r)
		}
	}
	return groups, nil
}

// parentsOf gives the study or series of each instance; the zero ID for those that are not stored here.
func (d *Deps) parentsOf(ctx context.Context, found []index.Found, level index.Level) ([]index.ID, error) {
	parents := make([]index.ID, len(found))
	err := d.Store.View(ctx, func(tx index.ReadTx) error {
		for i := range found {
			if !found[i].Present {
				continue
			}
			row, err := tx.Instance(found[i].Blob.Instance)
			if isNotFound(err) {
				continue
			}
			if err != nil {
				return err
			}
			if parents[i] = row.Study; level == index.Series {
				parents[i] = row.Series
			}
		}
		return nil
	})
	return parents, err
}
