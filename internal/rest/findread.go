package rest

import (
	"encoding/json"
	"errors"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/jobs"
	"gantry/internal/query"
	"gantry/internal/storage/index"
)

// What a search may ask at once.
const (
	maxConditions = 200
	maxNesting    = 16     // of conditions on sequences
	maxValues     = 20_000 // of one condition
	maxPattern    = 1000   // bytes of one with wildcards
	maxRequested  = 500    // tags to be shown
)

func readLevel(b *findBody, q *query.Query) error {
	var name string
	if text, given := b.fields["Level"]; !given || json.Unmarshal(text, &name) != nil {
		return fail(statusBadRequest, "Field \"Level\" is missing, or should be a string")
	}
	if _, given := b.fields["Query"]; !given {
		return fail(statusBadRequest, "Field \"Query\" is missing, or should be a JSON object")
	}
	level, ok := parseLevel(name)
	if !ok {
		return fail(statusParameterOutOfRange, "Invalid resource type '%.40s'", name)
	}
	q.Level = level
	return nil
}

// readQuery reads the conditions on tags.
func (s *Server) readQuery(b *findBody, q *query.Query) error {
	var fields map[string]json.RawMessage
	if json.Unmarshal(b.fields["Query"], &fields) != nil || fields == nil {
		return fail(statusBadRequest, "Field \"Query\" is missing, or should be a JSON object")
	}
	caseSensitive := s.Config.CaseSensitivePN
	if _, given := b.fields["CaseSensitive"]; given {
		var err error
		if caseSensitive, err = b.flag("CaseSensitive"); err != nil {
			return err
		}
	}
	var err error
	q.Conditions, err = s.conditions(fields, caseSensitive, 0)
	return err
}

func (s *Server) conditions(fields map[string]json.RawMessage, caseSensitive bool, depth int) ([]query.Condition, error) {
	if depth > maxNesting {
		return nil, fail(statusParameterOutOfRange, "A query has sequences in at most %d others", maxNesting-1)
	}
	if len(fields) > maxConditions {
		return nil, fail(statusParameterOutOfRange, "A query has at most %d conditions, found: %d", maxConditions, len(fields))
	}
	var list []query.Condition
	for name, value := range fields {
		tag, ok := s.parseTag(name)
		if !ok {
			return nil, fail(statusUnknownTag, noTag, name)
		}
		c, ok, err := s.condition(tag, name, value, caseSensitive, depth)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, c)
		}
	}
	return list, nil
}

// condition reads one. That on a sequence is an object with conditions on one of its items, or a list of one.
func (s *Server) condition(tag dicom.Tag, name string, value json.RawMessage, caseSensitive bool, depth int) (c query.Condition,
	ok bool, err error) {
	vr := s.Dictionary.VRFor(tag)
	c.Tag = tag
	if item, ok := sequenceItem(value); ok && vr == dicom.VRSQ {
		c.Items, err = s.conditions(item, caseSensitive, depth+1)
		return c, len(c.Items) > 0, err
	}
	text, ok := jsonText(value)
	if !ok {
		return c, false, fail(statusBadRequest, "Tag %q must be associated with a string", name)
	}
	c.Match, ok, err = query.NewMatch(tag, vr, text, caseSensitive)
	var bad *query.BadConditionError
	if errors.As(err, &bad) {
		code := statusParameterOutOfRange
		if bad.Type {
			code = statusBadParameterType
		}
		return c, false, fail(code, "%s", bad.Reason)
	}
	if err == nil {
		err = checkMatch(name, &c.Match)
	}
	return c, ok, err
}

// checkMatch refuses a condition that would take too long to hold against what is stored.
func checkMatch(name string, m *index.Match) error {
	switch {
	case len(m.Values) > maxValues:
		return fail(statusParameterOutOfRange, "A condition lists at most %d values, found in %.80q: %d", maxValues, name, len(m.Values))
	case m.Kind == index.Wild && len(m.Values[0]) > maxPattern:
		return fail(statusParameterOutOfRange, "A pattern has at most %d bytes, found in %.80q: %d", maxPattern, name, len(m.Values[0]))
	}
	return nil
}

// sequenceItem reads an object, or a list with one.
func sequenceItem(value json.RawMessage) (item map[string]json.RawMessage, ok bool) {
	if json.Unmarshal(value, &item) == nil && item != nil {
		return item, true
	}
	var list []map[string]json.RawMessage
	if json.Unmarshal(value, &list) == nil && len(list) == 1 && list[0] != nil {
		return list[0], true
	}
	return nil, false
}

func jsonText(value json.RawMessage) (text string, ok bool) {
	return text, string(value) != "null" && json.Unmarshal(value, &text) == nil
}

// readParents reads the resources below which is searched. One that is no id is above nothing.
func readParents(b *findBody, q *query.Query) error {
	for _, p := range []struct {
		name  string
		level index.Level
	}{{"ParentPatient", index.Patient}, {"ParentStudy", index.Study}, {"ParentSeries", index.Series}} {
		var text string
		given, err := b.read(p.name, "a string", &text)
		if err != nil {
			return err
		}
		if !given {
			continue
		}
		if p.level > q.Level {
			return fail(jobs.CodeSequence, "Field %q is below the level %v", p.name, q.Level)
		}
		id, err := index.ParseID(text)
		if err != nil {
			b.nothing = true
			continue
		}
		q.Within = append(q.Within, index.Resource{Level: p.level, ID: id})
	}
	return nil
}

func (s *Server) readMetadataQuery(b *findBody, q *query.Query) error {
	var fields map[string]json.RawMessage
	if _, err := b.read("MetadataQuery", "an JSON object", &fields); err != nil {
		return err
	}
	if len(fields) > maxConditions {
		return fail(statusParameterOutOfRange, "A query has at most %d conditions, found: %d", maxConditions, len(fields))
	}
	for name, value := range fields {
		number, ok := s.metadataNumber(name)
		if !ok {
			return fail(jobs.CodeInexistent, "Unknown metadata: %.80s", name)
		}
		text, ok := jsonText(value)
		if !ok {
			return fail(statusBadRequest, "Tag %q must be associated with a string", name)
		}
		m, ok, err := query.NewMatch(0, dicom.VRLO, text, false)
		if err == nil {
			err = checkMatch(name, &m)
		}
		if err != nil {
			return err
		}
		if ok {
			q.Metadata = append(q.Metadata, index.MetadataCriterion{Number: number, Match: m})
		}
	}
	return nil
}

func readLabels(b *findBody, q *query.Query) (err error) {
	if q.Labels, _, err = b.texts("Labels", "an array of strings"); err != nil {
		return err
	}
	if len(q.Labels) > maxConditions {
		return fail(statusParameterOutOfRange, "A query has at most %d labels, found: %d", maxConditions, len(q.Labels))
	}
	var rule string
	if given, err := b.read("LabelsConstraint", "an array of strings", &rule); err != nil || !given {
		return err
	}
	switch rule {
	case "All":
		q.LabelRule = index.AllLabels
	case "Any":
		q.LabelRule = index.AnyLabel
	case "None":
		q.LabelRule = index.NoLabel
	default:
		return fail(statusBadRequest, "Field \"LabelsConstraint\" must be \"All\", \"Any\", or \"None\"")
	}
	return nil
}

// maxOrders bounds the keys to sort by.
const maxOrders = 16

func (s *Server) readOrder(b *findBody, q *query.Query) error {
	var list []struct{ Type, Key, Direction string }
	if _, err := b.read("OrderBy", "an array", &list); err != nil {
		return err
	}
	if len(list) > maxOrders {
		return fail(statusParameterOutOfRange, "A query is sorted by at most %d keys, found: %d", maxOrders, len(list))
	}
	for _, o := range list {
		order := index.Order{Level: q.Level, Desc: strings.EqualFold(o.Direction, "DESC")}
		if !order.Desc && !strings.EqualFold(o.Direction, "ASC") {
			return fail(statusBadRequest, "Field \"Direction\" must be \"ASC\" or \"DESC\"")
		}
		switch kind, as := strings.CutSuffix(o.Type, "AsInt"); {
		case as:
			order.As, o.Type = index.AsInt, kind
		default:
			if kind, as := strings.CutSuffix(o.Type, "AsFloat"); as {
				order.As, o.Type = index.AsFloat, kind
			}
		}
		if err := s.orderKey(o.Type, o.Key, &order); err != nil {
			return err
		}
		q.Order = append(q.Order, order)
	}
	return nil
}

func (s *Server) orderKey(kind, key string, order *index.Order) error {
	switch kind {
	case "DicomTag":
		tag, ok := s.parseTag(key)
		if !ok {
			return fail(statusUnknownTag, noTag, key)
		}
		level, ok := s.engine().LevelOf(tag, order.Level)
		if _, computed := index.Computed(tag); !ok || computed || level > order.Level {
			return fail(statusParameterOutOfRange, "Results at this level cannot be sorted by %.80s: it is not in the index", key)
		}
		order.Level, order.Tag = level, tag
	case "Metadata":
		number, ok := s.metadataNumber(key)
		if !ok {
			return fail(jobs.CodeInexistent, "Unknown metadata: %.80s", key)
		}
		order.Metadata = number
	default:
		return fail(statusBadRequest, "Field \"Type\" must be \"DicomTag\", \"DicomTagAsInt\", \"DicomTagAsFloat\" or "+
			"\"Metadata\", \"MetadataAsInt\", \"MetadataAsFloat\"")
	}
	return nil
}
