package rest

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/jsonout"
	"gantry/internal/query"
	"gantry/internal/storage/index"
)

// renderer writes resources as JSON, the fields in the order of their names as Orthanc has them.
type renderer struct {
	shown
	s     *Server
	w     *jsonout.Writer
	level index.Level
}

// childrenName and parentName are the fields with the neighbours of a resource.
var (
	childrenName = [...]string{index.Patient: "Studies", index.Study: "Series", index.Series: "Instances"}
	parentName   = [...]string{index.Study: "ParentPatient", index.Series: "ParentStudy", index.Instance: "ParentSeries"}
)

// resource writes one result.
func (r *renderer) resource(found *query.Result) {
	w, c := r.w, r.content
	w.Object()
	if c&contentAttachments != 0 {
		w.Key("Attachments")
		r.attachments(found)
	}
	if r.level == index.Series && c&contentSummary != 0 {
		w.Key("ExpectedNumberOfInstances")
		r.number(found.Expected, found.Expected > 0)
	}
	if r.level == index.Instance && c&contentSummary != 0 && found.Instance != nil {
		r.field("FileSize").Int(found.Instance.Blob.PlainSize())
		r.field("FileUuid").String(uuid.UUID(found.Instance.Blob.Key).String())
	}
	r.field("ID").String(found.ID.String())
	if r.level == index.Instance && c&contentSummary != 0 && found.Instance != nil {
		n, err := strconv.ParseInt(found.Instance.IndexInSeries, 10, 64)
		w.Key("IndexInSeries")
		r.number(n, err == nil)
	}
	if r.level == index.Series && c&contentChildren != 0 {
		r.children(found)
	}
	if r.level == index.Patient && c&contentProtected != 0 {
		r.field("IsProtected").Bool(found.Protected)
	}
	if r.level < index.Instance && c&contentStable != 0 {
		r.field("IsStable").Bool(found.Stable)
	}
	if c&contentLabels != 0 {
		r.field("Labels").Strings(found.Labels)
	}
	if r.level < index.Instance && c&contentSummary != 0 {
		r.field("LastUpdate").String(isoTime(found.LastUpdate))
	}
	if c&contentMainTags != 0 {
		w.Key("MainDicomTags")
		r.tags(found.Tags)
	}
	if c&contentMetadata != 0 {
		w.Key("Metadata")
		r.metadata(found)
	}
	r.rest(found)
	w.EndObject()
}

// rest writes what comes behind the metadata in the order of names.
func (r *renderer) rest(found *query.Result) {
	w, c := r.w, r.content
	if r.level > index.Patient && c&contentParent != 0 {
		r.field(parentName[r.level]).String(found.Parent.String())
	}
	if r.level == index.Study && c&contentMainTags != 0 {
		w.Key("PatientMainDicomTags")
		r.tags(found.Above[index.Patient])
	}
	if len(r.shown.tags) > 0 {
		w.Key("RequestedTags")
		r.requested(found)
	}
	if r.level == index.Study && c&contentChildren != 0 {
		r.children(found)
	}
	if r.level == index.Series && c&contentStatus != 0 {
		r.field("Status").String(found.Status)
	}
	if r.level == index.Patient && c&contentChildren != 0 {
		r.children(found)
	}
	r.field("Type").String(r.level.String())
}

// field begins a member.
func (r *renderer) field(name string) *jsonout.Writer {
	r.w.Key(name)
	return r.w
}

func (r *renderer) number(n int64, known bool) {
	if known {
		r.w.Int(n)
	} else {
		r.w.Null()
	}
}

func (r *renderer) children(found *query.Result) {
	r.w.Key(childrenName[r.level])
	r.w.Array()
	for _, id := range found.Children {
		r.w.String(id.String())
	}
	r.w.EndArray()
}

// tags writes main DICOM tags in the form that was asked for.
func (r *renderer) tags(tags index.Tags) {
	r.w.Object()
	if r.form == dicomjson.Simplified {
		var room [32]namedTag
		for _, t := range r.named(tags, room[:0]) {
			r.w.Key(t.name)
			r.tag(t.tag, t.value)
		}
	} else {
		for _, t := range tags {
			r.w.Key(tagNumber(t.Tag))
			r.tag(t.Tag, t.Value)
		}
	}
	r.w.EndObject()
}

type namedTag struct {
	tag         dicom.Tag
	name, value string
}

// named gives tags by their names, sorted.
func (r *renderer) named(tags index.Tags, to []namedTag) []namedTag {
	for _, t := range tags {
		to = append(to, namedTag{t.Tag, r.s.tagName(t.Tag), t.Value})
	}
	slices.SortFunc(to, func(a, b namedTag) int { return cmp.Compare(a.name, b.name) })
	return to
}

// tag writes the value of a tag, with its name and type in the full form.
func (r *renderer) tag(t dicom.Tag, value string) {
	if items, ok := r.s.mainSequence(t, value); ok {
		r.w.Value(r.s.sequence(t, items, r.form))
		return
	}
	if r.form != dicomjson.Full {
		r.w.String(value)
		return
	}
	r.w.Object()
	r.field("Name").String(r.s.tagName(t))
	r.field("Type").String("String")
	r.field("Value").String(value)
	r.w.EndObject()
}

// tagNumber writes a tag as "gggg,eeee".
func tagNumber(t dicom.Tag) string {
	const digits = "0123456789abcdef"
	b := [9]byte{4: ','}
	for i, at := range [...]int{0, 1, 2, 3, 5, 6, 7, 8} {
		b[at] = digits[t>>(28-4*i)&15]
	}
	return string(b[:])
}

// tagName is the name under which Orthanc shows a tag.
func (s *Server) tagName(t dicom.Tag) string {
	const otherPatientIDs dicom.Tag = 0x00101000 // retired, and a main DICOM tag of Orthanc
	entry, ok := s.Dictionary.Lookup(t)
	switch {
	case t.IsPrivateCreator():
		return "PrivateCreator"
	case !ok || entry.Keyword == "" && entry.Name == "":
		return "Unknown Tag & Data"
	case entry.Keyword == "":
		return entry.Name
	case entry.Retired && t != otherPatientIDs:
		return "RETIRED_" + entry.Keyword
	}
	return entry.Keyword
}

// isoTime writes a time the way Orthanc's metadata do: UTC, whole seconds.
func isoTime(t time.Time) string { return t.UTC().Format("20060102T150405") }

// list makes an empty list of nil, so that JSON shows [] and not null.
func list(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}
