// Package query searches the store: by the index where that knows a tag, by the stored files where it does not. The REST
// API asks through it, and whatever else matches by the rules of DICOM (PS3.4 C.2.2.2).
package query

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/dicom/dict"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// Query is a search. All that it says holds at once.
type Query struct {
	Level      index.Level
	Within     []index.Resource // at or below each of these
	Conditions []Condition
	Metadata   []index.MetadataCriterion
	Labels     []string
	LabelRule  index.LabelRule
	Order      []index.Order // besides, results come in order of arrival
	Since      int           // results to leave out at the beginning
	Limit      int           // results at most; 0: all

	Want     index.Want
	FileTags []dicom.Tag      // to be read from a stored file of each result
	FileForm dicomjson.Format // how
}

// Result is one resource that was found.
type Result struct {
	index.Record
	// File are FileTags, those of them that the file of one instance has, as a JSON object. It is nil where files may
	// not be read, or the file could not be.
	File json.RawMessage
}

// Engine answers queries.
type Engine struct {
	Store      *storage.Store
	NoFiles    bool             // option StorageAccessOnFind is Never
	Charset    string           // defined term of text for which an object names none
	Dictionary *dict.Dictionary // nil: the standard's
}

// How many results are looked at in one transaction, and how many keys are found in one: the latter grows, so that a
// search without an index that finds much is not made over and over.
const (
	batch     = 256
	firstPage = 512
	lastPage  = 64 << 10
)

// Metadata of users may be large: with them a transaction begins with fewer results, and takes what has turned out to be good
// for some MB in memory.
const (
	firstBatch = 16
	muchText   = 8 << 20
)

// Find calls fn for the results, page by page, outside of any transaction: fn may send them to a slow client. What is
// deleted meanwhile is left out.
func (e *Engine) Find(ctx context.Context, q *Query, fn func([]Result) error) error {
	run, err := e.start(q)
	if err != nil {
		return err
	}
	for !run.done {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		results, err := run.next(ctx)
		if err != nil {
			return err
		}
		if len(results) == 0 {
			continue
		}
		if err := fn(results); err != nil {
			return err
		}
	}
	return nil
}

// Count tells how many results Find would give without Since and Limit.
func (e *Engine) Count(ctx context.Context, q *Query) (n int64, err error) {
	run, err := e.start(&Query{Level: q.Level, Within: q.Within, Conditions: q.Conditions, Metadata: q.Metadata,
		Labels: q.Labels, LabelRule: q.LabelRule})
	if err != nil {
		return 0, err
	}
	if len(run.files) == 0 {
		err = e.Store.View(ctx, func(tx index.ReadTx) (err error) { n, err = tx.Count(&run.find); return err })
		return n, err
	}
	for !run.done {
		results, err := run.next(ctx)
		if err != nil {
			return 0, err
		}
		n += int64(len(results))
	}
	return n, nil
}

// run is a Query on its way.
type run struct {
	e     *Engine
	q     *Query
	find  index.Find
	files []Condition // that only the files can tell
	want  index.Want

	cursor  index.Cursor
	keys    []int64 // found, not looked at yet
	page    int     // size of the next page of keys
	batch   int     // results of the next transaction at most
	last    bool    // no more keys are to be found
	skip    int     // results still to be left out
	left    int     // results still wanted; -1: all
	skipped bool
	done    bool
}

func (e *Engine) start(q *Query) (*run, error) {
	r := &run{e: e, q: q, want: q.Want, page: firstPage, skip: q.Since, left: -1, find: index.Find{Level: q.Level,
		Within: q.Within, Metadata: q.Metadata, Labels: q.Labels, LabelRule: q.LabelRule, Order: q.Order}}
	if q.Limit > 0 {
		r.left = q.Limit
	}
	for _, c := range q.Conditions {
		level, ok := e.LevelOf(c.Tag, q.Level)
		if c.Items != nil || !ok {
			r.files = append(r.files, c)
			continue
		}
		r.find.Criteria = append(r.find.Criteria, index.Criterion{Level: level, Tag: c.Tag, Match: c.Match})
	}
	if len(r.files) > 0 && e.NoFiles {
		r.done = true // nothing is known to meet these
	}
	if e.reads(r) {
		r.want |= index.WantInstance
	}
	if r.batch = batch; r.want&index.WantMetadata != 0 {
		r.batch = firstBatch
	}
	return r, nil
}

func (e *Engine) reads(r *run) bool { return !e.NoFiles && len(r.files)+len(r.q.FileTags) > 0 }

// LevelOf tells at which level the index keeps a tag, or computes it: at the level itself if it can be, else as near
// above it as it can be, else below. ok is false for a tag that only the files have.
func (e *Engine) LevelOf(t dicom.Tag, level index.Level) (_ index.Level, ok bool) {
	if l, ok := index.Computed(t); ok {
		return l, true
	}
	if e.Dictionary.VRFor(t) == dicom.VRSQ {
		return 0, false
	}
	for l := level; l >= index.Patient; l-- {
		if e.isMain(t, l) {
			return l, true
		}
	}
	for l := level + 1; l <= index.Instance; l++ {
		if e.isMain(t, l) {
			return l, true
		}
	}
	return 0, false
}

func (e *Engine) isMain(t dicom.Tag, level index.Level) bool {
	_, found := slices.BinarySearch(e.Store.MainTags(level), t)
	return found
}

// next gives some results; none is no sign of the end, done is.
func (r *run) next(ctx context.Context) (results []Result, err error) {
	var records []index.Record
	err = r.e.Store.View(ctx, func(tx index.ReadTx) error {
		if len(r.keys) == 0 {
			if err := r.moreKeys(tx); err != nil {
				return err
			}
		}
		n := min(len(r.keys), r.batch)
		records, err = tx.Records(r.q.Level, r.keys[:n], r.want)
		r.keys = r.keys[n:]
		return err
	})
	if err != nil {
		return nil, err
	}
	r.pace(records)
	for i := range records {
		result := Result{Record: records[i]}
		if keep, err := r.readFile(ctx, &result); err != nil {
			return nil, err
		} else if !keep {
			continue
		}
		if r.skip > 0 {
			r.skip--
			continue
		}
		results = append(results, result)
		if r.left > 0 {
			if r.left--; r.left == 0 {
				break
			}
		}
	}
	r.done = r.left == 0 || r.last && len(r.keys) == 0
	return results, nil
}

// pace sets how many results the next transaction looks at by what those of this one take.
func (r *run) pace(records []index.Record) {
	text := 0
	for i := range records {
		for _, m := range records[i].Metadata {
			text += len(m.Value)
		}
	}
	switch {
	case text > muchText:
		r.batch = max(1, r.batch*(muchText>>10)/(text>>10))
	case text < muchText/4:
		r.batch = min(2*r.batch, batch)
	}
}

// moreKeys finds the next page of keys.
func (r *run) moreKeys(tx index.ReadTx) (err error) {
	if !r.skipped && len(r.files) == 0 && r.skip > 0 {
		r.cursor, err = tx.Skip(&r.find, r.skip)
		if errors.Is(err, index.ErrNotFound) {
			r.last, err = true, nil
		}
		if r.skip = 0; err != nil || r.last {
			return err
		}
	}
	r.skipped = true
	size := r.page
	if r.left > 0 && len(r.files) == 0 {
		size = min(size, r.left)
	}
	r.keys, r.cursor, err = tx.Find(&r.find, r.cursor, size)
	r.last = len(r.keys) < size
	r.page = min(4*r.page, lastPage)
	return err
}
