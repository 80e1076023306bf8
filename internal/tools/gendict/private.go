package main

import (
	"cmp"
	"slices"
	"strings"
)

// privateElement is an element of a private creator. The tag is gggg00ee, the block left open, unless the
// dictionary says something else for one block; gg0000ee stands for all groups gg01 to ggFF.
type privateElement struct {
	creator string
	element
}

func emitPrivate(s *source, rows [][]string) error {
	elements, err := parsePrivate(rows)
	if err != nil {
		return err
	}
	var text, names lines
	var vms, vrs interned
	var creators [][2]int // offset of the name, first row
	s.printf("\nvar privateRows = [...]row{\n")
	for i, e := range elements {
		if i == 0 || e.creator != elements[i-1].creator {
			creators = append(creators, [2]int{names.add(e.creator), i})
		}
		if err := s.row(e.element, text.add(e.name), &vms, &vrs); err != nil {
			return err
		}
	}
	s.printf("{text: %d},\n}\n", text.Len())
	s.printf("\nvar creatorRows = [...]creatorRow{\n")
	for _, c := range append(creators, [2]int{names.Len(), len(elements)}) {
		s.printf("{%d, %d},\n", c[0], c[1])
	}
	s.printf("}\n")
	s.strings("privateVMs", vms.values)
	s.strings("privateVRTexts", vrs.values)
	if err := s.text("creatorText", &names); err != nil {
		return err
	}
	return s.text("privateText", &text)
}

// parsePrivate returns the elements sorted by creator and tag, each tag of a creator once.
func parsePrivate(rows [][]string) ([]privateElement, error) {
	var elements []privateElement
	for _, r := range rows {
		tag, mask, err := parsePattern(strings.ReplaceAll(r[1], "X", "x"))
		if err != nil {
			return nil, err
		}
		if mask&0xFF != 0xFF {
			continue // "gggg,10xx" says nothing about any one element
		}
		if mask>>16 == 0xFFFF && tag&0x00010000 == 0 {
			continue // an element of an even group is not private
		}
		name := r[4]
		if name == "Unknown" {
			name = ""
		}
		elements = append(elements, privateElement{strings.Trim(r[0], " "), element{tag, mask, r[2], r[3], "", name, false}})
	}
	elements = openBlocks(elements)
	slices.SortStableFunc(elements, func(a, b privateElement) int {
		return cmp.Or(cmp.Compare(a.creator, b.creator), cmp.Compare(a.tag, b.tag))
	})
	return slices.CompactFunc(elements, func(a, b privateElement) bool {
		return a.creator == b.creator && a.tag == b.tag
	}), nil
}

// openBlocks takes the block number out of elements that were written down with the one they were seen in,
// unless the creator's element of that number in any block is another one.
func openBlocks(elements []privateElement) []privateElement {
	type key struct {
		creator string
		tag     uint32
	}
	open := make(map[key]string)
	for _, e := range elements {
		if e.mask&0xFF00 == 0 {
			open[key{e.creator, e.tag}] = e.vr
		}
	}
	for i, e := range elements {
		k := key{e.creator, e.tag &^ 0xFF00}
		if vr, ok := open[k]; !ok || vr == e.vr {
			elements[i].tag = k.tag
		}
	}
	return elements
}
