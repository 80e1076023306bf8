package faults_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gantry/internal/faults"
)

func setOf(t *testing.T, rules ...string) *faults.Set {
	t.Helper()
	s := new(faults.Set)
	for _, text := range rules {
		r, err := faults.Parse(text)
		if err == nil {
			_, err = s.Add(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func store(from string) *faults.Event {
	return &faults.Event{Service: faults.Store, CallingAET: from, CalledAET: "GANTRY", Classes: []string{"1.2.840.10008.5.1.4.1.1.2"}, Instance: "1.2.3"}
}

// Which of ten objects meet a rule.
func TestOccurrence(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		"store abort":                         "xxxxxxxxxx",
		"store abort once":                    "x.........",
		"store abort times=3":                 "xxx.......",
		"store abort after=3":                 "...xxxxxxx",
		"store abort after=3 times=2":         "...xx.....",
		"store abort every=3":                 "..x..x..x.",
		"store abort after=2 every=3 times=2": "....x..x..",
		"any abort once":                      "x.........",
		"echo abort":                          "..........",
		"association abort":                   "..........",
		"commitment report=missing":           "..........",
	} {
		s := setOf(t, rule)
		var got strings.Builder
		for range 10 {
			if out := s.Match(store("A")); out.Rule != nil {
				got.WriteByte('x')
			} else {
				got.WriteByte('.')
			}
		}
		if got.String() != want {
			t.Errorf("%s: %s, want %s", rule, got.String(), want)
		}
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]bool{
		"store abort from=MOD1":                         true,
		"store abort from=MOD?":                         true,
		"store abort from=*1":                           true,
		"store abort from=mod1":                         false,
		"store abort from=MOD":                          false,
		"store abort to=GANTRY":                         true,
		"store abort to=OTHER":                          false,
		"store abort class=CTImageStorage":              true,
		"store abort class=CT*":                         true,
		"store abort class=1.2.840.10008.5.1.4.1.1.2":   true,
		"store abort class=1.2.840.10008.5.1.4.1.1.2.1": false,
		"store abort class=MR*":                         false,
		"store abort instance=1.2.*":                    true,
		"store abort instance=1.3.*":                    false,
	} {
		if out := setOf(t, rule).Match(store("MOD1 ")); (out.Rule != nil) != want {
			t.Errorf("%s: %v", rule, out)
		}
	}
	report := &faults.Event{Service: faults.Commitment, Report: true}
	if out := setOf(t, "commitment abort", "any delay=1s", "commitment report=partial").Match(report); out.Rule == nil || out.Rule.Report != faults.Partial || len(out.IDs) != 1 {
		t.Errorf("of a report: %+v", out)
	}
}

// Delays add up; the first rule with another fault makes it, and those behind it are not used up.
func TestSeveralRules(t *testing.T) {
	t.Parallel()
	s := setOf(t, "any delay=2s", "store status=A700 once", "store abort delay=1s once", "store delay=10m times=2")
	for i, want := range []struct {
		fault faults.Fault
		delay time.Duration
	}{{faults.Status, faults.MaximumDelay}, {faults.Abort, faults.MaximumDelay}, {"", 2 * time.Second}} {
		out := s.Match(store("A"))
		var fault faults.Fault
		if out.Rule != nil {
			fault = out.Rule.Fault
		}
		if fault != want.fault || out.Delay != want.delay {
			t.Errorf("%d: %q after %v, want %+v", i, fault, out.Delay, want)
		}
	}
	var counts []string
	for _, f := range s.List() {
		counts = append(counts, fmt.Sprintf("%s:%d/%d", f.ID, f.Applied, f.Seen))
	}
	if got := strings.Join(counts, " "); got != "1:3/3 2:1/3 3:1/3 4:2/3" {
		t.Error(got)
	}
}

func TestRulesComeAndGo(t *testing.T) {
	t.Parallel()
	s := setOf(t, "store abort", "echo abort")
	if f, known := s.Get("2"); !known || f.Rule.Service != faults.Echo || !f.Last.IsZero() {
		t.Errorf("%+v", f)
	}
	if !s.Remove("1") || s.Remove("1") || len(s.List()) != 1 {
		t.Error("remove")
	}
	if out := s.Match(store("A")); out.Any() {
		t.Errorf("a removed rule is applied: %+v", out)
	}
	s.Clear()
	r, _ := faults.Parse("store abort")
	if info, err := s.Add(r); err != nil || info.ID != "3" {
		t.Errorf("ids are used again: %+v %v", info, err)
	}
	for range 999 {
		_, _ = s.Add(r)
	}
	if _, err := s.Add(r); err == nil {
		t.Error("there is no limit")
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := setOf(t, "store abort times=50")
	var wg sync.WaitGroup
	var mu sync.Mutex
	hits := 0
	for range 20 {
		wg.Go(func() {
			for range 20 {
				if out := s.Match(store("A")); out.Any() {
					mu.Lock()
					hits++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if f := s.List()[0]; hits != 50 || f.Applied != 50 || f.Seen != 400 {
		t.Errorf("%d of 50: %+v", hits, f)
	}
}
