package daemon_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// difference is an intended one: where gantry answers otherwise than Orthanc 1.13.0, and why. The README lists them.
type difference struct {
	route, gantry, orthanc, why string
	places                      []*place
}

// place is where a difference shows. A place that no question meets fails the test, so that the list stays true.
type place struct {
	request string // regular expression of "METHOD PATH BODY" and, below it, the header and the options; {id} stands for the id of a resource
	at      string // of the mismatch's place
	when    func(ours, theirs any) bool
}

// refusal is true where gantry says that the request is wrong, and Orthanc that something is wrong with itself.
func refusal(ours, theirs any) bool { return ours == 400 && theirs == 500 }

func onlyHere(_, theirs any) bool { return theirs == absent{} }

func onlyThere(ours, _ any) bool { return ours == absent{} }

// of is true of two values.
func of[T comparable](ours, theirs T) func(any, any) bool {
	return func(a, b any) bool { return a == any(ours) && b == any(theirs) }
}

// sameButForSpace is true of texts that differ in white space around them.
func sameButForSpace(ours, theirs any) bool {
	a, isText := ours.(string)
	b, alsoText := theirs.(string)
	return isText && alsoText && strings.TrimSpace(a) == strings.TrimSpace(b)
}

// leftInEscapes is true of text in which escape sequences of ISO 2022 were not undone.
func leftInEscapes(_, theirs any) bool {
	text, _ := theirs.(string)
	return strings.ContainsAny(text, "$\x1b")
}

// numbers is true of two numbers.
func numbers(ours, theirs any) bool {
	_, isNumber := ours.(json.Number)
	_, alsoNumber := theirs.(json.Number)
	return isNumber && alsoNumber
}

// oneHas is true of what only one has.
func oneHas(ours, theirs any) bool { return onlyHere(ours, theirs) || onlyThere(ours, theirs) }

// matcher is a place made ready.
type matcher struct {
	*place
	request, at *regexp.Regexp
}

var matchers = func() (list []matcher) {
	for _, d := range differences {
		for _, p := range d.places {
			list = append(list, matcher{p, pattern(p.request), pattern("^(?:" + p.at + ")$")})
		}
	}
	return list
}()

func pattern(text string) *regexp.Regexp {
	return regexp.MustCompile("(?m)" + strings.ReplaceAll(text, "{id}", `[0-9a-f]{8}(?:-[0-9a-f]{8}){4}`))
}

// intended says whether a mismatch is in the list, and notes that it was met.
func (p *pair) intended(q question, m mismatch) bool {
	asked := q.request + "\n" + q.header + "\n" + p.options
	for _, known := range matchers {
		if known.at.MatchString(m.at) && known.request.MatchString(asked) && (known.when == nil || known.when(m.ours, m.theirs)) {
			p.mu.Lock()
			p.met[known.place]++
			p.mu.Unlock()
			return true
		}
	}
	return false
}

// reportUnmet complains of differences in the list that no question shows any more.
func (c *contract) reportUnmet(t *testing.T) {
	t.Helper()
	for _, d := range differences {
		for _, p := range d.places {
			if c.met[p] == 0 && !c.warns.Load() {
				t.Errorf("an intended difference was not met; take it out of the list: %s (%s at %s)", d.why, p.request, p.at)
			}
		}
	}
}

// differencesTable is the list as the README shows it.
func differencesTable() string {
	var b strings.Builder
	b.WriteString("| where | Orthanc 1.13.0 | gantry | why |\n|---|---|---|---|\n")
	for _, d := range differences {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.route, d.orthanc, d.gantry, d.why)
	}
	return b.String()
}
