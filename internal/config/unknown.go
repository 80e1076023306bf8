package config

import "strings"

// unknown warns about an option that gantry does not have, naming the nearest one it has.
func (d *decoder) unknown(m member) {
	for _, name := range unusedOptions() {
		if name == m.key {
			if !isOrthancDefault(name, m.value) {
				d.unused(m, "known from Orthanc, gantry does not use it")
			}
			return
		}
	}
	for _, name := range pluginSections() {
		if name == m.key {
			d.unused(m, "a section for a plugin of Orthanc, gantry does not use it")
			return
		}
	}
	d.warn(m.value, m.key, unknownMessage("option", m.key, knownNames()))
}

func (d *decoder) unused(m member, message string) {
	d.warnings = append(d.warnings, Warning{Place: m.value.place.String(), Option: m.key, Message: message, Unused: true})
}

func unknownMessage(what, name string, known []string) string {
	if nearest := Nearest(name, known); nearest != "" {
		return "unknown " + what + ", ignored; did you mean " + nearest + "?"
	}
	return "unknown " + what + ", ignored"
}

func knownNames() []string {
	var names []string
	for _, s := range table() {
		for _, o := range s.options {
			names = append(names, o.name)
		}
	}
	return append(names, unusedOptions()...)
}

// maxName bounds the work of Nearest; no option is longer.
const maxName = 64

// Nearest returns the candidate that takes the fewest changed letters to become name, whatever their case,
// or "" if none is near.
func Nearest(name string, candidates []string) string {
	if len(name) > maxName {
		return ""
	}
	best, limit := "", len(name)/3+1
	for _, c := range candidates {
		if n := distance(strings.ToLower(name), strings.ToLower(c)); n <= limit {
			best, limit = c, n-1
		}
	}
	return best
}

// distance is Levenshtein's: the number of letters to insert, drop or exchange.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
