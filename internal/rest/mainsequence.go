package rest

import (
	"encoding/json"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/storage/index"
)

// mainSequence reads a main DICOM tag that is a sequence, which the index keeps as JSON in the short form.
func (s *Server) mainSequence(t dicom.Tag, value string) (items []map[string]any, ok bool) {
	if value == "" || value[0] != '[' || s.Dictionary.VRFor(t) != dicom.VRSQ {
		return nil, false
	}
	return items, json.Unmarshal([]byte(value), &items) == nil
}

// sequence gives a sequence in one of the forms of tags.
func (s *Server) sequence(t dicom.Tag, items []map[string]any, form dicomjson.Format) any {
	list := make([]any, len(items))
	for i, item := range items {
		list[i] = s.sequenceItem(item, form)
	}
	if form != dicomjson.Full {
		return list
	}
	return map[string]any{"Name": s.tagName(t), "Type": "Sequence", "Value": list}
}

func (s *Server) sequenceItem(item map[string]any, form dicomjson.Format) map[string]any {
	shown := map[string]any{}
	for number, value := range item {
		tag, err := dicom.ParseTag(number)
		if err != nil {
			continue
		}
		if form == dicomjson.Simplified {
			number = s.tagName(tag)
		}
		shown[number] = s.sequenceValue(tag, value, form)
	}
	return shown
}

func (s *Server) sequenceValue(tag dicom.Tag, value any, form dicomjson.Format) any {
	if nested, ok := value.([]any); ok {
		var items []map[string]any
		for _, n := range nested {
			if item, ok := n.(map[string]any); ok {
				items = append(items, item)
			}
		}
		return s.sequence(tag, items, form)
	}
	if form != dicomjson.Full {
		return value
	}
	kind := "String"
	if value == nil {
		kind = "Null"
	}
	return map[string]any{"Name": s.tagName(tag), "Type": kind, "Value": value}
}

// mainSequences is Orthanc's metadata with the main DICOM tags that are sequences, "" if there are none.
func mainSequences(tags index.Tags) string {
	s := &Server{}
	all := map[string]any{}
	for _, t := range tags {
		if items, ok := s.mainSequence(t.Tag, t.Value); ok {
			all[tagNumber(t.Tag)] = s.sequence(t.Tag, items, dicomjson.Full)
		}
	}
	if len(all) == 0 {
		return ""
	}
	text, err := json.Marshal(map[string]any{"Sequences": all, "Version": 1})
	if err != nil {
		return ""
	}
	return string(text)
}
