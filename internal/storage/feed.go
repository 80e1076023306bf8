package storage

import (
	"slices"
	"sync"
	"sync/atomic"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// NewInstance tells of an instance that has become durable and findable.
type NewInstance struct {
	PutResult
	TransferSyntax dicom.UID
	Origin         index.Origin
}

// feed tells subscribers of new instances. Without any it costs one atomic load.
type feed struct {
	mu   sync.Mutex
	subs atomic.Pointer[[]*func(NewInstance)]
}

func (f *feed) tell(n NewInstance) {
	subs := f.subs.Load()
	if subs == nil {
		return
	}
	for _, fn := range *subs {
		(*fn)(n)
	}
}

// Subscribe calls fn for every instance that is stored from now on, after it is durable, on the goroutine that stored
// it: fn must be quick and must not call the Store. The returned function ends it.
func (s *Store) Subscribe(fn func(NewInstance)) (cancel func()) {
	s.feed.change(func(subs []*func(NewInstance)) []*func(NewInstance) { return append(subs, &fn) })
	return func() {
		s.feed.change(func(subs []*func(NewInstance)) []*func(NewInstance) {
			return slices.DeleteFunc(subs, func(p *func(NewInstance)) bool { return p == &fn })
		})
	}
}

func (f *feed) change(fn func([]*func(NewInstance)) []*func(NewInstance)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var subs []*func(NewInstance)
	if old := f.subs.Load(); old != nil {
		subs = slices.Clone(*old)
	}
	if subs = fn(subs); len(subs) == 0 {
		f.subs.Store(nil)
		return
	}
	f.subs.Store(&subs)
}
