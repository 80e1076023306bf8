package daemon_test

import "fmt"

var levelNames = []string{"patients", "studies", "series", "instances"}

// computed are requested tags that are counted or looked up, by level.
var computed = map[string]string{
	"patients":  "NumberOfPatientRelatedStudies;NumberOfPatientRelatedSeries;NumberOfPatientRelatedInstances",
	"studies":   "ModalitiesInStudy;SOPClassesInStudy;NumberOfStudyRelatedSeries;NumberOfStudyRelatedInstances;StudyDate",
	"series":    "NumberOfSeriesRelatedInstances;StudyDescription",
	"instances": "StudyDescription;SeriesDescription",
}

// askLists asks for whole lists with all their arguments.
func askLists(p *pair) {
	for _, family := range levelNames {
		list := "GET /" + family
		p.requests(list, list+"?expand", list+"/", "GET //"+family+"//")
		for _, arguments := range []string{"", "full", "short", "simplify", "full&short", "expand=false", "expand=1", "expand=x", "response-content=Metadata",
			"response-content=Parent;Children;Labels", "response-content=", "response-content=Bogus", "response-content=MainDicomTags&short",
			"response-content=MainDicomTags,Children", "response-content=IsStable;Status;Attachments", "response-content=metadata",
			"requested-tags=" + computed[family], "requestedTags=PatientName", "requested-tags=Bogus", "requested-tags=",
			"requested-tags=PatientName,PatientID",
			"response-content=Parent&requested-tags=PatientName;Rows",
			"requested-tags=InstanceAvailability;ModalitiesInStudy;RequestAttributesSequence", "requested-tags=0010-0010;00100020;0010,0030"} {
			p.requests(list + "?since=0&limit=0&expand&" + arguments)
		}
		for _, arguments := range []string{"since=1", "limit=1", "limit=x&since=0", "since=x&limit=1", "since=-1&limit=1", "since=0&limit=-1",
			"since=100000&limit=1", "since=&limit=", "since=0&limit=1.5", "since=0&limit=10000", "full", "short", "expand=false", "bogus=1",
			"since=0&limit=99999999999999999999"} {
			p.requests(list + "?" + arguments)
		}
		p.requests(list + "?since=1&limit=2")
	}
}

// askNeighbours asks for every resource, and for what is above and below it.
func askNeighbours(p *pair) {
	for _, family := range levelNames {
		var ids []string
		ask(p.t, "GET", p.theirs+"/"+family, nil, &ids)
		for i, id := range ids {
			one := "GET /" + family + "/" + id
			p.requests(one, one+"/statistics")
			if family == "series" {
				p.requests(one + "/ordered-slices")
			}
			if i%5 != 0 {
				continue
			}
			p.requests(one+"?short", one+"?full", one+"?full&requested-tags="+computed[family], one+"/metadata?expand", one+"/labels", one+"/attachments?full")
			for _, neighbour := range []string{"patient", "study", "series", "instances", "studies", "patients"} {
				path := one + "/" + neighbour
				p.requests(path+"?expand=false", path+"?short", path)
			}
		}
		p.requests("GET /"+family+"/x/series", "GET /"+family+"/{i}/statistics", "GET /"+family+"/{p}/statistics", "GET /"+family+"/{n}/statistics",
			"GET /"+family+"/{n}/study", "GET /"+family+"/x", "GET /"+family+"/{n}", "GET /"+family+"/{i}",
			"GET //"+family+"///{p}/")
	}
	p.requests("GET /statistics", "GET {P}/protected")
}

// askRequestedTags asks for tags that lie in the index, above it, or in the files.
func askRequestedTags(p *pair) {
	const tags = "PatientName;PatientAge;Rows;ImageType;PixelData;ReferencedImageSequence;SpecificCharacterSet;0009,0010;" +
		"SOPClassUID;OtherPatientIDs;PatientBirthDate"
	forms := []string{"", "&short", "&full"}
	for _, family := range levelNames {
		var ids []string
		ask(p.t, "GET", p.theirs+"/"+family, nil, &ids)
		for i, id := range ids {
			if family == "instances" && i%2 == 0 {
				p.requests(fmt.Sprintf("GET /%s/%s?requested-tags=%s%s", family, id, tags, forms[i%3]))
			}
		}
	}
}
