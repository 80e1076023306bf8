package sqlite

import (
	"fmt"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// Find implements index.Finder.
func (t *readTx) Find(f *index.Find, after index.Cursor, limit int) ([]int64, index.Cursor, error) {
	q, err := newFindQuery(f)
	if err != nil {
		return nil, index.Cursor{}, err
	}
	query := q.page(after, limit, 0)
	var keys []int64
	next := after
	err = t.c.eachTransient(query, q.args, func(s *sqlite.Stmt) error {
		keys = append(keys, s.ColumnInt64(0))
		if len(keys) == limit {
			next = cursorAt(s, len(f.Order))
		}
		return nil
	})
	return keys, next, err
}

// cursorAt reads what a row is sorted by.
func cursorAt(s *sqlite.Stmt, orders int) index.Cursor {
	var order []any
	for i := 1; i <= orders; i++ {
		switch s.ColumnType(i) {
		case sqlite.TypeInteger:
			order = append(order, s.ColumnInt64(i))
		case sqlite.TypeFloat:
			order = append(order, s.ColumnFloat(i))
		case sqlite.TypeNull:
			order = append(order, nil)
		default:
			order = append(order, s.ColumnText(i))
		}
	}
	return index.NewCursor(s.ColumnInt64(0), order)
}

// Skip implements index.Finder. In a list without conditions it begins where an earlier one has ended.
func (t *readTx) Skip(f *index.Find, n int) (at index.Cursor, err error) {
	if n <= 0 {
		return at, nil
	}
	if f.Plain() {
		return t.skipPlain(f.Level, int64(n))
	}
	q, err := newFindQuery(f)
	if err != nil {
		return at, err
	}
	query := q.page(index.Cursor{}, 1, n-1)
	err = index.ErrNotFound
	if e := t.c.eachTransient(query, q.args, func(s *sqlite.Stmt) error {
		at, err = cursorAt(s, len(f.Order)), nil
		return nil
	}); e != nil {
		err = e
	}
	return at, err
}

// Count implements index.Finder.
func (t *readTx) Count(f *index.Find) (n int64, err error) {
	if f.Plain() {
		return t.countAll(f.Level)
	}
	q, err := newFindQuery(f)
	if err != nil {
		return 0, err
	}
	err = t.c.eachTransient("SELECT count(*)"+q.from(), q.args, func(s *sqlite.Stmt) error {
		n = s.ColumnInt64(0)
		return nil
	})
	return n, err
}

func (t *readTx) countAll(level index.Level) (int64, error) {
	st, err := t.Statistics()
	return [...]int64{index.Patient: st.Patients, index.Study: st.Studies, index.Series: st.Series,
		index.Instance: st.Instances}[level], err
}

// Key implements index.Finder.
func (t *readTx) Key(level index.Level, id index.ID) (int64, error) {
	if level < index.Patient || level > index.Instance {
		return 0, fmt.Errorf("index: key: there is no %v", level)
	}
	return t.key("SELECT pk FROM "+tables[level].name+" WHERE id=?", id)
}

// maxTransient bounds the statements of finds that a connection keeps: their texts are as many as the ways to ask.
const maxTransient = 64

// eachTransient is each for a statement whose text is one of many.
func (c *conn) eachTransient(query string, args []arg, fn func(*sqlite.Stmt) error) (err error) {
	s := c.transient[query]
	if s == nil {
		if len(c.transient) >= maxTransient {
			if err := c.finalize(); err != nil {
				return err
			}
		}
		if s, _, err = c.PrepareTransient(query); err != nil {
			return wrap("prepare", err)
		}
		if c.transient == nil {
			c.transient = map[string]*sqlite.Stmt{}
		}
		c.transient[query] = s
	}
	for i, a := range args {
		a(s, i+1)
	}
	return rows(s, fn)
}

// finalize forgets the statements of eachTransient.
func (c *conn) finalize() (err error) {
	for _, s := range c.transient {
		if e := s.Finalize(); err == nil {
			err = wrap("finalize", e)
		}
	}
	clear(c.transient)
	return err
}
