// Package dict knows what PS3.6 and the dictionaries of private elements say about tags and UIDs.
//
// The tables are arrays and strings laid out by the linker: nothing is built at start-up and look-ups do not
// allocate. gendict writes them from the tables beside the module.
package dict

//go:generate go run gantry/internal/tools/gendict -reference ../../../../shared/reference -out .

import (
	"sort"
	"strings"

	"gantry/internal/dicom"
)

// Entry is what the dictionary says about an element.
type Entry struct {
	Tag     dicom.Tag // the one that was asked for; of a repeating group looked up by keyword, its first
	VR      dicom.VR  // where the dictionary leaves a choice, the one that VRFor chooses
	VRText  string    // as the dictionary has it, "US or SS"; "" for items and delimiters
	VM      string    // as the dictionary has it, "1", "2-2n"
	Keyword string    // "PatientName"; "" for private elements
	Name    string    // "Patient's Name"; "" where a private dictionary does not know it
	Retired bool
}

// Lookup returns the entry of a standard element, of repeating groups too (PS3.5 7.6).
func Lookup(t dicom.Tag) (Entry, bool) {
	i, ok := find(t)
	if !ok {
		return Entry{}, false
	}
	return tagEntry(i, t), true
}

// LookupKeyword returns the entry of a standard element by its keyword, in the standard's spelling.
func LookupKeyword(keyword string) (Entry, bool) {
	n := sort.Search(len(keywordOrder), func(n int) bool {
		return keywordAt(int(keywordOrder[n])) >= keyword
	})
	if n == len(keywordOrder) || keywordAt(int(keywordOrder[n])) != keyword {
		return Entry{}, false
	}
	i := int(keywordOrder[n])
	return tagEntry(i, dicom.Tag(tagRows[i].tag)), true
}

// VRFor returns the VR an element has in Implicit VR Little Endian: the dictionary's; OW where it leaves a choice
// with OB or US, US where the choice is with SS; UL for group lengths, LO for private creators, VRNone for items
// and delimiters, UN for all others (PS3.5 6.2.2, A.1).
func VRFor(t dicom.Tag) dicom.VR {
	if t.IsGroupLength() && t.Group() != itemGroup {
		return dicom.VRUL
	}
	if t.IsPrivate() {
		if t.IsPrivateCreator() {
			return dicom.VRLO
		}
		return dicom.VRUN
	}
	if i, ok := find(t); ok {
		return dicom.VR(tagRows[i].vr)
	}
	return dicom.VRUN
}

const itemGroup = 0xFFFE

// row is an element in the tables: the offset of its text, its VR, the number of its VM, and flags.
// A last row without element marks the end of the text.
type row struct {
	tag   uint32
	text  uint32
	vr    uint16
	vm    uint8
	flags uint8 // bit 0: retired; above: number of the VR text, 0 for that of the VR
}

// family is a set of repeating groups or elements: rows [from,to) stand for all tags equal under the mask.
type family struct {
	mask     uint32
	from, to int
}

// find returns the number of the row of a standard element.
func find(t dicom.Tag) (int, bool) {
	h := uint32(t) * slotMultiplier >> (32 - slotBits)
	for tagSlots[h] != 0 {
		if i := int(tagSlots[h]) - 1; tagRows[i].tag == uint32(t) {
			return i, true
		}
		h = (h + 1) % uint32(len(tagSlots))
	}
	switch t.Group() >> 8 {
	case 0x00, 0x10, 0x50, 0x60, 0x7F:
		return findRepeating(t)
	}
	return 0, false
}

func findRepeating(t dicom.Tag) (int, bool) {
	if t.IsPrivate() {
		return 0, false
	}
	for _, f := range families {
		want := uint32(t) & f.mask
		i := f.from + sort.Search(f.to-f.from, func(n int) bool { return tagRows[f.from+n].tag >= want })
		if i < f.to && tagRows[i].tag == want {
			return i, true
		}
	}
	return 0, false
}

func tagEntry(i int, t dicom.Tag) Entry {
	r := tagRows[i]
	keyword, name, _ := strings.Cut(tagText[r.text:tagRows[i+1].text-1], "\t")
	return Entry{
		Tag: t, VR: dicom.VR(r.vr), VRText: r.vrText(tagVRTexts[:]), VM: tagVMs[r.vm],
		Keyword: keyword, Name: name, Retired: r.flags&1 != 0,
	}
}

func keywordAt(i int) string {
	keyword, _, _ := strings.Cut(tagText[tagRows[i].text:], "\t")
	return keyword
}

func (r row) vrText(texts []string) string {
	if n := r.flags >> 1; n > 0 {
		return texts[n]
	}
	return dicom.VR(r.vr).String()
}
