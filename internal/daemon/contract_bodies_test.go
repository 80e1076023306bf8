package daemon_test

import (
	"fmt"
	"strings"
)

// askBodies is about the other fields of /tools/find and /tools/count-resources.
func askBodies(p *pair) {
	for _, fields := range []string{
		`"Since": -1`, `"Limit": "1"`, `"Limit": -1`, `"Since": 4000`, `"CaseSensitive": 1`, `"Expand": "true"`, `"Full": 1`,
		`"Expand": true`, `"Expand": true, "Full": true`, `"RequestedTags": "x"`, `"RequestedTags": ["Bogus"]`,
		`"RequestedTags": [1]`, `"ResponseContent": ["Bogus"]`, `"ResponseContent": "Children"`, `"ResponseContent": []`,
		`"ResponseContent": ["Children"], "Expand": false`, `"Labels": "a"`, `"Labels": ["a"], "LabelsConstraint": "Bogus"`,
		`"LabelsConstraint": 1`, `"Labels": ["a b"]`, `"Labels": ["one"]`, `"Labels": ["one", "two"]`,
		`"Labels": ["one", "two"], "LabelsConstraint": "Any"`, `"Labels": ["one", "two"], "LabelsConstraint": "None"`,
		`"LabelsConstraint": "None"`, `"LabelsConstraint": "Any"`, `"Labels": [], "LabelsConstraint": "None"`,
		`"OrderBy": {}`, `"OrderBy": [{"Type": "DicomTag", "Key": "StudyDate"}]`,
		`"OrderBy": [{"Type": "X", "Key": "StudyDate", "Direction": "ASC"}]`,
		`"OrderBy": [{"Type": "DicomTag", "Key": "X", "Direction": "ASC"}]`,
		`"OrderBy": [{"Type": "Metadata", "Key": "X", "Direction": "ASC"}]`,
		`"OrderBy": [{"Type": "DicomTag", "Key": "SeriesDate", "Direction": "ASC"}]`, `"ParentPatient": "x"`,
		`"ParentPatient": 1`, `"MetadataQuery": {"LastUpdate": "20*"}`,
	} {
		p.requests("POST /tools/find "+inStudies(fields), "POST /tools/count-resources "+inStudies(fields))
	}
	for _, body := range []string{
		``, `[]`, `{`, `x`, `{}`, `{"Level": "Study"}`, `{"Level": 1, "Query": {}}`,
		`{"Level": "Bogus", "Query": {}}`, `{"Level": "study", "Query": {}}`, `{"Level": "Studies", "Query": {}}`,
		`{"Level": "Study", "Query": []}`, `{"Level": "Series", "Query": {}, "Expand": true, "Short": true}`,
		`{"Level": "Instance", "Query": {"PatientID": "p*"}, "Expand": true, "Short": true}`,
		`{"Level": "Series", "Query": {}, "ResponseContent": ["Parent", "IsStable"]}`,
		`{"Level": "Patient", "Query": {}, "ResponseContent": ["IsProtected", "Labels"]}`,
		`{"Level": "Instance", "Query": {}, "LabelsConstraint": "None"}`,
		`{"Level": "Series", "Query": {}, "RequestedTags": ["PatientName", "Rows"], "ResponseContent": ["Parent"]}`,
		`{"Level": "Instance", "Query": {}, "RequestedTags": ["InstanceAvailability", "StudyDate"], "ResponseContent": []}`,
		`{"Level": "Series", "Query": {}, "Labels": ["one"]}`,
		`{"Level": "Study", "Query": {}, "ParentPatient": "` + mrPatient + `"}`,
		`{"Level": "Patient", "Query": {}, "ParentPatient": "` + mrPatient + `"}`,
		`{"Level": "Study", "Query": {}, "ParentStudy": "` + ctStudy + `"}`,
		`{"Level": "Series", "Query": {}, "ParentStudy": "` + ctStudy + `"}`,
		`{"Level": "Instance", "Query": {}, "ParentStudy": "` + ctStudy + `"}`,
		`{"Level": "Instance", "Query": {}, "ParentPatient": "` + ctStudy + `"}`,
		`{"Level": "Instance", "Query": {}, "ParentSeries": "` + mrSeries + `"}`,
		`{"Level": "Study", "Query": {}, "ParentSeries": "` + mrSeries + `"}`,
		`{"Level": "Instance", "Query": {}, "MetadataQuery": []}`,
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"Bogus": "x"}}`,
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"RemoteAET": "*"}}`,
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"Origin": "rest*"}}`,
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"Origin": 1}}`,
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"TransferSyntax": "1.2.840.10008.1.2"}}`,
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"TransferSyntax": "1.2.840.10008.1.2\\1.2.840.10008.1.2.2"}}`,
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"IndexInSeries": "10"}}`,
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"IndexInSeries": ""}}`,
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"1028": "x"}}`, `{"Level": "Study", "Query": {"PatientID": "p1"}}`,
		`{"Level": "Study", "Query": {"PatientAge": "050Y"}}`,
	} {
		p.requests("POST /tools/find "+body, "POST /tools/count-resources "+body)
	}
	for _, text := range []string{"P1", "p1", "ACC1", "P 3", "P 3 ", "1.2.3.1.1", "1.2.3.1.1.1", "1.2.3.9.1", "1.2.3.9.20", "", "  ", "4MR1",
		"1.3.6.1.4.1.5962.1.2.4.20040826185059.5457", "nobody", "1.2.3*", `P1\P4`, "DUP", "dup"} {
		p.requests("POST /tools/lookup " + text)
	}
}

// inStudies is the body of a search for all studies, with more fields.
func inStudies(fields string) string {
	return `{"Level": "Study", "Query": {}, ` + fields + `}`
}

// askOrder is about searches whose results come in a certain order. What is alike comes in the order of the UID.
func askOrder(p *pair) {
	uid := map[string]string{"Patient": "PatientID", "Study": "StudyInstanceUID", "Series": "SeriesInstanceUID", "Instance": "SOPInstanceUID"}
	for _, direction := range []string{"ASC", "DESC"} {
		for level, key := range map[string]string{"Patient": "PatientID", "Study": "StudyInstanceUID"} {
			p.ask(question{ordered: true, request: fmt.Sprintf(`POST /tools/find {"Level": %q, "Query": {}, "OrderBy": [
				{"Type": "DicomTag", "Key": %q, "Direction": %q}]}`, level, key, direction)})
		}
	}
	for _, order := range []struct{ level, kind, key string }{
		{"Patient", "DicomTag", "PatientID"}, {"Patient", "DicomTag", "PatientName"}, {"Patient", "DicomTag", "PatientBirthDate"},
		{"Study", "DicomTag", "StudyDate"}, {"Study", "DicomTag", "0008,0020"}, {"Study", "DicomTag", "StudyInstanceUID"},
		{"Study", "DicomTag", "PatientName"}, {"Study", "DicomTag", "AccessionNumber"}, {"Study", "DicomTagAsFloat", "StudyTime"},
		{"Study", "Metadata", "Foo"}, {"Series", "DicomTag", "Modality"}, {"Series", "DicomTagAsInt", "SeriesNumber"},
		{"Series", "DicomTag", "StudyDate"}, {"Series", "Metadata", "RemoteAET"}, {"Instance", "DicomTagAsInt", "InstanceNumber"},
		{"Instance", "DicomTag", "InstanceNumber"}, {"Instance", "DicomTag", "PatientID"}, {"Instance", "Metadata", "TransferSyntax"},
		{"Instance", "MetadataAsInt", "IndexInSeries"}, {"Instance", "MetadataAsInt", "PixelDataOffset"},
	} {
		for _, direction := range []string{"ASC", "DESC", "asc", "desc"} {
			for _, window := range []string{"", `, "Since": 3, "Limit": 7`, `, "Since": 2, "Limit": 0`, `, "Limit": 5, "ResponseContent": ["MainDicomTags"]`} {
				if window != "" && strings.ToUpper(direction) != direction {
					continue
				}
				p.ask(question{ordered: true, request: fmt.Sprintf(`POST /tools/find {"Level": %q, "Query": {}, "OrderBy": [
					{"Type": %q, "Key": %q, "Direction": %q}, {"Type": "DicomTag", "Key": %q, "Direction": "ASC"},
					{"Type": "DicomTag", "Key": "PatientID", "Direction": "ASC"}]%s}`,
					order.level, order.kind, order.key, direction, uid[order.level], window)})
			}
		}
	}
}

// askBulkContent asks for what is known of many resources at once.
func askBulkContent(p *pair) {
	for _, body := range []string{
		``, `{}`, `[]`, `{`, `"x"`, `{"Resources": "x"}`, `{"Resources": [1]}`, `{"Resources": [], "Level": "Bogus"}`, `{"Resources": []}`,
		`{"Resources": ["{s}", "{i}", "nope", "` + mrPatient + `", "{n}"], "Short": true}`,
		`{"Resources": ["{s}"], "Level": "Instance", "Metadata": false}`, `{"Resources": ["{i}", "{i}"], "Level": "Patient"}`,
		`{"Resources": ["` + mrPatient + `", "{i}"], "Level": "Series", "Full": true, "Metadata": false}`,
		`{"Resources": ["{s}"], "Metadata": 1}`, `{"Resources": ["{s}"], "Level": 1}`, `{"Resources": ["{s}"], "Level": "Study", "Metadata": true}`,
	} {
		p.requests("POST /tools/bulk-content " + body)
	}
	for _, family := range []string{"patients", "studies", "series", "instances"} {
		var ids []string
		ask(p.t, "GET", p.theirs+"/"+family, nil, &ids)
		for _, level := range []string{"", `, "Level": "Patient"`, `, "Level": "Study"`, `, "Level": "Series"`, `, "Level": "Instance"`} {
			p.requests(fmt.Sprintf(`POST /tools/bulk-content {"Resources": ["%s"]%s}`, strings.Join(ids, `", "`), level))
		}
	}
}
