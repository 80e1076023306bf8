package query

import (
	"fmt"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// Condition is a matching key (PS3.4 C.2.2.2): a tag and what its value must be, or of a sequence, what one of its items
// must be.
type Condition struct {
	Tag   dicom.Tag
	Match index.Match
	Items []Condition // of a sequence: all of them hold for one item; Match is not used
}

// BadConditionError says why a text is no condition on a tag.
type BadConditionError struct {
	Tag    dicom.Tag
	Reason string
	Type   bool // the tag cannot have a text at all
}

func (e *BadConditionError) Error() string { return "query: " + e.Reason }

// NewMatch reads the text of a condition on a value: a list parted by backslashes, a range of dates or times, a pattern
// with * and ?, or a single value. ok is false for one that asks nothing (universal matching).
//
// Error: *BadConditionError where the VR has no wildcards.
func NewMatch(tag dicom.Tag, vr dicom.VR, text string, caseSensitive bool) (m index.Match, ok bool, err error) {
	m = index.Match{Kind: index.Equal, Values: []string{text}, CaseSensitive: caseSensitive}
	switch {
	case text == "":
		return m, false, nil
	case vr == dicom.VRSQ && !strings.ContainsAny(text, "*?"):
		return m, false, &BadConditionError{Tag: tag, Type: true, Reason: fmt.Sprintf("%s is a sequence: give an object with conditions on its items", name(tag))}
	case strings.Contains(text, "-") && isTime(vr) && !strings.ContainsAny(text, "*?"):
		m.Kind, m.Values = index.Between, nil
		m.Low, m.High, _ = strings.Cut(text, "-")
		return m, m.Low != "" || m.High != "", nil
	case strings.Contains(text, `\`):
		m.Values = strings.Split(text, `\`)
	case text == "*" && hasWildcards(vr):
		m.Kind, m.Values = index.Present, nil
	case strings.ContainsAny(text, "*?"):
		if !hasWildcards(vr) {
			return m, false, &BadConditionError{Tag: tag, Reason: "Wildcards are not allowed on tag " + name(tag)}
		}
		m.Kind = index.Wild
	}
	return m, true, nil
}

// name writes a tag as Orthanc does.
func name(t dicom.Tag) string { return strings.ToLower(strings.Trim(t.String(), "()")) }

func isTime(vr dicom.VR) bool { return vr == dicom.VRDA || vr == dicom.VRTM || vr == dicom.VRDT }

// hasWildcards tells the VRs whose values match patterns (PS3.4 C.2.2.2.4).
func hasWildcards(vr dicom.VR) bool {
	switch vr {
	case dicom.VRDA, dicom.VRTM, dicom.VRDT, dicom.VRUI, dicom.VRSQ, dicom.VRAS, dicom.VRAT, dicom.VRDS, dicom.VRIS,
		dicom.VRFL, dicom.VRFD, dicom.VRSL, dicom.VRSS, dicom.VRSV, dicom.VRUL, dicom.VRUS, dicom.VRUV,
		dicom.VROB, dicom.VROD, dicom.VROF, dicom.VROL, dicom.VROV, dicom.VROW, dicom.VRUN:
		return false
	}
	return true
}
