package daemon_test

import "fmt"

// askFind is about what the queries of /tools/find match.
func askFind(p *pair) {
	add := func(level, query string) {
		for _, more := range []string{"", `, "CaseSensitive": true`} {
			p.requests(fmt.Sprintf(`POST /tools/find {"Level": %q, "Query": %s%s}`, level, query, more))
		}
	}
	for _, name := range []string{"*DUPONT", "eric^dupont=*", "*山田*", "", "*", "Eric", "Øl^Åse",
		"Doe*", "doe^peter", "DOE^P?TER", "*eter\\Doe^Peter", "nobody", " eric^dupont ", "[E]ric*", "%", "_", "Compressed*^*1"} {
		add("Study", fmt.Sprintf(`{"PatientName": %q}`, name))
		add("Patient", fmt.Sprintf(`{"PatientName": %q}`, name))
	}
	for _, name := range []string{"Eric*", "e?ic^dup*", "ol^ase", "OL*", "?l^*", "eric^dupont", "ERIC^DUPONT"} {
		add("Study", fmt.Sprintf(`{"PatientName": %q}`, name))
	}
	for _, text := range []string{"Kopf", "kopf", "k*", "a_b%c", "A_B%C", "a?b%c", "*_b*", "*%*", "Thorax à jeun", "THORAX*",
		"accents*", "*\\kopf", "kopf\\a_b%c", "", "[Kopf]", "A*C?3", "brain*", "BRAIN"} {
		add("Study", fmt.Sprintf(`{"StudyDescription": %q}`, text))
	}
	for _, text := range []string{"ACC1", "acc1", "acc*", "ACC?", "A*C?3", "acc2\\ACC1", "", " ACC1", "428"} {
		add("Study", fmt.Sprintf(`{"AccessionNumber": %q}`, text))
	}
	for _, text := range []string{"P1", "p1", "p*", "P 3", "P 3 ", "P*3", "p1\\P 3", "1CT1"} {
		for _, level := range []string{"Patient", "Study", "Series", "Instance"} {
			add(level, fmt.Sprintf(`{"PatientID": %q}`, text))
		}
	}
	for _, text := range []string{"20200105", "20200101-20201231", "-20200105", "20210101-", "20200105-20200105", "-", "2020*",
		`20210315\\20191231`, `20200101-20201231\\20210315`, "2020-01-05", "foo-bar", "2020-2021", "20200105-20190101", "2020-*"} {
		add("Study", fmt.Sprintf(`{"StudyDate": "%s"}`, text))
	}
	for _, text := range []string{"1015", "101530.5", "1000-1100", "10-11", "-2359", "235959-", "101530-101531"} {
		add("Study", fmt.Sprintf(`{"StudyTime": "%s", "StudyDate": ""}`, text))
	}
	for _, text := range []string{"1.2.3.1.1", `1.2.3.1.1\\1.2.3.2.1`, "1.2.3.*", "1.2.3.1.?", "1.2"} {
		add("Study", fmt.Sprintf(`{"StudyInstanceUID": "%s"}`, text))
		add("Series", fmt.Sprintf(`{"StudyInstanceUID": "%s"}`, text))
		add("Instance", fmt.Sprintf(`{"StudyInstanceUID": "%s", "PatientID": "p*"}`, text))
	}
	for _, text := range []string{"CT", "ct", `CT\\MR`, "C*", "*", "S?", ""} {
		add("Series", fmt.Sprintf(`{"Modality": "%s"}`, text))
	}
	for _, text := range []string{"CT", "ct", `CT\\MR`, "", "XX"} {
		p.requests(fmt.Sprintf(`POST /tools/find {"Level": "Study", "Query": {"ModalitiesInStudy": "%s"}}`, text))
	}
	for _, text := range []string{"1", "10", "1*", "x", "X", `1\\2`, "1-2"} {
		add("Instance", fmt.Sprintf(`{"InstanceNumber": "%s"}`, text))
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
			`{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}`, `{"Rows": "64"}`, `{"Rows": "6*"}`, `{"Rows": "60-70"}`, `{"ImageType": "ORIGINAL\\\\PRIMARY"}`, `{"ImageType": "M\\\\PRIMARY\\\\AXIAL"}`,
			`{"ContentDate": "2004-"}`, `{"ImageType": "ORIGINAL"}`, `{"ImageType": "ORIGINAL*"}`,
			`{"SpecificCharacterSet": "ISO_IR 192"}`, `{"0009,0010": "*"}`, `{"PixelData": "*"}`,
			`{"SOPInstanceUID": "1.2.3.9.4"}`, `{"NumberOfFrames": "3"}`},
	} {
		for _, query := range queries {
			add(level, query)
		}
	}
	add("Study", `{"ReferencedStudySequence": "x"}`)
	add("Study", `{"SeriesInstanceUID": "1.2.3.1.1.1"}`)
	add("Study", `{"Modality": "CT"}`)
	add("Patient", `{"Modality": "CT"}`)
	add("Series", `{"ImageComments": "Some*"}`)
}
