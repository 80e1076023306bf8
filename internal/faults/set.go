package faults

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// maxRules bounds a Set.
const maxRules = 1000

// Set is a list of rules in force. Its methods may be called at once.
type Set struct {
	count atomic.Int32 // of rules, so that nothing is locked while there are none

	mu    sync.Mutex
	last  int // the newest id
	rules []*entry
}

// entry is a rule with what it has met.
type entry struct {
	id            string
	rule          *Rule
	seen, applied int
	at            time.Time
}

// Info tells about a rule in force.
type Info struct {
	ID      string
	Rule    *Rule
	Seen    int       // how often its service and conditions were met
	Applied int       // how often the fault was made
	Last    time.Time // when it was last; zero: never
}

// Event is an association request, or an operation, that may meet rules.
type Event struct {
	Service               Service
	CallingAET, CalledAET string
	Classes               []string // abstract syntaxes of an association; the SOP class of an operation
	Instance              string   // SOP Instance UID of an operation
	Report                bool     // a commitment report about to go out: rules with report= only
}

// Outcome is what the rules make of an event.
type Outcome struct {
	Delay time.Duration
	Rule  *Rule    // a fault other than a delay; nil: none
	IDs   []string // of the rules that were applied
}

// Any reports whether there is a fault at all.
func (o *Outcome) Any() bool { return len(o.IDs) > 0 }

// Add puts a rule behind the others and returns its id.
func (s *Set) Add(r *Rule) (Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rules) >= maxRules {
		return Info{}, fmt.Errorf("faults: %d rules are in force, and that is the most", maxRules)
	}
	s.last++
	e := &entry{id: strconv.Itoa(s.last), rule: r}
	s.rules = append(s.rules, e)
	s.count.Store(int32(len(s.rules)))
	return e.info(), nil
}

// Remove takes a rule out and reports whether it was there.
func (s *Set) Remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.rules)
	s.rules = slices.DeleteFunc(s.rules, func(e *entry) bool { return e.id == id })
	s.count.Store(int32(len(s.rules)))
	return len(s.rules) < n
}

// Clear takes all rules out.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
	s.count.Store(0)
}

// List tells about all rules, in the order in which they are tried.
func (s *Set) List() []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make([]Info, len(s.rules))
	for i, e := range s.rules {
		infos[i] = e.info()
	}
	return infos
}

// Get tells about one rule.
func (s *Set) Get(id string) (Info, bool) {
	for _, info := range s.List() {
		if info.ID == id {
			return info, true
		}
	}
	return Info{}, false
}

func (e *entry) info() Info { return Info{e.id, e.rule, e.seen, e.applied, e.at} }

// Match shows an event to all rules. Each whose service and conditions are met counts it; of those whose turn it is
// the delays add up, and the first one with another fault makes that.
func (s *Set) Match(ev *Event) Outcome {
	var out Outcome
	if s.count.Load() == 0 {
		return out
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.rules {
		if !e.rule.meets(ev) {
			continue
		}
		e.seen++
		if !e.due() || e.rule.Fault != Delay && out.Rule != nil {
			continue
		}
		e.applied++
		e.at = time.Now()
		out.IDs = append(out.IDs, e.id)
		out.Delay = min(out.Delay+e.rule.Delay, MaximumDelay)
		if e.rule.Fault != Delay {
			out.Rule = e.rule
		}
	}
	return out
}

// due reports whether it is the rule's turn, the event at hand counted.
func (e *entry) due() bool {
	n := e.seen - e.rule.After
	if n <= 0 || e.rule.Times > 0 && e.applied >= e.rule.Times {
		return false
	}
	return e.rule.Every <= 1 || n%e.rule.Every == 0
}
