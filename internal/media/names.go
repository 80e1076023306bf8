package media

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// longestName is how many bytes a folder or a file may be called with: file systems take 255, and a number may follow.
const longestName = 200

// namer gives folders their names, as Orthanc 1.13.0 does: "PatientID - PatientName/Accession - StudyDescription/
// SeriesNumber - Modality - SeriesDescription". Unlike there no name can lead out of its folder, and two that a file
// system which folds case takes for one are told apart.
type namer struct {
	utf8   bool
	taken  map[string]int      // folders, folded; and how often a name was asked for
	folded map[index.ID]string // of patients and studies that have theirs
}

func newNamer(utf8 bool) *namer {
	return &namer{utf8: utf8, taken: map[string]int{}, folded: map[index.ID]string{}}
}

// folder is the folder of a series, with a slash at its end unless it is empty.
func (n *namer) folder(p *index.PatientRow, st *index.StudyRow, se *index.SeriesRow) string {
	patient := n.once(p.ID, "", "Unknown Patient", p.Tags, dicom.TagPatientID, dicom.TagPatientName)
	study := n.once(st.ID, patient, "Unknown Study", st.Tags, dicom.TagAccessionNumber, dicom.TagStudyDescription)
	return n.unique(study, n.compose("Unknown Series", se.Tags, dicom.TagSeriesNumber, dicom.TagModality, dicom.TagSeriesDescription))
}

// once is the folder of a resource that several series share.
func (n *namer) once(id index.ID, parent, unknown string, values index.Tags, tags ...dicom.Tag) string {
	path, known := n.folded[id]
	if !known {
		path = n.unique(parent, n.compose(unknown, values, tags...))
		n.folded[id] = path
	}
	return path
}

// compose joins the values that are there; unknown stands where there is none.
func (n *namer) compose(unknown string, values index.Tags, tags ...dicom.Tag) string {
	var parts []string
	for _, tag := range tags {
		if v, _ := values.Get(tag); v != "" {
			parts = append(parts, v)
		}
	}
	switch {
	case len(parts) == 0:
		return unknown
	case tags[0] == dicom.TagPatientID && len(parts) == 1 && missing(values, dicom.TagPatientID):
		parts = append([]string{""}, parts...) // Orthanc has "- NAME" for patients without an id
	}
	return n.clean(strings.Join(parts, " - "))
}

func missing(values index.Tags, tag dicom.Tag) bool {
	v, _ := values.Get(tag)
	return v == ""
}

// unique makes a folder in parent whose name nothing there has. A name of which nothing is left gives the parent itself
// to the first who asks, as in Orthanc.
func (n *namer) unique(parent, name string) string {
	if strings.HasSuffix(strings.ToLower(name), ".dcm") {
		name += "_" // a file of the parent may be called that
	}
	first := strings.ToLower(parent + "/" + name)
	for i := n.taken[first] + 1; ; i++ {
		candidate := name
		if i > 1 {
			candidate = fmt.Sprintf("%s-%d", name, i)
		}
		key := strings.ToLower(parent + "/" + candidate)
		if n.taken[key] > 0 {
			continue
		}
		n.taken[key] = 1
		n.taken[first] = i // the next one goes on from there
		if candidate == "" {
			return parent
		}
		return parent + candidate + "/"
	}
}

// file is the name of an instance in the folder of its series: two letters of the modality and the number in six digits.
func (n *namer) file(modality string, number uint32) string {
	switch head := strings.ToUpper(modality[:min(2, len(modality))]); len(head) {
	case 0:
		return fmt.Sprintf("%08d.dcm", number)
	case 1:
		return n.clean(fmt.Sprintf("%s%07d.dcm", head, number))
	default:
		return n.clean(fmt.Sprintf("%s%06d.dcm", head, number))
	}
}

// clean leaves of a text what may stand in a name: it drops what is not ASCII, unless UTF-8 is wanted, takes white space
// together, and puts a space where a file system has another use for a character.
func (n *namer) clean(text string) string {
	var b strings.Builder
	space := false
	for i, r := range text {
		switch {
		case r == '\n', n.utf8 && r < ' ', strings.ContainsRune(` "*/:<>?\|`, r):
			space = true
			continue
		case r < ' ', r >= 0x7F && r < 0xA0, r >= 0xA0 && !n.utf8, unicode.In(r, unicode.Bidi_Control),
			r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return harmless(b.String())
}

// harmless keeps a name from being more than one: dots and spaces at its end, which Windows drops, go, so that neither "."
// nor ".." is left; the names of devices are set apart; and it is cut where it is too long.
func harmless(name string) string {
	if len(name) > longestName {
		end := longestName
		for !utf8.RuneStart(name[end]) {
			end--
		}
		name = name[:end]
	}
	short := strings.TrimRight(name, ". ")
	switch {
	case short == "" && name != "":
		return "_"
	case isDevice(short):
		return "_" + short
	}
	return short
}

// isDevice reports whether Windows takes a name for that of a device, whatever follows a dot.
func isDevice(name string) bool {
	name, _, _ = strings.Cut(strings.ToUpper(name), ".")
	switch name = strings.TrimRight(name, " "); name {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	if digit, found := strings.CutPrefix(name, "COM"); found {
		return isPort(digit)
	}
	digit, found := strings.CutPrefix(name, "LPT")
	return found && isPort(digit)
}

func isPort(digit string) bool {
	switch digit {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return true
	}
	return false
}
