package daemon_test

import (
	"fmt"
	"testing"
)

// Reasons why answers differ from Orthanc's.
const (
	foldsAccents = "gantry finds text without its accents, as well; Orthanc drops other letters than ASCII from what it searches"
	looksBelow   = "gantry finds resources by tags of what lies below them; Orthanc finds nothing, or fails"
	own500       = "Orthanc answers 500"
	counts       = "Orthanc cannot count by tags that are not in its database, or by case"
)

func findQuestions() []question {
	var list []question
	add := func(differs, level, query string) {
		for _, more := range []string{"", `, "CaseSensitive": true`} {
			body := fmt.Sprintf(`{"Level": %q, "Query": %s%s}`, level, query, more)
			list = append(list, question{method: "POST", path: "/tools/find", body: body, differs: differs})
		}
	}
	for _, name := range []string{"*DUPONT", "eric^dupont=*", "*山田*", "", "*", "Eric", "Øl^Åse",
		"Doe*", "doe^peter", "DOE^P?TER", "*eter\\Doe^Peter", "nobody", " eric^dupont ", "[E]ric*", "%", "_", "Compressed*^*1"} {
		add("", "Study", fmt.Sprintf(`{"PatientName": %q}`, name))
		add("", "Patient", fmt.Sprintf(`{"PatientName": %q}`, name))
	}
	for _, name := range []string{"Eric*", "e?ic^dup*", "ol^ase", "OL*", "?l^*", "eric^dupont", "ERIC^DUPONT"} {
		add(foldsAccents, "Study", fmt.Sprintf(`{"PatientName": %q}`, name))
	}
	for _, text := range []string{"Kopf", "kopf", "k*", "a_b%c", "A_B%C", "a?b%c", "*_b*", "*%*", "Thorax à jeun", "THORAX*",
		"accents*", "*\\kopf", "kopf\\a_b%c", "", "[Kopf]", "A*C?3", "brain*", "BRAIN"} {
		add("", "Study", fmt.Sprintf(`{"StudyDescription": %q}`, text))
	}
	for _, text := range []string{"ACC1", "acc1", "acc*", "ACC?", "A*C?3", "acc2\\ACC1", "", " ACC1", "428"} {
		add("", "Study", fmt.Sprintf(`{"AccessionNumber": %q}`, text))
	}
	for _, text := range []string{"P1", "p1", "p*", "P 3", "P 3 ", "P*3", "p1\\P 3", "1CT1"} {
		for _, level := range []string{"Patient", "Study", "Series", "Instance"} {
			add("", level, fmt.Sprintf(`{"PatientID": %q}`, text))
		}
	}
	for _, text := range []string{"20200105", "20200101-20201231", "-20200105", "20210101-", "20200105-20200105", "-", "2020*",
		`20210315\\20191231`, `20200101-20201231\\20210315`, "2020-01-05", "foo-bar", "2020-2021", "20200105-20190101"} {
		add("", "Study", fmt.Sprintf(`{"StudyDate": "%s"}`, text))
	}
	for _, text := range []string{"1015", "101530.5", "1000-1100", "10-11", "-2359", "235959-", "101530-101531"} {
		add("", "Study", fmt.Sprintf(`{"StudyTime": "%s", "StudyDate": ""}`, text))
	}
	for _, text := range []string{"1.2.3.1.1", `1.2.3.1.1\\1.2.3.2.1`, "1.2.3.*", "1.2.3.1.?", "1.2"} {
		add("", "Study", fmt.Sprintf(`{"StudyInstanceUID": "%s"}`, text))
		add("", "Series", fmt.Sprintf(`{"StudyInstanceUID": "%s"}`, text))
		add("", "Instance", fmt.Sprintf(`{"StudyInstanceUID": "%s", "PatientID": "p*"}`, text))
	}
	for _, text := range []string{"CT", "ct", `CT\\MR`, "C*", "*", "S?", ""} {
		add("", "Series", fmt.Sprintf(`{"Modality": "%s"}`, text))
	}
	for _, text := range []string{"CT", "ct", `CT\\MR`, "", "XX"} {
		list = append(list, question{method: "POST", path: "/tools/find",
			body: fmt.Sprintf(`{"Level": "Study", "Query": {"ModalitiesInStudy": "%s"}}`, text)})
	}
	for _, text := range []string{"1", "10", "1*", "x", "X", `1\\2`, "1-2"} {
		add("", "Instance", fmt.Sprintf(`{"InstanceNumber": "%s"}`, text))
	}
	for level, queries := range map[string][]string{
		"Patient": {`{"PatientBirthDate": "-19700101"}`, `{"PatientSex": "M"}`, `{"PatientAge": "050Y"}`,
			`{"NumberOfPatientRelatedStudies": "1"}`, `{"OtherPatientIDs": "X1*"}`},
		"Study": {`{"PatientAge": "050Y"}`, `{"PatientAge": "050y"}`, `{"PatientAge": "0*"}`, `{"PatientComments": "*"}`,
			`{"NumberOfStudyRelatedInstances": "12"}`, `{"NumberOfStudyRelatedSeries": "1"}`,
			`{"SOPClassesInStudy": "1.2.840.10008.5.1.4.1.1.4"}`, `{"0010,0020": "p1", "PatientID": "P1"}`,
			`{"00100020": "p4"}`, `{"0010-0020": "p4"}`, `{"Bogus": "x"}`, `{"PatientName": 1}`, `{"PatientName": null}`,
			`{"QueryRetrieveLevel": "STUDY"}`, `{"InstitutionName": "*general*"}`},
		"Series": {`{"NumberOfSeriesRelatedInstances": "2"}`, `{"PatientAge": "050Y"}`, `{"ProtocolName": "Proto"}`,
			`{"Manufacturer": "GE*"}`, `{"manufacturer": "x"}`, `{"BodyPartExamined": "chest"}`,
			`{"RequestAttributesSequence": "*"}`},
		"Instance": {`{"ImageComments": "some*"}`, `{"PatientAge": "050Y"}`, `{"ProtocolName": "Proto"}`,
			`{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}`, `{"Rows": "64"}`, `{"Rows": "6*"}`, `{"Rows": "60-70"}`,
			`{"ContentDate": "2004-"}`, `{"ImageType": "ORIGINAL"}`, `{"ImageType": "ORIGINAL*"}`,
			`{"SpecificCharacterSet": "ISO_IR 192"}`, `{"0009,0010": "*"}`, `{"PixelData": "*"}`,
			`{"SOPInstanceUID": "1.2.3.9.4"}`, `{"NumberOfFrames": "3"}`},
	} {
		for _, query := range queries {
			differs := ""
			if query == `{"InstitutionName": "*general*"}` {
				differs = foldsAccents
			}
			add(differs, level, query)
		}
	}
	add("Orthanc answers 400 only where an object has the sequence", "Study", `{"ReferencedStudySequence": "x"}`)
	add(looksBelow, "Study", `{"SeriesInstanceUID": "1.2.3.1.1.1"}`)
	add(looksBelow, "Study", `{"Modality": "CT"}`)
	add(looksBelow, "Patient", `{"Modality": "CT"}`)
	add(looksBelow, "Series", `{"ImageComments": "Some*"}`)
	return append(list, bodyQuestions()...)
}

// bodyQuestions are about the other fields of /tools/find and /tools/count-resources.
func bodyQuestions() []question {
	var list []question
	for body, differs := range map[string]string{
		``: "", `[]`: "", `{`: "", `x`: "", `{}`: "", `{"Level": "Study"}`: "", `{"Level": 1, "Query": {}}`: "",
		`{"Level": "Bogus", "Query": {}}`: "", `{"Level": "study", "Query": {}}`: "", `{"Level": "Studies", "Query": {}}`: "",
		`{"Level": "Study", "Query": []}`:                                                                                   own500,
		`{"Level": "Study", "Query": {}, "Since": -1}`:                                                                      "",
		`{"Level": "Study", "Query": {}, "Limit": "1"}`:                                                                     "",
		`{"Level": "Study", "Query": {}, "Limit": -1}`:                                                                      "",
		`{"Level": "Study", "Query": {}, "Since": 4000}`:                                                                    "",
		`{"Level": "Study", "Query": {}, "CaseSensitive": 1}`:                                                               "",
		`{"Level": "Study", "Query": {}, "Expand": "true"}`:                                                                 own500,
		`{"Level": "Study", "Query": {}, "Full": 1}`:                                                                        "",
		`{"Level": "Study", "Query": {}, "Expand": true}`:                                                                   "",
		`{"Level": "Study", "Query": {}, "Expand": true, "Full": true}`:                                                     "",
		`{"Level": "Series", "Query": {}, "Expand": true, "Short": true}`:                                                   "",
		`{"Level": "Instance", "Query": {"PatientID": "p*"}, "Expand": true, "Short": true}`:                                "",
		`{"Level": "Study", "Query": {}, "RequestedTags": "x"}`:                                                             "",
		`{"Level": "Study", "Query": {}, "RequestedTags": ["Bogus"]}`:                                                       "",
		`{"Level": "Study", "Query": {}, "RequestedTags": [1]}`:                                                             "",
		`{"Level": "Study", "Query": {}, "ResponseContent": ["Bogus"]}`:                                                     "",
		`{"Level": "Study", "Query": {}, "ResponseContent": "Children"}`:                                                    "",
		`{"Level": "Study", "Query": {}, "ResponseContent": []}`:                                                            "",
		`{"Level": "Study", "Query": {}, "ResponseContent": ["Children"], "Expand": false}`:                                 "",
		`{"Level": "Series", "Query": {}, "ResponseContent": ["Parent", "IsStable"]}`:                                       "",
		`{"Level": "Patient", "Query": {}, "ResponseContent": ["IsProtected", "Labels"]}`:                                   "",
		`{"Level": "Study", "Query": {}, "Labels": "a"}`:                                                                    "",
		`{"Level": "Study", "Query": {}, "Labels": ["a"], "LabelsConstraint": "Bogus"}`:                                     "",
		`{"Level": "Study", "Query": {}, "LabelsConstraint": 1}`:                                                            "",
		`{"Level": "Study", "Query": {}, "Labels": ["a b"]}`:                                                                "",
		`{"Level": "Study", "Query": {}, "Labels": ["one"]}`:                                                                "",
		`{"Level": "Study", "Query": {}, "Labels": ["one", "two"]}`:                                                         "",
		`{"Level": "Study", "Query": {}, "Labels": ["one", "two"], "LabelsConstraint": "Any"}`:                              "",
		`{"Level": "Study", "Query": {}, "Labels": ["one", "two"], "LabelsConstraint": "None"}`:                             "",
		`{"Level": "Series", "Query": {}, "Labels": ["one"]}`:                                                               "",
		`{"Level": "Study", "Query": {}, "OrderBy": {}}`:                                                                    "",
		`{"Level": "Study", "Query": {}, "OrderBy": [{"Type": "DicomTag", "Key": "StudyDate"}]}`:                            "",
		`{"Level": "Study", "Query": {}, "OrderBy": [{"Type": "X", "Key": "StudyDate", "Direction": "ASC"}]}`:               "",
		`{"Level": "Study", "Query": {}, "OrderBy": [{"Type": "DicomTag", "Key": "X", "Direction": "ASC"}]}`:                "",
		`{"Level": "Study", "Query": {}, "OrderBy": [{"Type": "Metadata", "Key": "X", "Direction": "ASC"}]}`:                "",
		`{"Level": "Study", "Query": {}, "OrderBy": [{"Type": "DicomTag", "Key": "SeriesDate", "Direction": "ASC"}]}`:       own500,
		`{"Level": "Study", "Query": {}, "ParentPatient": "x"}`:                                                             "",
		`{"Level": "Study", "Query": {}, "ParentPatient": 1}`:                                                               "",
		`{"Level": "Study", "Query": {}, "ParentPatient": "` + mrPatient + `"}`:                                             "",
		`{"Level": "Patient", "Query": {}, "ParentPatient": "` + mrPatient + `"}`:                                           "",
		`{"Level": "Study", "Query": {}, "ParentStudy": "` + ctStudy + `"}`:                                                 "",
		`{"Level": "Series", "Query": {}, "ParentStudy": "` + ctStudy + `"}`:                                                "",
		`{"Level": "Instance", "Query": {}, "ParentStudy": "` + ctStudy + `"}`:                                              "",
		`{"Level": "Instance", "Query": {}, "ParentPatient": "` + ctStudy + `"}`:                                            "",
		`{"Level": "Instance", "Query": {}, "ParentSeries": "` + mrSeries + `"}`:                                            "",
		`{"Level": "Study", "Query": {}, "ParentSeries": "` + mrSeries + `"}`:                                               "",
		`{"Level": "Instance", "Query": {}, "MetadataQuery": []}`:                                                           "",
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"Bogus": "x"}}`:                                               "",
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"RemoteAET": "*"}}`:                                           "",
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"Origin": "rest*"}}`:                                          "",
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"Origin": 1}}`:                                                "",
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"TransferSyntax": "1.2.840.10008.1.2"}}`:                      "",
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"TransferSyntax": "1.2.840.10008.1.2\\1.2.840.10008.1.2.2"}}`: "",
		`{"Level": "Study", "Query": {}, "MetadataQuery": {"LastUpdate": "20*"}}`:                                           "",
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"IndexInSeries": "10"}}`:                                      "",
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"IndexInSeries": ""}}`:                                        "",
		`{"Level": "Instance", "Query": {}, "MetadataQuery": {"1028": "x"}}`:                                                "",
		`{"Level": "Study", "Query": {"PatientID": "p1"}}`:                                                                  "",
		`{"Level": "Study", "Query": {"PatientAge": "050Y"}}`:                                                               counts,
	} {
		list = append(list, question{method: "POST", path: "/tools/find", body: body, differs: keep(differs, counts)},
			question{method: "POST", path: "/tools/count-resources", body: body, differs: differs})
	}
	for _, body := range []string{`{}`, `[]`, `{"Resources": "x"}`, `{"Resources": [1]}`, `{"Resources": [], "Level": "Bogus"}`,
		`{"Resources": ["` + ctStudy + `", "` + ctInstance + `", "nope", "` + mrPatient + `", "` + noInstance + `"], "Short": true}`,
		`{"Resources": ["` + ctStudy + `"], "Level": "Instance", "Metadata": false}`,
		`{"Resources": ["` + ctInstance + `", "` + ctInstance + `"], "Level": "Patient"}`,
		`{"Resources": ["` + mrPatient + `", "` + ctInstance + `"], "Level": "Series", "Full": true, "Metadata": false}`,
		`{"Resources": ["` + ctStudy + `"], "Metadata": 1}`, `{"Resources": ["` + ctStudy + `"], "Level": 1}`} {
		list = append(list, question{method: "POST", path: "/tools/bulk-content", body: body})
	}
	for _, text := range []string{"P1", "p1", "ACC1", "P 3", "1.2.3.1.1", "1.2.3.1.1.1", "1.2.3.9.1"} {
		list = append(list, question{method: "POST", path: "/tools/lookup", body: text})
	}
	return list
}

// keep drops a reason that does not hold for one of the routes.
func keep(differs, drop string) string {
	if differs == drop {
		return ""
	}
	return differs
}

// listQuestions are about lists, neighbours and single resources.
func listQuestions(t *testing.T, theirs string) []question {
	t.Helper()
	var list []question
	get := func(format string, args ...any) {
		list = append(list, question{method: "GET", path: fmt.Sprintf(format, args...)})
	}
	const requested = "PatientName;PatientAge;Rows;ImageType;PixelData;ReferencedImageSequence;SpecificCharacterSet;0009,0010;" +
		"SOPClassUID;OtherPatientIDs;PatientBirthDate"
	for family, computed := range map[string]string{"patients": "NumberOfPatientRelatedStudies;NumberOfPatientRelatedSeries;NumberOfPatientRelatedInstances",
		"studies": "ModalitiesInStudy;SOPClassesInStudy;NumberOfStudyRelatedSeries;NumberOfStudyRelatedInstances;StudyDate",
		"series":  "NumberOfSeriesRelatedInstances;StudyDescription", "instances": "StudyDescription;SeriesDescription"} {
		for _, form := range []string{"", "&full", "&short", "&full&short", "&expand=false", "&expand=1", "&expand=x",
			"&response-content=Metadata", "&response-content=Parent;Children;Labels",
			"&response-content=", "&response-content=Bogus", "&response-content=MainDicomTags;Metadata&short",
			"&requested-tags=" + computed, "&requestedTags=PatientName", "&requested-tags=Bogus"} {
			get("/%s?since=0&limit=0&expand%s", family, form)
		}
		var ids []string
		ask(t, "GET", theirs+"/"+family, nil, &ids)
		for i, id := range ids {
			get("/%s/%s", family, id)
			get("/%s/%s/statistics", family, id)
			if i%3 != 0 {
				continue
			}
			get("/%s/%s?full&requested-tags=%s", family, id, computed)
			for _, neighbour := range []string{"patient", "study", "series", "instances", "studies", "patients"} {
				get("/%s/%s/%s?expand=false", family, id, neighbour)
				get("/%s/%s/%s?short", family, id, neighbour)
			}
		}
		if family == "instances" {
			for i, id := range ids {
				if form := []string{"", "&short", "&full"}[i%3]; i%2 == 0 {
					get("/instances/%s?requested-tags=%s%s", id, requested, form)
				}
			}
		}
		if family == "series" {
			for _, id := range ids {
				get("/series/%s/ordered-slices", id)
			}
		}
		get("/%s?since=100000&limit=1", family)
		get("/%s/x/series", family)
		get("/%s/%s/study", family, noInstance)
	}
	return list
}
