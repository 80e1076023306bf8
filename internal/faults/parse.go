package faults

import (
	"fmt"
	"slices"
	"strings"

	"gantry/internal/dul"
)

// ParseError says what is wrong with the text of a rule, and where.
type ParseError struct {
	Rule    string
	Column  int // of the word, counted from 1
	Message string
}

// Error shows the rule and the place.
func (e *ParseError) Error() string {
	return fmt.Sprintf("faults: %q, column %d: %s", e.Rule, e.Column, e.Message)
}

// maxRule bounds the text of a rule.
const maxRule = 1000

// Parse reads a rule: a service, then words of the form key=value, in any order.
//
//	SERVICE   association | any | echo | store | find | move | get | commitment | report
//	faults    status=XXXX [comment=TEXT] | abort[=SOURCE:REASON] | drop[=POINT] | reset[=POINT], each with delay=TIME
//	          reject=RESULT:SOURCE:REASON or a name, refuse=RESULT        (association)
//	          report=KIND [reason=XXXX] [count=N] [delay=TIME]            (commitment)
//	when      from=AET to=AET class=UID instance=UID                      (with the wildcards ? and *)
//	          after=N every=N times=N once
//
// The error is a *ParseError.
func Parse(text string) (*Rule, error) {
	p := parser{rule: &Rule{Text: strings.TrimSpace(text), Count: 1, Point: AtResponse}, at: map[string]int{}}
	if len(text) > maxRule {
		return nil, &ParseError{text[:40] + "...", maxRule, fmt.Sprintf("a rule has at most %d characters", maxRule)}
	}
	words, err := split(text)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return nil, &ParseError{text, 1, "a service is expected: " + list(services())}
	}
	if err := p.service(words[0]); err != nil {
		return nil, p.fail(text, words[0], err)
	}
	for _, w := range words[1:] {
		if err := p.word(w); err != nil {
			return nil, p.fail(text, w, err)
		}
	}
	if key, err := p.check(); err != nil {
		return nil, &ParseError{text, p.at[key] + 1, err.Error()}
	}
	return p.rule, nil
}

type word struct {
	key, value string
	hasValue   bool
	column     int // from 0
}

// split cuts a rule at blanks outside of quotation marks.
func split(text string) ([]word, error) {
	var words []word
	for i := 0; i < len(text); {
		if text[i] == ' ' || text[i] == '\t' {
			i++
			continue
		}
		start, quoted := i, false
		var b strings.Builder
		for ; i < len(text) && (quoted || text[i] != ' ' && text[i] != '\t'); i++ {
			if text[i] == '"' {
				quoted = !quoted
				continue
			}
			if text[i] < ' ' {
				return nil, &ParseError{text, i + 1, "control characters have no place in a rule"}
			}
			b.WriteByte(text[i])
		}
		if quoted {
			return nil, &ParseError{text, start + 1, "a closing quotation mark is missing"}
		}
		key, value, has := strings.Cut(b.String(), "=")
		words = append(words, word{key, value, has, start})
	}
	return words, nil
}

// parser gathers a rule.
type parser struct {
	rule *Rule
	at   map[string]int // columns of the words that were there
}

func (p *parser) fail(text string, w word, err error) error {
	return &ParseError{text, w.column + 1, err.Error()}
}

func services() []Service {
	return []Service{Association, Any, Echo, Store, Find, Move, Get, Commitment, Report}
}

func (p *parser) service(w word) error {
	p.rule.Service = Service(strings.ToLower(w.key))
	if w.hasValue || !slices.Contains(services(), p.rule.Service) {
		return fmt.Errorf("%q is no service: %s", w.key, list(services()))
	}
	return nil
}

// word takes one key=value.
func (p *parser) word(w word) error {
	read, known := readers()[w.key]
	switch {
	case !known:
		return fmt.Errorf("%q is not known: %s", w.key, list(keys()))
	case w.hasValue && w.value == "":
		return fmt.Errorf("%s= has no value", w.key)
	case !w.hasValue && !slices.Contains([]string{"abort", "drop", "reset", "once"}, w.key):
		return fmt.Errorf("%s=%s is expected", w.key, example(w.key))
	}
	if _, twice := p.at[w.key]; twice {
		return fmt.Errorf("%s is there twice", w.key)
	}
	p.at[w.key] = w.column
	return read(p.rule, w.value)
}

// check finds what does not go together; key is the word to blame.
func (p *parser) check() (key string, err error) {
	r := p.rule
	var faults []string
	for _, f := range []Fault{Status, Abort, Reject, Refuse, Drop, Reset, Alter} {
		if _, given := p.at[string(f)]; given {
			faults = append(faults, string(f))
		}
	}
	_, delayed := p.at[string(Delay)]
	switch {
	case len(faults) > 1:
		return faults[1], fmt.Errorf("a rule has one fault, and this one has %s", strings.Join(faults, " and "))
	case len(faults) == 1:
		r.Fault = Fault(faults[0])
	case delayed:
		r.Fault = Delay
	default:
		return "", fmt.Errorf("a fault is missing: %s", list(faultsOf(r.Service)))
	}
	if !slices.Contains(faultsOf(r.Service), r.Fault) {
		return string(r.Fault), fmt.Errorf("%s has no %s, but %s", r.Service, r.Fault, list(faultsOf(r.Service)))
	}
	for key, wants := range map[string]Fault{"comment": Status, "reason": Alter, "count": Alter} {
		if _, given := p.at[key]; given && r.Fault != wants {
			return key, fmt.Errorf("%s= goes with %s= only", key, wants)
		}
	}
	return p.checkDetails()
}

func (p *parser) checkDetails() (key string, err error) {
	r := p.rule
	_, times := p.at["times"]
	_, once := p.at["once"]
	_, instance := p.at["instance"]
	_, class := p.at["class"]
	_, delay := p.at["delay"]
	switch {
	case times && once:
		return "once", fmt.Errorf("once is times=1")
	case instance && (r.Service == Association || r.Fault == Alter):
		return "instance", fmt.Errorf("instance= goes with operations only")
	case class && r.Fault == Alter:
		return "class", fmt.Errorf("class= does not go with report=")
	case r.Service == Association && (r.Point == AtData):
		return string(r.Fault), fmt.Errorf("an association request has no data set: request, response or pdu")
	case delay && r.Fault == Alter && r.Report != Late:
		return "delay", fmt.Errorf("of the reports only report=late takes delay=")
	case r.Service == Commitment && r.Fault == Alter && r.Report == Late && !delay:
		r.Delay = defaultLate
	}
	return "", nil
}

// faultsOf lists the faults of a service.
func faultsOf(s Service) []Fault {
	switch s {
	case Association:
		return []Fault{Delay, Reject, Refuse, Abort, Drop, Reset}
	case Commitment:
		return []Fault{Delay, Status, Abort, Drop, Reset, Alter}
	}
	return []Fault{Delay, Status, Abort, Drop, Reset}
}

// list writes words as a sentence has them.
func list[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// rejections are the names of the usual answers of A-ASSOCIATE-RJ (PS3.8 9.3.4).
func rejections() map[string]dul.Rejection {
	return map[string]dul.Rejection{
		"no-reason": *dul.RejectNoReason(), "application-context": *dul.RejectApplicationContext(),
		"calling-aet": *dul.RejectCallingAET(), "called-aet": *dul.RejectCalledAET(),
		"protocol-version": *dul.RejectProtocolVersion(), "congestion": *dul.RejectCongestion(), "local-limit": *dul.RejectLocalLimit(),
	}
}
