// Package modalities is the table of the peers this server knows: option DicomModalities and what REST adds to it.
package modalities

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"gantry/internal/config"
)

// Keeper keeps the table between runs (option DicomModalitiesInDatabase). Put and Delete are durable when they return.
type Keeper interface {
	Load(ctx context.Context) (map[string][]byte, error)
	Put(ctx context.Context, name string, modality []byte) error
	Delete(ctx context.Context, name string) error
}

// Table maps symbolic names to peers. It may be used from any goroutine.
type Table struct {
	strict bool
	keeper Keeper // nil: changes are lost with the process

	write  sync.Mutex // held over a change and its keeping, so that both have one order
	mu     sync.RWMutex
	byName map[string]config.Modality
	byAET  map[string][]string // names, sorted, by folded AE title
}

// New returns a table of the given peers whose changes are not kept.
// With strict, AE titles differ by case (option StrictAetComparison).
func New(peers map[string]config.Modality, strict bool) *Table {
	t := &Table{strict: strict, byName: maps.Clone(peers)}
	if t.byName == nil {
		t.byName = map[string]config.Modality{}
	}
	t.index()
	return t
}

// Open returns the table that keeper keeps; every change goes to it first.
func Open(ctx context.Context, keeper Keeper, strict bool) (*Table, error) {
	rows, err := keeper.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("modalities: load the table: %w", err)
	}
	peers := make(map[string]config.Modality, len(rows))
	for name, row := range rows {
		var m config.Modality
		if err := json.Unmarshal(row, &m); err != nil {
			return nil, fmt.Errorf("modalities: %q in the database: %w", name, err)
		}
		peers[name] = m
	}
	t := New(peers, strict)
	t.keeper = keeper
	return t, nil
}

// Get returns the peer of that name.
func (t *Table) Get(name string) (config.Modality, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	m, ok := t.byName[name]
	return m, ok
}

// Names returns all names, sorted.
func (t *Table) Names() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Sorted(maps.Keys(t.byName))
}

// All returns a copy of the table.
func (t *Table) All() map[string]config.Modality {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return maps.Clone(t.byName)
}

// Entry is a peer with its name.
type Entry struct {
	Name string
	config.Modality
}

// FindByAET returns the peers with that AE title, sorted by name. Spaces around an AE title do not count (PS3.5 6.2).
func (t *Table) FindByAET(aet string) []Entry {
	t.mu.RLock()
	defer t.mu.RUnlock()
	names := t.byAET[t.fold(aet)]
	entries := make([]Entry, len(names))
	for i, name := range names {
		entries[i] = Entry{name, t.byName[name]}
	}
	return entries
}

// NameOf returns the name of the peer with that AE title, the first if there are several, "" if there is none.
func (t *Table) NameOf(aet string) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if names := t.byAET[t.fold(aet)]; len(names) > 0 {
		return names[0]
	}
	return ""
}

// Same compares two AE titles the way the table does.
func (t *Table) Same(a, b string) bool { return t.fold(a) == t.fold(b) }

// Put adds or replaces a peer.
func (t *Table) Put(ctx context.Context, name string, m config.Modality) error {
	t.write.Lock()
	defer t.write.Unlock()
	if t.keeper != nil {
		row, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("modalities: %q: %w", name, err)
		}
		if err := t.keeper.Put(ctx, name, row); err != nil {
			return fmt.Errorf("modalities: keep %q: %w", name, err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byName[name] = m
	t.index()
	return nil
}

// Delete removes a peer; removing one that is not there is no error.
func (t *Table) Delete(ctx context.Context, name string) error {
	t.write.Lock()
	defer t.write.Unlock()
	if t.keeper != nil {
		if err := t.keeper.Delete(ctx, name); err != nil {
			return fmt.Errorf("modalities: delete %q: %w", name, err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byName, name)
	t.index()
	return nil
}

// index rebuilds byAET; the lock is held for writing, or nobody else knows the table yet.
func (t *Table) index() {
	t.byAET = make(map[string][]string, len(t.byName))
	for _, name := range slices.Sorted(maps.Keys(t.byName)) {
		aet := t.fold(t.byName[name].AET)
		t.byAET[aet] = append(t.byAET[aet], name)
	}
}

func (t *Table) fold(aet string) string {
	aet = strings.Trim(aet, " ")
	if t.strict {
		return aet
	}
	return strings.ToUpper(aet)
}
