package query

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"gantry/internal/dicom/charset"
	"gantry/internal/storage/index"
)

// holds tells whether the tags of a data set, or of an item, meet all conditions. A tag that is missing meets none.
func holds(conditions []Condition, tags map[string]any) bool {
	for i := range conditions {
		if !conditions[i].holds(tags[name(conditions[i].Tag)]) {
			return false
		}
	}
	return true
}

func (c *Condition) holds(value any) bool {
	switch v := value.(type) {
	case string:
		return c.Items == nil && matches(&c.Match, v)
	case []any:
		return c.Items != nil && slices.ContainsFunc(v, func(item any) bool {
			tags, ok := item.(map[string]any)
			return ok && holds(c.Items, tags)
		})
	}
	return false
}

// matches holds a text against a condition as the index does. A list is held against each of several values, as in
// Orthanc: it is met by one that they have in common.
func matches(m *index.Match, value string) bool {
	switch m.Kind {
	case index.Present:
		return true
	case index.Between:
		return value >= m.Low && (m.High == "" || value <= m.High)
	case index.Wild:
		return slices.ContainsFunc(m.Values, func(pattern string) bool { return wild(pattern, value, m.CaseSensitive) })
	}
	if len(m.Values) == 1 {
		return equal(m, value)
	}
	return slices.ContainsFunc(strings.Split(value, `\`), func(one string) bool { return equal(m, one) })
}

// equal tells whether a value is one of those of a Match.
func equal(m *index.Match, value string) bool {
	if m.CaseSensitive {
		return slices.Contains(m.Values, value)
	}
	value = charset.Fold(value)
	return slices.ContainsFunc(m.Values, func(v string) bool { return charset.Fold(v) == value })
}

// wild matches a pattern of * (any text) and ? (any character). It takes steps in proportion to the product of the
// lengths at most, whatever the pattern.
func wild(pattern, value string, caseSensitive bool) bool {
	if !caseSensitive {
		pattern, value = foldPattern(pattern), charset.Fold(value)
	}
	star, retry := "", "" // behind the last *, and where its text may go on from
	starred := false
	for value != "" {
		switch {
		case strings.HasPrefix(pattern, "*"):
			pattern = pattern[1:]
			star, retry, starred = pattern, value, true
		case strings.HasPrefix(pattern, "?"):
			_, n := utf8.DecodeRuneInString(value)
			pattern, value = pattern[1:], value[n:]
		case pattern != "" && pattern[0] == value[0]:
			pattern, value = pattern[1:], value[1:]
		case starred:
			_, n := utf8.DecodeRuneInString(retry)
			retry = retry[n:]
			pattern, value = star, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern, "*") == ""
}

// foldPattern folds what stands between the wildcards.
func foldPattern(pattern string) string {
	var b strings.Builder
	for pattern != "" {
		i := strings.IndexAny(pattern, "*?")
		if i < 0 {
			i = len(pattern)
		}
		b.WriteString(charset.Fold(pattern[:i]))
		if i < len(pattern) {
			b.WriteByte(pattern[i])
			i++
		}
		pattern = pattern[i:]
	}
	return b.String()
}

// parseTags reads the short form of tags as JSON.
func parseTags(text []byte) (tags map[string]any, err error) {
	return tags, json.Unmarshal(text, &tags)
}
