package dict

import (
	"sort"
	"strings"

	"gantry/internal/dicom"
)

// creatorRow is a private creator in the tables: the offset of its name and its first row in privateRows.
// A last row without creator marks the end.
type creatorRow struct {
	name  uint32
	first uint32
}

// LookupPrivate returns the entry of a private element by the value of its private creator element, padding ignored.
// The number of the block that the creator reserved plays no part (PS3.5 7.8.1).
func LookupPrivate(creator string, t dicom.Tag) (Entry, bool) {
	if _, ok := t.Creator(); !ok {
		return Entry{}, false
	}
	from, to, ok := creatorRange(strings.Trim(creator, " \x00"))
	if !ok {
		return Entry{}, false
	}
	inAnyBlock := uint32(t) &^ 0xFF00
	inAnyGroup := inAnyBlock &^ 0xFF0000
	for _, want := range [...]uint32{uint32(t), inAnyBlock, inAnyGroup} {
		i := from + sort.Search(to-from, func(n int) bool { return privateRows[from+n].tag >= want })
		if i < to && privateRows[i].tag == want {
			return privateEntry(i, t), true
		}
	}
	return Entry{}, false
}

func creatorRange(creator string) (from, to int, ok bool) {
	n := len(creatorRows) - 1
	c := sort.Search(n, func(i int) bool { return creatorName(i) >= creator })
	if c == n || creatorName(c) != creator {
		return 0, 0, false
	}
	return int(creatorRows[c].first), int(creatorRows[c+1].first), true
}

func creatorName(i int) string { return creatorText[creatorRows[i].name : creatorRows[i+1].name-1] }

func privateEntry(i int, t dicom.Tag) Entry {
	r := privateRows[i]
	return Entry{
		Tag: t, VR: dicom.VR(r.vr), VRText: r.vrText(privateVRTexts[:]), VM: privateVMs[r.vm],
		Name: privateText[r.text : privateRows[i+1].text-1],
	}
}
