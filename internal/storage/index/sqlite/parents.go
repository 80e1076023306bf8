package sqlite

import (
	"errors"
	"slices"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// parents are the keys above an instance.
type parents struct {
	series, study, patient int64
	updated                int64            // the second their rows say they were updated; 0 unknown
	fresh                  []index.Resource // made for this very instance, from the patient down
}

// parentCache remembers the keys of series lately written to, so that the next instance of a series costs one insert.
// It belongs to the writer and is dropped whenever a transaction fails or deletes.
type parentCache struct {
	series map[index.ID]*parents
	buf    [1024]byte // scratch for the JSON of tags

	origin     index.Origin
	originJSON string

	signatures map[string]int64 // numbers of lists of tags
}

// cacheSize bounds the series remembered.
const cacheSize = 4096

func (c *parentCache) clear() {
	clear(c.series)
	clear(c.signatures)
}

func (c *parentCache) put(id index.ID, p *parents) {
	if c.series == nil {
		c.series = make(map[index.ID]*parents)
	}
	if len(c.series) >= cacheSize {
		clear(c.series)
	}
	c.series[id] = p
}

// originText encodes an origin; the objects of an association share it.
func (c *parentCache) originText(o index.Origin) string {
	if o != c.origin || c.originJSON == "" {
		c.origin, c.originJSON = o, encodeOrigin(o)
	}
	return c.originJSON
}

// parentsOf finds the parents of an instance and makes those that are new.
func (t *tx) parentsOf(n *index.NewInstance) (*parents, error) {
	if p := t.x.parents.series[n.Series]; p != nil {
		return p, nil
	}
	p := &parents{}
	err := t.c.one("SELECT series.pk, series.study, studies.patient FROM series JOIN studies ON studies.pk=series.study"+
		" WHERE series.id=?", []arg{idOf(n.Series)}, func(s *sqlite.Stmt) error {
		p.series, p.study, p.patient = s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2)
		return nil
	})
	if errors.Is(err, index.ErrNotFound) {
		err = t.makeParents(p, n)
	}
	if err != nil {
		return nil, err
	}
	t.x.parents.put(n.Series, p)
	return p, nil
}

func (t *tx) makeParents(p *parents, n *index.NewInstance) (err error) {
	if p.patient, err = t.parentKey(index.Patient, n.Patient, 0, n.PatientTags, p, n); err != nil {
		return err
	}
	if p.study, err = t.parentKey(index.Study, n.Study, p.patient, n.StudyTags, p, n); err != nil {
		return err
	}
	if len(p.fresh) == 1 && p.fresh[0].Level == index.Study {
		if err := t.ownPatient(p.study, p.patient, n.PatientTags); err != nil {
			return err
		}
	}
	p.series, err = t.insertParent(index.Series, n.Series, p.study, n.SeriesTags, p, n)
	return err
}

// parentKey finds a parent or makes it.
func (t *tx) parentKey(l index.Level, id index.ID, above int64, tags index.Tags, p *parents,
	n *index.NewInstance) (int64, error) {
	pk, err := t.key("SELECT pk FROM "+tables[l].name+" WHERE id=?", id)
	if errors.Is(err, index.ErrNotFound) {
		return t.insertParent(l, id, above, tags, p, n)
	}
	return pk, err
}

func (t *tx) insertParent(l index.Level, id index.ID, above int64, tags index.Tags, p *parents,
	n *index.NewInstance) (int64, error) {
	tb := &tables[l]
	s, err := t.c.Prepare(tb.insert)
	if err != nil {
		return 0, wrap("prepare", err)
	}
	s.BindBytes(1, id[:])
	i := 2
	if tb.parent != "" {
		s.BindInt64(i, above)
		i++
	}
	i = tb.bindTags(s, i, tags, t.x.parents.buf[:0])
	now := n.Received.UnixMicro()
	s.BindInt64(i, now)
	if err := t.bindSignature(s, i+1, n.Signatures[l]); err != nil {
		return 0, err
	}
	s.BindNull(i + 2) // whether it is stable is up to touch
	switch l {
	case index.Series:
		s.BindText(i+3, n.Origin.RemoteAET)
		t.totals.Series++
	case index.Study:
		t.totals.Studies++
	default:
		kept, err := t.keptBy(id)
		if err != nil {
			return 0, err
		}
		s.BindInt64(i+3, now)
		s.BindInt64(i+4, kept)
		t.totals.Patients++
	}
	if err := step(s); err != nil {
		return 0, err
	}
	p.fresh = append(p.fresh, index.Resource{Level: l, ID: id})
	return t.c.LastInsertRowID(), nil
}

var newChange = [...]index.ChangeType{index.Patient: index.ChangeNewPatient, index.Study: index.ChangeNewStudy,
	index.Series: index.ChangeNewSeries}

// noteNew notes the arrival of an instance, then of its new parents from the series up, as Orthanc does.
func (t *tx) noteNew(p *parents, n *index.NewInstance) error {
	now := n.Received.UnixMicro()
	if err := t.note(index.ChangeNewInstance, index.Instance, n.ID, now); err != nil {
		return err
	}
	for _, r := range slices.Backward(p.fresh) {
		if err := t.note(newChange[r.Level], r.Level, r.ID, now); err != nil {
			return err
		}
	}
	return nil
}

// touch notes when the parents were last updated, once a second: nobody is shown more. They are not stable from then on,
// unless quiet.
func (t *tx) touch(p *parents, n *index.NewInstance, quiet bool) error {
	second, micro := n.Received.Unix(), n.Received.UnixMicro()
	if t.recent == nil {
		t.recent = map[int64]int64{}
	}
	t.recent[p.patient] = max(t.recent[p.patient], micro)
	if p.updated == second {
		return nil
	}
	now, unstable := num(micro), num(micro)
	if quiet {
		unstable = null
	}
	if err := errors.Join(
		t.c.exec("UPDATE series SET updated=?, unstable=? WHERE pk=?", now, unstable, num(p.series)),
		t.c.exec("UPDATE studies SET updated=?, unstable=? WHERE pk=?", now, unstable, num(p.study)),
		t.c.exec("UPDATE patients SET updated=?, unstable=? WHERE pk=?", now, unstable, num(p.patient))); err != nil {
		return err
	}
	p.updated = second
	return nil
}

// key reads one number.
func (t *readTx) key(query string, id index.ID) (pk int64, err error) {
	err = t.c.one(query, []arg{idOf(id)}, func(s *sqlite.Stmt) error { pk = s.ColumnInt64(0); return nil })
	return pk, err
}
