package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Size and multiplier of the hash table of tags: with 2^14 places for 5,200 tags most lookups hit at once.
const (
	slotBits       = 14
	slotMultiplier = 0x9E3779B1
)

// element is one row of tags.tsv or private-tags.tsv. Digits that may vary are zero in tag and in mask.
type element struct {
	tag, mask     uint32
	vr, vm        string
	keyword, name string
	retired       bool
}

func emitTags(s *source, rows [][]string) error {
	elements, err := parseTags(rows)
	if err != nil {
		return err
	}
	var exact int
	for exact < len(elements) && elements[exact].mask == 0xFFFFFFFF {
		exact++
	}
	var text lines
	var vms, vrs interned
	s.printf("\nvar tagRows = [...]row{\n")
	for _, e := range elements {
		if err := s.row(e, text.add(e.keyword, e.name), &vms, &vrs); err != nil {
			return err
		}
	}
	s.printf("{text: %d},\n}\n", text.Len())
	s.strings("tagVMs", vms.values)
	s.strings("tagVRTexts", vrs.values)
	s.families(elements, exact)
	s.slots(elements[:exact])
	s.keywords(elements)
	return s.text("tagText", &text)
}

// parseTags returns the elements in the order exact tags, then repeating groups by mask, each sorted by tag.
func parseTags(rows [][]string) ([]element, error) {
	var elements []element
	for _, r := range rows {
		tag, mask, err := parsePattern(r[0])
		if err != nil {
			return nil, err
		}
		elements = append(elements, element{tag, mask, r[1], r[2], r[3], r[4], r[5] != ""})
	}
	slices.SortFunc(elements, func(a, b element) int {
		return cmp.Or(cmp.Compare(b.mask, a.mask), cmp.Compare(a.tag, b.tag))
	})
	for i := 1; i < len(elements); i++ {
		if elements[i].tag == elements[i-1].tag && elements[i].mask == elements[i-1].mask {
			return nil, fmt.Errorf("tag %08X twice", elements[i].tag)
		}
	}
	return elements, nil
}

// parsePattern reads gggg,eeee where "x" stands for any digit.
func parsePattern(s string) (tag, mask uint32, err error) {
	if len(s) != 9 || s[4] != ',' {
		return 0, 0, fmt.Errorf("tag %q is not gggg,eeee", s)
	}
	for _, c := range s[:4] + s[5:] {
		tag, mask = tag<<4, mask<<4
		if c == 'x' {
			continue
		}
		digit, err := strconv.ParseUint(string(c), 16, 4)
		if err != nil {
			return 0, 0, fmt.Errorf("tag %q is not gggg,eeee", s)
		}
		tag, mask = tag|uint32(digit), mask|0xF
	}
	return tag, mask, nil
}

// row writes one element. Flag 1 is retired; the rest of the flags numbers the VR text where it is not simply the VR.
func (s *source) row(e element, text int, vms, vrs *interned) error {
	vm, err := vms.of(e.vm)
	if err != nil {
		return err
	}
	vr, err := reducedVR(e.vr)
	if err != nil {
		return err
	}
	if _, err := vrs.of(""); err != nil { // number 0: the VR itself
		return err
	}
	var flags int
	if e.vr != vr && vr != "" {
		if flags, err = vrs.of(strings.ReplaceAll(e.vr, "_", " or ")); err != nil {
			return err
		}
	}
	flags <<= 1
	if e.retired {
		flags |= 1
	}
	var code uint16
	if vr != "" {
		code = uint16(vr[0])<<8 | uint16(vr[1])
	}
	s.printf("{0x%08X, %d, 0x%04X, %d, %d},\n", e.tag, text, code, vm, flags)
	return nil
}

// reducedVR chooses one VR where the dictionary leaves a choice: what Implicit VR Little Endian uses
// for pixel, overlay and lookup table data (PS3.5 A.1), and the unsigned one of two numbers.
func reducedVR(text string) (string, error) {
	switch text {
	case "NONE":
		return "", nil
	case "OB or OW", "OB_OW", "US or OW", "US or SS or OW":
		return "OW", nil
	case "US or SS":
		return "US", nil
	}
	if len(text) != 2 {
		return "", fmt.Errorf("VR %q is not understood", text)
	}
	return text, nil
}

// families writes the masks of repeating groups and where their rows stand.
func (s *source) families(elements []element, from int) {
	s.printf("\nconst exactTags = %d\n\nvar families = [...]family{\n", from)
	for from < len(elements) {
		to := from
		for to < len(elements) && elements[to].mask == elements[from].mask {
			to++
		}
		s.printf("{0x%08X, %d, %d},\n", elements[from].mask, from, to)
		from = to
	}
	s.printf("}\n")
}

// slots writes the hash table: row number + 1, 0 for an empty place.
func (s *source) slots(exact []element) {
	slots := make([]int, 1<<slotBits)
	for i, e := range exact {
		h := e.tag * slotMultiplier >> (32 - slotBits)
		for slots[h] != 0 {
			h = (h + 1) % uint32(len(slots))
		}
		slots[h] = i + 1
	}
	s.printf("\nconst (\nslotBits = %d\nslotMultiplier = 0x%X\n)\n", slotBits, slotMultiplier)
	s.numbers("tagSlots", slots)
}

// keywords writes the row numbers in the order of the keywords.
func (s *source) keywords(elements []element) {
	var order []int
	for i, e := range elements {
		if e.keyword != "" {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(elements[a].keyword, elements[b].keyword) })
	s.numbers("keywordOrder", order)
}
