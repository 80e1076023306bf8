package sqlite

import (
	"slices"
	"sync"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// milestones remember which row stands at which place of a whole list, so that who pages through it with ?since and
// ?limit does not walk it from the start for every page. New rows come behind all others: only deletions move places.
type milestones struct {
	mu        sync.Mutex
	deletions int64 // of the state they hold for
	places    [index.Instance + 1][]milestone
}

// milestone says that n rows have keys up to key.
type milestone struct{ n, key int64 }

// maxMilestones bounds what is remembered for a level.
const maxMilestones = 256

// before gives the last milestone that is not behind n.
func (m *milestones) before(level index.Level, deletions, n int64) milestone {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deletions != deletions {
		return milestone{}
	}
	at, found := slices.BinarySearchFunc(m.places[level], n, func(p milestone, n int64) int { return int(p.n - n) })
	if found {
		return m.places[level][at]
	}
	if at == 0 {
		return milestone{}
	}
	return m.places[level][at-1]
}

func (m *milestones) add(level index.Level, deletions int64, p milestone) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case deletions < m.deletions: // from a state that has passed
		return
	case deletions > m.deletions:
		m.places = [index.Instance + 1][]milestone{}
		m.deletions = deletions
	}
	list := m.places[level]
	at, found := slices.BinarySearchFunc(list, p.n, func(q milestone, n int64) int { return int(q.n - n) })
	if found {
		return
	}
	if len(list) >= maxMilestones { // every other one does as well
		kept := list[:0]
		for i := 1; i < len(list); i += 2 {
			kept = append(kept, list[i])
		}
		list = kept
		at, _ = slices.BinarySearchFunc(list, p.n, func(q milestone, n int64) int { return int(q.n - n) })
	}
	m.places[level] = slices.Insert(list, at, p)
}

// skipPlain finds the place behind the first n rows of a level.
func (t *readTx) skipPlain(level index.Level, n int64) (index.Cursor, error) {
	var deletions int64
	err := t.c.one("SELECT deletions FROM totals", nil, func(s *sqlite.Stmt) error {
		deletions = s.ColumnInt64(0)
		return nil
	})
	if err != nil {
		return index.Cursor{}, err
	}
	from := t.places.before(level, deletions, n)
	if from.n == n {
		return index.NewCursor(from.key, nil), nil
	}
	var key int64
	err = t.c.one("SELECT pk FROM "+tables[level].name+" WHERE pk>? ORDER BY pk LIMIT 1 OFFSET ?",
		[]arg{num(from.key), num(n - from.n - 1)}, func(s *sqlite.Stmt) error { key = s.ColumnInt64(0); return nil })
	if err != nil {
		return index.Cursor{}, err
	}
	t.places.add(level, deletions, milestone{n: n, key: key})
	return index.NewCursor(key, nil), nil
}
