package config

import (
	"fmt"
	"strings"
)

// wrong tells what is wrong with the entry of a tag as a whole, "" if nothing is.
func (e DictionaryEntry) wrong(tag string) string {
	switch {
	case !isTag(tag, true):
		return fmt.Sprintf("a tag such as 0014,1020 is expected, not %q", tag)
	case e.Minimum < 0 || e.Maximum < 0 || e.Maximum > 0 && e.Maximum < e.Minimum:
		return fmt.Sprintf("%d to %d values are no range", e.Minimum, e.Maximum)
	case e.PrivateCreator != "" && !strings.ContainsRune("13579bBdDfF", rune(strings.Trim(tag, "(")[3])):
		return "a private creator belongs to a group with an odd number"
	}
	return ""
}

// extraTags checks the tags of ExtraMainDicomTags: numbers, names of the option Dictionary, or keywords of the standard.
func (d *decoder) extraTags(root *node, c *Config, keyword func(string) bool) {
	levels := root.get("ExtraMainDicomTags")
	if levels == nil || levels.kind != kindObject {
		return
	}
	known := map[string]bool{}
	for _, e := range c.Dictionary {
		known[e.Name] = true
	}
	for _, level := range levels.members {
		path := "ExtraMainDicomTags." + level.key
		d.check(level.value, path, isOneOf(level.key, []string{"Patient", "Study", "Series", "Instance"}))
		for i, n := range level.value.items {
			if !isTag(n.text, false) && !known[n.text] && !isKeyword(n.text, keyword) && isText(n) {
				d.check(n, fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%q is neither a tag such as 0028,0010 nor a name of the dictionary", n.text))
			}
		}
	}
}

func isKeyword(s string, keyword func(string) bool) bool {
	if keyword == nil {
		return isWord(s) == ""
	}
	return keyword(s)
}

func isText(n *node) bool { return n.kind == kindString || n.kind == kindLoose }
