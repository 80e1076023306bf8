package rest

import (
	"slices"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/storage/index"
)

// form is how tags are asked for: ?full and ?short, by their mere presence; else by their names.
func (c *Call) form() dicomjson.Format {
	arguments := c.Request.URL.Query()
	switch {
	case arguments.Has("short"):
		return dicomjson.Short
	case arguments.Has("full"):
		return dicomjson.Full
	}
	return dicomjson.Simplified
}

// expand reads ?expand, ?expand=true and ?expand=false; missing says what holds without it.
func (c *Call) expand(missing bool) (bool, error) {
	values, given := c.Request.URL.Query()["expand"]
	if !given {
		return missing, nil
	}
	value := values[len(values)-1]
	switch value {
	case "", "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, fail(statusParameterOutOfRange, "Expected a Boolean for GET argument \"expand\", found: %.60s", value)
}

// requestedTags reads ?requested-tags=a;b, which older releases of Orthanc spell requestedTags.
func (s *Server) requestedTags(c *Call) ([]dicom.Tag, error) {
	arguments := c.Request.URL.Query()
	text := arguments.Get("requestedTags")
	if arguments.Has("requested-tags") {
		text = arguments.Get("requested-tags")
	}
	var tags []dicom.Tag
	for name := range strings.SplitSeq(text, ";") {
		if name == "" {
			continue
		}
		tag, ok := s.parseTag(name)
		if !ok {
			return nil, fail(statusBadRequest, "Invalid requested-tags argument: Unknown DICOM tag %.80s", name)
		}
		tags = append(tags, tag)
	}
	return checkRequested(tags)
}

// checkRequested leaves out the tags that were asked for before, and bounds how many there are.
func checkRequested(tags []dicom.Tag) ([]dicom.Tag, error) {
	tags = distinct(tags)
	if len(tags) > maxRequested {
		return nil, fail(statusParameterOutOfRange, "At most %d tags can be requested at once, found: %d", maxRequested, len(tags))
	}
	return tags, nil
}

// distinct leaves out what comes again in a list.
func distinct[T comparable](list []T) []T {
	seen := make(map[T]struct{}, len(list))
	return slices.DeleteFunc(list, func(v T) bool {
		_, twice := seen[v]
		seen[v] = struct{}{}
		return twice
	})
}

// parseTag reads the name or the number of a tag: "PatientName", "0010,0010", "0010-0010", "00100010".
func (s *Server) parseTag(name string) (dicom.Tag, bool) {
	if tag, err := dicom.ParseTag(strings.Replace(name, "-", ",", 1)); err == nil {
		return tag, true
	}
	entry, ok := s.Dictionary.LookupKeyword(name)
	return entry.Tag, ok
}

// shown reads what a list is to show of each resource. plain is true if nothing but the ids is asked for.
func (s *Server) shown(c *Call, expandedByDefault bool) (sh shown, plain bool, err error) {
	expand, err := c.expand(expandedByDefault)
	if err != nil {
		return sh, false, err
	}
	sh = shown{content: contentDefault, form: c.form()}
	if arguments := c.Request.URL.Query(); arguments.Has("response-content") {
		if sh.content, err = parseContent(strings.Split(arguments.Get("response-content"), ";")); err != nil {
			return sh, false, err
		}
		expand = true
	}
	sh.tags, err = s.requestedTags(c)
	return sh, !expand, err
}

// parseLevel reads the name of a level: "Study", "study", "Studies", "studies".
func parseLevel(name string) (index.Level, bool) {
	switch strings.ToLower(name) {
	case "patient", "patients":
		return index.Patient, true
	case "study", "studies":
		return index.Study, true
	case "series":
		return index.Series, true
	case "instance", "instances", "image", "images":
		return index.Instance, true
	}
	return 0, false
}
