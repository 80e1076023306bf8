package rest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/query"
	"gantry/internal/storage/index"
)

// engine is what searches the store.
func (s *Server) engine() *query.Engine {
	return &query.Engine{Store: s.Store, NoFiles: s.Config.StorageAccessOnFind == "Never", Charset: s.charset(),
		Dictionary: s.Dictionary}
}

// request fills in what a query has to read for what is to be shown.
func (s *Server) request(q *query.Query, sh *shown) {
	q.Want, q.FileForm = sh.want(q.Level), sh.form
	e := s.engine()
	for _, t := range sh.tags {
		switch level, how := sourceOf(e, t, q.Level); {
		case how == fromIndex && level == q.Level:
			q.Want |= index.WantTags
		case how == fromIndex:
			q.Want |= index.WantTags | index.WantAbove
		case how == fromFile:
			q.FileTags = append(q.FileTags, t)
		case how == fromNowhere || t == tagInstanceAvailability: // nothing has to be read
		case t == index.TagModalitiesInStudy:
			q.Want |= index.WantModalities
		case t == index.TagSOPClassesInStudy:
			q.Want |= index.WantClasses
		case t == index.TagSOPClassUID:
			q.Want |= index.WantInstance
		default:
			q.Want |= index.WantCounts
		}
	}
}

// tagInstanceAvailability is Instance Availability (0008,0056) (PS3.3 C.4.23.1.1).
const tagInstanceAvailability dicom.Tag = 0x00080056

// source is where the value of a requested tag comes from.
type source uint8

const (
	fromIndex source = iota
	fromBelow        // computed from what lies below
	fromFile
	fromNowhere
)

func sourceOf(e *query.Engine, t dicom.Tag, level index.Level) (index.Level, source) {
	l, computed := index.Computed(t)
	if t == tagInstanceAvailability {
		l, computed = index.Instance, true
	}
	if computed && l == level {
		return l, fromBelow
	}
	if l, ok := e.LevelOf(t, level); ok && !computed && l <= level {
		return l, fromIndex
	}
	if t.Group() <= 2 || e.NoFiles || t == tagInstanceAvailability || t == index.TagModalitiesInStudy || t == index.TagSOPClassesInStudy {
		return 0, fromNowhere
	}
	return 0, fromFile
}

// member is one of the requested tags: a text, or JSON from the file.
type member struct {
	tag  dicom.Tag
	key  string
	text string
	json json.RawMessage
}

// requested writes the tags that were asked for. Main DICOM tags and computed ones that the resource has not are left
// out; of those that are read from a file it is shown that they are missing.
func (r *renderer) requested(found *query.Result) {
	e := r.s.engine()
	var inFile map[string]json.RawMessage
	if len(found.File) > 0 && json.Unmarshal(found.File, &inFile) != nil {
		inFile = nil
	}
	var members []member
	for _, t := range r.shown.tags {
		m := member{tag: t, key: r.s.tagName(t)}
		if r.form != dicomjson.Simplified {
			m.key = tagNumber(t)
		}
		known := true
		switch level, how := sourceOf(e, t, r.level); how {
		case fromIndex:
			m.text, known = tagsAt(found, r.level, level).Get(t)
		case fromBelow:
			m.text, known = computedText(t, found)
		case fromFile:
			if m.json = inFile[m.key]; m.json == nil {
				m.json, known = r.missing(t), !r.isMain(t)
			}
		default:
			known = false
		}
		if known && !slices.ContainsFunc(members, func(o member) bool { return o.key == m.key }) {
			members = append(members, m)
		}
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.key, b.key) })
	r.w.Object()
	for _, m := range members {
		r.w.Key(m.key)
		if m.json != nil {
			r.w.Raw(m.json)
		} else {
			r.tag(m.tag, m.text)
		}
	}
	r.w.EndObject()
}

func tagsAt(found *query.Result, level, at index.Level) index.Tags {
	if at == level {
		return found.Tags
	}
	return found.Above[at]
}

// isMain tells whether the index keeps a tag at the level of the resources or above it.
func (r *renderer) isMain(t dicom.Tag) bool {
	for level := index.Patient; level <= r.level; level++ {
		if slices.Contains(r.s.Store.MainTags(level), t) {
			return true
		}
	}
	return false
}

// missing is the JSON of a tag that the file has not.
func (r *renderer) missing(t dicom.Tag) json.RawMessage {
	if r.form == dicomjson.Full {
		return json.RawMessage(`{"Name":` + strconv.Quote(r.s.tagName(t)) + `,"Type":"Null","Value":null}`)
	}
	return json.RawMessage("null")
}

// computedText is the value of a computed tag of a resource.
func computedText(t dicom.Tag, found *query.Result) (string, bool) {
	count := func(n int64) (string, bool) { return strconv.FormatInt(n, 10), true }
	switch t {
	case tagInstanceAvailability:
		return "ONLINE", true
	case index.TagModalitiesInStudy:
		return strings.Join(found.Modalities, `\`), true
	case index.TagSOPClassesInStudy:
		return strings.Join(found.Classes, `\`), true
	case index.TagNumberOfPatientRelatedStudies:
		return count(found.Counts.Studies)
	case index.TagNumberOfPatientRelatedSeries, index.TagNumberOfStudyRelatedSeries:
		return count(found.Counts.Series)
	case index.TagNumberOfPatientRelatedInstances, index.TagNumberOfStudyRelatedInstances,
		index.TagNumberOfSeriesRelatedInstances:
		return count(found.Counts.Instances)
	case index.TagSOPClassUID:
		if found.Instance != nil {
			return string(found.Instance.SOPClassUID), true
		}
	}
	return "", false
}
