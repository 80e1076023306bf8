package faults

import (
	"maps"
	"slices"
	"strings"
)

// Complete returns texts that a rule may go on with from what is typed of it, for shells: the services, then the words
// that go with the service, or the values of a word that has names for them. Each begins with what is typed.
func Complete(typed string) []string {
	at := strings.LastIndexAny(typed, " \t") + 1
	before, word := typed[:at], typed[at:]
	words, err := split(before)
	if err != nil { // within quotation marks
		return nil
	}
	var offers []string
	for _, next := range nextWords(words, word) {
		if strings.HasPrefix(next, word) {
			offers = append(offers, before+next)
		}
	}
	return offers
}

// nextWords are those that may follow on others; typed is what there is of it.
func nextWords(before []word, typed string) []string {
	if len(before) == 0 {
		return texts(services()...)
	}
	if key, _, has := strings.Cut(typed, "="); has {
		return valuesOf(key)
	}
	var next []string
	for _, key := range keys() {
		switch {
		case slices.ContainsFunc(before, func(w word) bool { return w.key == key }), !fits(before, key):
		case key == "once":
			next = append(next, key)
		case slices.Contains([]string{"abort", "drop", "reset"}, key):
			next = append(next, key, key+"=")
		default:
			next = append(next, key+"=")
		}
	}
	return next
}

// fits reports whether a word goes with the service of a rule, and with a fault that it has.
func fits(before []word, key string) bool {
	all := append(faultsOf(Association), Status, Alter)
	own := faultsOf(Service(strings.ToLower(before[0].key)))
	if goesWith := map[string]Fault{"comment": Status, "reason": Alter, "count": Alter}[key]; goesWith != "" {
		return slices.Contains(own, goesWith)
	}
	fault := func(key string) bool { return Fault(key) != Delay && slices.Contains(all, Fault(key)) }
	return !fault(key) || slices.Contains(own, Fault(key)) && !slices.ContainsFunc(before, func(w word) bool { return fault(w.key) })
}

// valuesOf are the values of a word that has names for them, with the word.
func valuesOf(key string) (values []string) {
	switch Fault(key) {
	case Drop, Reset:
		values = texts(points()...)
	case Alter:
		values = texts(kinds()...)
	case Reject:
		values = slices.Sorted(maps.Keys(rejections()))
	}
	for i := range values {
		values[i] = key + "=" + values[i]
	}
	return values
}

func texts[T ~string](words ...T) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return list
}
