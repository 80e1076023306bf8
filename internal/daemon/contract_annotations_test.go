package daemon_test

import (
	"strings"
	"testing"

	"gantry/internal/config"
)

var (
	metadataQuestions = []question{
		{request: "GET {I}/metadata/Nope"}, {request: "GET {I}/metadata/1500"}, {request: "GET {I}/metadata/70000"},
		{request: "GET {I}/metadata/TransferSyntax"}, {request: "GET {I}/metadata/9"}, {request: "GET {E}/metadata/RemoteAET"},
		{request: "GET /series/{i}/metadata/RemoteAET"}, {request: "GET /instances/x/metadata"}, {request: "PUT {I}/metadata/Foo hello"},
		{request: "GET {I}/metadata/1100"}, {request: "PUT {I}/metadata/1500 b"}, {request: "PUT {I}/metadata/ReceptionDate x"},
		{request: "PUT {I}/metadata/Nope x"}, {request: "PUT {I}/metadata/1023 x"}, {request: "PUT {I}/metadata/65536 x"},
		{request: "PUT {I}/metadata/65535 x"}, {request: "DELETE {I}/metadata/1777"}, {request: "DELETE {I}/metadata/65535"},
		{request: "DELETE {I}/metadata/LastUpdate"}, {request: "PUT {N}/metadata/1500 x"}, {request: "DELETE {N}/metadata/1500"},
		{request: "PUT {I}/metadata/Foo x", header: `If-Match: "77"`}, {request: "PUT {I}/metadata/Foo x", header: `If-Match: "7-abc"`},
		{request: "PUT {I}/metadata/Foo "}, {request: "GET {I}/metadata/Foo"},
		{request: "GET {I}/metadata/Foo", header: `If-None-Match: "1-d41d8cd98f00b204e9800998ecf8427e"`},
		{request: "GET {I}/metadata/Foo", header: `If-None-Match: "0-d41d8cd98f00b204e9800998ecf8427e"`},
		{request: "GET {I}/metadata/Foo", header: `If-None-Match: foo`},
		{request: "GET {I}/metadata/Foo", header: `If-None-Match: "0-d41d8cd98f00b204e9800998ecf8427f", "1-d41d8cd98f00b204e9800998ecf8427f"`},
		{request: "PUT {I}/metadata/Foo x", header: "If-Match: "}, {request: "PUT {I}/metadata/Bar " + strings.Repeat("long ", 1000)},
		{request: "GET {I}/metadata/Bar"}, {request: "DELETE {I}/metadata/Bar"}, {request: "PUT {I}/attachments/1200 x", header: "If-Match: "}, {request: "PUT {S}/metadata/Bar \xff\xfe"}, {request: "GET {S}/metadata?expand"},
	}
	labelQuestions = []question{
		{request: "PUT {S}/labels/abc x"}, {request: "GET {S}/labels/abc"}, {request: "GET {S}/labels/nope"}, {request: "PUT {S}/labels/a.b"},
		{request: "PUT {S}/labels/" + strings.Repeat("a", 64)}, {request: "PUT {S}/labels/" + strings.Repeat("a", 65)}, {request: "DELETE {S}/labels/nope"},
		{request: "DELETE {S}/labels/a%20b"}, {request: "GET {S}/labels/a%20b"}, {request: "PUT {I}/labels/Z-9_"}, {request: "GET /tools/labels"},
		{request: "DELETE {S}/labels/abc"}, {request: "GET /tools/labels"}, {request: "PUT /studies/{i}/labels/a"}, {request: "GET /studies/x/labels"},
		{request: "POST {S}/labels"}, {request: "GET {S}"},
	}
	protectionQuestions = []question{
		{request: "GET {P}/protected"}, {request: "PUT {P}/protected 1"}, {request: "GET {P}/protected"}, {request: "GET {P}"},
		{request: "PUT {P}/protected  true "}, {request: "PUT {P}/protected foo"}, {request: "PUT {P}/protected False"}, {request: "PUT {P}/protected 0"},
		{request: "PUT /patients/x/protected 1"}, {request: "GET /patients/x/protected"}, {request: "GET {S}/protected"},
	}
	attachmentQuestions = []question{
		{request: "GET {I}/attachments/dicom"}, {request: "GET {I}/attachments/1/md5"}, {request: "GET {I}/attachments/dicom/size"},
		{request: "GET {I}/attachments/dicom/is-compressed"}, {request: "GET {I}/attachments/dicom/info"}, {request: "GET {I}/attachments/dicom/data"},
		{request: "GET {I}/attachments/dicom/data", header: "Range: bytes=128-131"}, {request: "GET {I}/attachments/dicom/uuid"},
		{request: "GET {I}/attachments/Nope"}, {request: "GET {I}/attachments/1200"}, {request: "GET {I}/attachments/1200/data"},
		{request: "GET {I}/attachments/dicom-as-json"}, {request: "GET {I}/attachments/65536"}, {request: "GET /instances/x/attachments/dicom/md5"},
		{request: "GET /instances/x/attachments/nope/md5"}, {request: "PUT {I}/attachments/Report hello"}, {request: "PUT {I}/attachments/Report hello5"},
		{request: "GET {I}/attachments/Report/data"}, {request: "GET {I}/attachments/1200/data?filename=foo.txt"},
		{request: "GET {I}/attachments/1200/info"}, {request: "PUT {I}/attachments/1201 pdf"}, {request: "GET {I}/attachments/Pdfx/data"},
		{request: "PUT {I}/attachments/1500 "}, {request: "GET {I}/attachments/1500/data"}, {request: "GET {I}/attachments/1500/md5"},
		{request: "GET {I}/attachments"}, {request: "PUT {I}/attachments/dicom x"}, {request: "PUT {I}/attachments/nope x"},
		{request: "PUT {I}/attachments/1023 x"}, {request: "PUT {I}/attachments/65536 x"}, {request: "DELETE {I}/attachments/dicom"},
		{request: "DELETE {I}/attachments/1600"}, {request: "DELETE {I}/attachments/1500"}, {request: "DELETE {I}/attachments/1500"},
		{request: "PUT {S}/attachments/1200 x"}, {request: "PUT {N}/attachments/1200 x"}, {request: "DELETE {N}/attachments/1200"},
		{request: "PUT /studies/{i}/attachments/1700 x"}, {request: "DELETE /studies/{i}/attachments/1700"}, {request: "GET /studies/{i}/attachments"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=1-2"}, {request: "GET {I}/attachments/Report/data", header: "Range: bytes=1-"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=9-12"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=0-1,3-4"}, {request: "GET {I}/attachments/Report/data", header: "Range: foo"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=-2"}, {request: "GET {I}/attachments/Report/data", header: "Range: bytes=1-100"},
		{request: "GET {I}/attachments/Report/compressed-data", header: "Range: bytes=1-2"},
		{request: "GET {I}/attachments/Report/data", header: `If-None-Match: "1-ebde9cc9540087b9688fdb470fa20f17"`},
		{request: "GET {I}/attachments/Report/md5", header: `If-None-Match: "1-ebde9cc9540087b9688fdb470fa20f17"`},
		{request: "GET {I}/attachments/Report", header: `If-None-Match: x`}, {request: "POST {I}/attachments/Report/verify-md5"},
		{request: "POST {I}/attachments/dicom/verify-md5"}, {request: "POST {I}/attachments/1999/verify-md5"},
		{request: "POST {N}/attachments/dicom/verify-md5"}, {request: "POST {I}/attachments/dicom/compress"},
		{request: "GET {I}/attachments/dicom/is-compressed"}, {request: "GET {I}/attachments/dicom/size"}, {request: "GET {I}/attachments/dicom/data"},
		{request: "GET {I}/file"}, {request: "POST {I}/attachments/dicom/uncompress"}, {request: "POST {I}/attachments/dicom/uncompress"},
		{request: "GET {I}/attachments/dicom/is-compressed"}, {request: "POST {I}/attachments/Report/compress"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=1-2"}, {request: "GET {I}/attachments/Report/size"},
		{request: "POST {I}/attachments/Report/uncompress"}, {request: "GET {I}/attachments/Report/info"}, {request: "POST {I}/attachments/1999/compress"},
		{request: "POST {I}/attachments/nope/compress"}, {request: "GET /statistics"},
	}
	reconstructionQuestions = []question{
		{request: "POST {S}/reconstruct"}, {request: `POST {S}/reconstruct {"ReconstructFiles": true}`},
		{request: `POST {S}/reconstruct {"ReconstructFiles": 3}`}, {request: "POST {S}/reconstruct zz"}, {request: "POST /studies/x/reconstruct"},
		{request: "POST /tools/reconstruct"}, {request: "POST /tools/invalidate-tags"},
	}
	logQuestions = []question{
		{request: "GET /exports"}, {request: "POST /modalities/dead/store {i}"}, {request: "POST /modalities/dead/store " + ctStudy},
		{request: "GET /exports"}, {request: "GET /exports?limit=1"}, {request: "GET /exports?last"}, {request: "GET /exports?since=1&limit=1"},
		{request: "GET /exports?since=100"}, {request: "GET /exports?limit=0"}, {request: "DELETE /exports"}, {request: "GET /exports"},
		{request: "DELETE /series/93034833-163e42c3-bc9a428b-194620cf-2c5799e5"}, {request: "GET /changes?limit=8"}, {request: "GET /tools/labels"},
		{request: "GET /statistics"}, {request: "DELETE /changes"}, {request: "GET /changes"}, {request: "GET /changes?last"},
	}
	revisionQuestions = []question{
		{request: "PUT {I}/metadata/Foo a"}, {request: "PUT {I}/metadata/Foo b"},
		{request: "PUT {I}/metadata/Foo b", header: "If-Match: 0-0cc175b9c0f1b6a831c399e269772661"},
		{request: "PUT {I}/metadata/Foo c", header: `If-Match: "0-92eb5ffee6ae2fec3ad71c777531578f"`},
		{request: "PUT {I}/metadata/Foo d", header: `If-Match: "0-0cc175b9c0f1b6a831c399e269772661"`},
		{request: "PUT {I}/metadata/Foo d", header: "If-Match: x"}, {request: "PUT {I}/metadata/Foo d", header: "If-Match: *"},
		{request: "PUT {I}/metadata/Bar d", header: `If-Match: "0-0cc175b9c0f1b6a831c399e269772661"`}, {request: "DELETE {I}/metadata/Foo"},
		{request: "DELETE {I}/metadata/Foo", header: `If-Match: "77-92eb5ffee6ae2fec3ad71c777531578f"`},
		{request: "DELETE {I}/metadata/Foo", header: `If-Match: "x"`},
		{request: "DELETE {I}/metadata/Foo", header: `If-Match: "1-92eb5ffee6ae2fec3ad71c777531578f"`}, {request: "GET {I}/metadata/Foo"},
		{request: "PUT {I}/attachments/1200 a"}, {request: "PUT {I}/attachments/1200 b"},
		{request: "PUT {I}/attachments/1200 b", header: `If-Match: "0-0cc175b9c0f1b6a831c399e269772661"`},
		{request: "PUT {I}/attachments/1200 c", header: `If-Match: "0-0cc175b9c0f1b6a831c399e269772661"`},
		{request: "PUT {I}/attachments/1200 c", header: "If-Match: foo"}, {request: "DELETE {I}/attachments/1200"},
		{request: "DELETE {I}/attachments/1200", header: "If-Match: foo"},
		{request: "DELETE {I}/attachments/1200", header: `If-Match: "1-92eb5ffee6ae2fec3ad71c777531578f"`},
		{request: "PUT {I}/attachments/1201 x", header: `If-Match: "0-0cc175b9c0f1b6a831c399e269772661"`}, {request: "GET {I}/attachments"},
	}
)

var changeArguments = []string{"", "?limit=2", "?since=3&limit=2", "?last", "?since=1000", "?to=3&limit=2", "?to=4&since=1&limit=2",
	"?type=NewInstance", "?type=NewInstance;NewStudy&limit=3", "?type=Foo", "?type=NewInstance;Foo", "?type=All", "?type=", "?limit=0", "?limit=x",
	"?since=x", "?since=-1", "?to=x", "?last&limit=2", "?type=Deleted", "?type=UpdatedMetadata&to=100&limit=2", "?to=0&limit=1", "?to=-5&limit=1",
	"?type=NewInstance&limit=1", "?since=2&to=4", "?to=4&limit=4", "?to=4&since=4", "?to=100&limit=3", "?type=NewChildInstance",
	"?type=NewInstance&since=1&limit=1", "?type=newinstance", "?limit=-3"}

// annotated is a pair that knows user metadata and attachments, and notes what it sends.
func annotated(t *testing.T, c *contract, checkRevisions bool) *pair {
	t.Helper()
	check := `"CheckRevisions": false`
	if checkRevisions {
		check = `"CheckRevisions": true`
	}
	return c.pair(t, func(cfg *config.Config) {
		cfg.LogExportedResources, cfg.CheckRevisions = true, checkRevisions
		cfg.UserMetadata = map[string]int{"Foo": 1100, "Bar": 2000}
		cfg.UserContentType = map[string]config.ContentType{"Report": {Number: 1200}, "Pdfx": {Number: 1201, MIME: "application/pdf"}}
	}, `"UserMetadata": {"Foo": 1100, "Bar": 2000}`, check, `"LogExportedResources": true`,
		`"UserContentType": {"Report": 1200, "Pdfx": [1201, "application/pdf"]}`).samples("CT_small.dcm")
}

// askAnnotations is about metadata, labels, protection, attachments and the logs.
func askAnnotations(t *testing.T, c *contract) {
	p := annotated(t, c, false)
	for _, list := range [][]question{metadataQuestions, labelQuestions, protectionQuestions, attachmentQuestions, reconstructionQuestions} {
		p.questions(list)
	}
	for _, level := range []string{"{I}", "{E}", "{S}", "{P}"} {
		for _, path := range []string{"/metadata", "/metadata?expand", "/metadata?numeric", "/metadata?expand&numeric", "/attachments", "/attachments?full", "/labels"} {
			p.requests("GET " + level + path)
		}
	}
	for _, arguments := range changeArguments {
		p.requests("GET /changes" + arguments)
	}
	p.questions(logQuestions)
}

// askRevisions is about changes that have to know what they change.
func askRevisions(t *testing.T, c *contract) {
	annotated(t, c, true).questions(revisionQuestions)
}
