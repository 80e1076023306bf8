package main

import (
	"fmt"
	"sync"

	"gantry/internal/dicom"
)

// study is one study that was sent, with the instances whose C-STORE was answered with success.
type study struct {
	uid       dicom.UID
	patient   string
	instances []dicom.UID
	deleting  bool // a deletion was asked for: it may be there or not
	busy      int  // workers that are looking at it
}

// ledger remembers what the daemon has promised.
type ledger struct {
	mu       *sync.Mutex
	studies  []*study // the oldest first
	waiting  map[dicom.UID]int
	reported int
	problems []string
	counts   map[string]int
}

func newLedger() ledger {
	return ledger{mu: &sync.Mutex{}, waiting: map[dicom.UID]int{}, counts: map[string]int{}}
}

func (l *ledger) count(what string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[what] += n
}

// problem notes something that should not have happened.
func (l *ledger) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Println("PROBLEM:", text)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, text)
}

func (l *ledger) add(s *study) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.studies = append(l.studies, s)
	l.counts["objects stored"] += len(s.instances)
}

// borrow returns a study that is not deleted before it is given back; nil if there is none.
func (l *ledger) borrow(pick int) *study {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.studies) == 0 {
		return nil
	}
	s := l.studies[pick%len(l.studies)]
	if s.deleting {
		return nil
	}
	s.busy++
	return s
}

func (l *ledger) giveBack(s *study) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.busy--
}

// oldest returns the oldest study nobody looks at, marked as being deleted, when there are more than keep.
func (l *ledger) oldest(keep int) *study {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.studies) <= keep {
		return nil
	}
	for _, s := range l.studies[:len(l.studies)-keep] {
		if s.busy == 0 {
			s.deleting = true
			return s
		}
	}
	return nil
}

func (l *ledger) forget(gone *study) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, s := range l.studies {
		if s == gone {
			l.studies = append(l.studies[:i], l.studies[i+1:]...)
			return
		}
	}
}

// asked notes a commitment request that was answered with success: its report has to come.
func (l *ledger) asked(transaction dicom.UID, references int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts["commitments answered"]++
	if already, early := l.waiting[transaction]; early && already < 0 {
		delete(l.waiting, transaction)
		l.reported++
		return
	}
	l.waiting[transaction] = references
}

// report notes a report. One may come before the answer to its request.
func (l *ledger) report(transaction dicom.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, waited := l.waiting[transaction]; waited && n >= 0 {
		delete(l.waiting, transaction)
		l.reported++
		return
	}
	l.waiting[transaction] = -1
}

// outstanding counts the requests whose report has not come.
func (l *ledger) outstanding() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, references := range l.waiting {
		if references >= 0 {
			n++
		}
	}
	return n
}
