package daemon_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/testkit"
)

// exchange is a request whose answers have to be alike, with the headers that matter.
type exchange struct {
	request string // "PUT PATH BODY"; {I} {E} {S} {P} {N} stand for an instance, its parents, and an unknown id
	header  string // "Name: value"
	differs string // why the answers may be different
}

var annotationIDs = strings.NewReplacer("{I}", "/instances/"+ctInstance, "{i}", ctInstance, "{E}", "/series/93034833-163e42c3-bc9a428b-194620cf-2c5799e5",
	"{S}", "/studies/"+ctStudy, "{P}", "/patients/fa558bce-587a86d3-ad0da9b3-9d043d9d-4f5c5718", "{N}", "/instances/"+noInstance)

// alikeHeaders are compared beside status and body.
var alikeHeaders = []string{"ETag", "Content-Range", "Content-Length"}

func annotations() []exchange {
	list := []exchange{
		{request: "GET {I}/metadata/Nope"}, {request: "GET {I}/metadata/1500"}, {request: "GET {I}/metadata/70000"},
		{request: "GET {I}/metadata/TransferSyntax"}, {request: "GET {I}/metadata/9"}, {request: "GET {E}/metadata/RemoteAET"},
		{request: "GET /series/{i}/metadata/RemoteAET"}, {request: "GET /instances/x/metadata"},
		{request: "PUT {I}/metadata/Foo hello"}, {request: "GET {I}/metadata/1100"}, {request: "PUT {I}/metadata/1500 b"},
		{request: "PUT {I}/metadata/ReceptionDate x"}, {request: "PUT {I}/metadata/Nope x"}, {request: "PUT {I}/metadata/1023 x"},
		{request: "PUT {I}/metadata/65536 x"}, {request: "PUT {I}/metadata/65535 x"}, {request: "DELETE {I}/metadata/1777"},
		{request: "DELETE {I}/metadata/65535"}, {request: "DELETE {I}/metadata/LastUpdate"}, {request: "PUT {N}/metadata/1500 x"},
		{request: "DELETE {N}/metadata/1500"}, {request: "PUT {I}/metadata/Foo x", header: `If-Match: "77"`},
		{request: "PUT {I}/metadata/Foo x", header: `If-Match: "7-abc"`}, {request: "PUT {I}/metadata/Foo "},
		{request: "GET {I}/metadata/Foo"}, {request: "GET {I}/metadata/Foo", header: `If-None-Match: "1-d41d8cd98f00b204e9800998ecf8427e"`},
		{request: "GET {I}/metadata/Foo", header: `If-None-Match: "0-d41d8cd98f00b204e9800998ecf8427e"`},
		{request: "GET {I}/metadata/Foo", header: `If-None-Match: foo`}, {request: "PUT {S}/metadata/Bar \xff\xfe"}, {request: "GET {S}/metadata?expand"},

		{request: "PUT {S}/labels/abc x"}, {request: "GET {S}/labels/abc"}, {request: "GET {S}/labels/nope"}, {request: "PUT {S}/labels/a.b"},
		{request: "PUT {S}/labels/" + strings.Repeat("a", 64)}, {request: "PUT {S}/labels/" + strings.Repeat("a", 65)},
		{request: "DELETE {S}/labels/nope"}, {request: "DELETE {S}/labels/a%20b"}, {request: "GET {S}/labels/a%20b"}, {request: "PUT {I}/labels/Z-9_"},
		{request: "GET /tools/labels"}, {request: "DELETE {S}/labels/abc"}, {request: "GET /tools/labels"}, {request: "PUT /studies/{i}/labels/a"},
		{request: "GET /studies/x/labels"}, {request: "POST {S}/labels"}, {request: "GET {S}"},

		{request: "GET {P}/protected"}, {request: "PUT {P}/protected 1"}, {request: "GET {P}/protected"}, {request: "GET {P}"},
		{request: "PUT {P}/protected  true "}, {request: "PUT {P}/protected foo"}, {request: "PUT {P}/protected False"}, {request: "PUT {P}/protected 0"},
		{request: "PUT /patients/x/protected 1"}, {request: "GET /patients/x/protected"}, {request: "GET {S}/protected"},

		{request: "GET {I}/attachments/dicom"}, {request: "GET {I}/attachments/1/md5"}, {request: "GET {I}/attachments/dicom/size"},
		{request: "GET {I}/attachments/dicom/is-compressed"}, {request: "GET {I}/attachments/dicom/info"}, {request: "GET {I}/attachments/dicom/data"},
		{request: "GET {I}/attachments/dicom/data", header: "Range: bytes=128-131"}, {request: "GET {I}/attachments/dicom/uuid"},
		{request: "GET {I}/attachments/Nope"}, {request: "GET {I}/attachments/1200"}, {request: "GET {I}/attachments/1200/data"},
		{request: "GET {I}/attachments/dicom-as-json"}, {request: "GET {I}/attachments/65536"}, {request: "GET /instances/x/attachments/dicom/md5"},
		{request: "GET /instances/x/attachments/nope/md5"}, {request: "PUT {I}/attachments/Report hello"}, {request: "PUT {I}/attachments/Report hello5"},
		{request: "GET {I}/attachments/Report/data"}, {request: "GET {I}/attachments/1200/data?filename=foo.txt"}, {request: "GET {I}/attachments/1200/info"},
		{request: "PUT {I}/attachments/1201 pdf"}, {request: "GET {I}/attachments/Pdfx/data"}, {request: "PUT {I}/attachments/1500 "},
		{request: "GET {I}/attachments/1500/data"}, {request: "GET {I}/attachments/1500/md5"}, {request: "GET {I}/attachments"},
		{request: "PUT {I}/attachments/dicom x"}, {request: "PUT {I}/attachments/nope x"}, {request: "PUT {I}/attachments/1023 x"},
		{request: "PUT {I}/attachments/65536 x"}, {request: "DELETE {I}/attachments/dicom"}, {request: "DELETE {I}/attachments/1600"},
		{request: "DELETE {I}/attachments/1500"}, {request: "DELETE {I}/attachments/1500"}, {request: "PUT {S}/attachments/1200 x"},
		{request: "PUT {N}/attachments/1200 x"}, {request: "DELETE {N}/attachments/1200"}, {request: "PUT /studies/{i}/attachments/1700 x"},
		{request: "DELETE /studies/{i}/attachments/1700"}, {request: "GET /studies/{i}/attachments"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=1-2"}, {request: "GET {I}/attachments/Report/data", header: "Range: bytes=1-"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=9-12"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=0-1,3-4"}, {request: "GET {I}/attachments/Report/data", header: "Range: foo"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=-2", differs: "RFC 9110: the last two bytes; Orthanc gives the first three"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=1-100", differs: "RFC 9110: what there is of it; Orthanc answers 416"},
		{request: "GET {I}/attachments/Report/compressed-data", header: "Range: bytes=1-2"},
		{request: "GET {I}/attachments/Report/data", header: `If-None-Match: "1-ebde9cc9540087b9688fdb470fa20f17"`},
		{request: "GET {I}/attachments/Report/md5", header: `If-None-Match: "1-ebde9cc9540087b9688fdb470fa20f17"`},
		{request: "GET {I}/attachments/Report", header: `If-None-Match: x`}, {request: "POST {I}/attachments/Report/verify-md5"},
		{request: "POST {I}/attachments/dicom/verify-md5"}, {request: "POST {I}/attachments/1999/verify-md5"}, {request: "POST {N}/attachments/dicom/verify-md5"},
		{request: "POST {I}/attachments/dicom/compress"}, {request: "GET {I}/attachments/dicom/is-compressed"}, {request: "GET {I}/attachments/dicom/size"},
		{request: "GET {I}/attachments/dicom/data"}, {request: "GET {I}/file"}, {request: "POST {I}/attachments/dicom/uncompress"},
		{request: "POST {I}/attachments/dicom/uncompress"}, {request: "GET {I}/attachments/dicom/is-compressed"}, {request: "POST {I}/attachments/Report/compress"},
		{request: "GET {I}/attachments/Report/data", header: "Range: bytes=1-2"}, {request: "GET {I}/attachments/Report/size"},
		{request: "POST {I}/attachments/Report/uncompress"}, {request: "GET {I}/attachments/Report/info"}, {request: "POST {I}/attachments/1999/compress"},
		{request: "POST {I}/attachments/nope/compress"}, {request: "GET /statistics"},

		{request: "POST {S}/reconstruct"}, {request: `POST {S}/reconstruct {"ReconstructFiles": true}`}, {request: `POST {S}/reconstruct {"ReconstructFiles": 3}`},
		{request: "POST {S}/reconstruct zz"}, {request: "POST /studies/x/reconstruct"}, {request: "POST /tools/reconstruct"}, {request: "POST /tools/invalidate-tags"},
	}
	for _, level := range []string{"{I}", "{E}", "{S}", "{P}"} {
		for _, path := range []string{"/metadata", "/metadata?expand", "/metadata?numeric", "/metadata?expand&numeric", "/attachments", "/attachments?full", "/labels"} {
			list = append(list, exchange{request: "GET " + level + path})
		}
	}
	for _, arguments := range []string{"", "?limit=2", "?since=3&limit=2", "?last", "?since=1000", "?to=3&limit=2", "?to=4&since=1&limit=2",
		"?type=NewInstance", "?type=NewInstance;NewStudy&limit=3", "?type=Foo", "?type=NewInstance;Foo", "?type=All", "?type=", "?limit=0", "?limit=x",
		"?since=x", "?since=-1", "?to=x", "?last&limit=2", "?type=Deleted", "?type=UpdatedMetadata&to=100&limit=2", "?to=0&limit=1", "?to=-5&limit=1",
		"?type=NewInstance&limit=1", "?since=2&to=4", "?to=4&limit=4", "?to=4&since=4", "?to=100&limit=3", "?type=NewChildInstance",
		"?type=NewInstance&since=1&limit=1", "?type=newinstance", "?limit=-3"} {
		list = append(list, exchange{request: "GET /changes" + arguments})
	}
	list = append(list, exchange{request: "GET /exports"}, exchange{request: "POST /modalities/dead/store {i}"},
		exchange{request: "POST /modalities/dead/store " + ctStudy}, exchange{request: "GET /exports"}, exchange{request: "GET /exports?limit=1"},
		exchange{request: "GET /exports?last"}, exchange{request: "GET /exports?since=1&limit=1"}, exchange{request: "GET /exports?since=100"},
		exchange{request: "GET /exports?limit=0"}, exchange{request: "DELETE /exports"}, exchange{request: "GET /exports"},
		exchange{request: "DELETE /series/93034833-163e42c3-bc9a428b-194620cf-2c5799e5"}, exchange{request: "GET /changes?limit=8"},
		exchange{request: "GET /tools/labels"}, exchange{request: "GET /statistics"}, exchange{request: "DELETE /changes"},
		exchange{request: "GET /changes"}, exchange{request: "GET /changes?last"})
	return list
}

func revisions() []exchange {
	return []exchange{
		{request: "PUT {I}/metadata/Foo a"}, {request: "PUT {I}/metadata/Foo b"},
		{request: "PUT {I}/metadata/Foo b", header: "If-Match: 0-0cc175b9c0f1b6a831c399e269772661"},
		{request: "PUT {I}/metadata/Foo c", header: `If-Match: "0-92eb5ffee6ae2fec3ad71c777531578f"`},
		{request: "PUT {I}/metadata/Foo d", header: `If-Match: "0-0cc175b9c0f1b6a831c399e269772661"`},
		{request: "PUT {I}/metadata/Foo d", header: "If-Match: x"}, {request: "PUT {I}/metadata/Foo d", header: "If-Match: *"},
		{request: "PUT {I}/metadata/Bar d", header: `If-Match: "0-0cc175b9c0f1b6a831c399e269772661"`},
		{request: "DELETE {I}/metadata/Foo"}, {request: "DELETE {I}/metadata/Foo", header: `If-Match: "77-92eb5ffee6ae2fec3ad71c777531578f"`},
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
}

// Metadata, attachments, labels, protection and the logs answer as Orthanc's do, over the same object.
func TestAnnotationsLikeOrthanc(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		check     bool
		exchanges []exchange
	}{{"plain", false, annotations()}, {"revisions", true, revisions()}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sample := filepath.Join(testkit.Samples(t), "CT_small.dcm")
			program := testkit.NewestOrthanc(t)
			s := start(t, func(cfg *config.Config) {
				cfg.DicomAet, cfg.LogExportedResources, cfg.CheckRevisions = "ORTHANC", true, test.check
				cfg.UserMetadata = map[string]int{"Foo": 1100, "Bar": 2000}
				cfg.UserContentType = map[string]config.ContentType{"Report": {Number: 1200}, "Pdfx": {Number: 1201, MIME: "application/pdf"}}
			})
			check := `"CheckRevisions": false`
			if test.check {
				check = `"CheckRevisions": true`
			}
			o := startOrthanc(t, program, s.dicomPort(), `"UserMetadata": {"Foo": 1100, "Bar": 2000}`, check, `"LogExportedResources": true`,
				`"UserContentType": {"Report": 1200, "Pdfx": [1201, "application/pdf"]}`)
			file, err := os.ReadFile(sample)
			if err != nil {
				t.Fatal(err)
			}
			for _, base := range []string{s.url, o.url} {
				ask(t, "PUT", base+"/modalities/dead", []byte(`["DEAD", "127.0.0.1", 1]`), nil)
				ask(t, "POST", base+"/instances", file, nil)
			}
			complain := complainer(t, o.url)
			for _, x := range test.exchanges {
				x.compare(t, complain, s.url, o.url)
			}
		})
	}
}

type reply struct {
	Status  int
	Headers map[string]string
	Body    any
}

func (x exchange) compare(t *testing.T, complain func(string, ...any), ours, theirs string) {
	t.Helper()
	mine, orthancs := x.ask(t, ours), x.ask(t, theirs)
	if x.differs == "" && !reflect.DeepEqual(mine, orthancs) {
		complain("%s %s:\n%s\nOrthanc answers:\n%s", x.request, x.header, show(mine), show(orthancs))
	}
}

// passing are texts that depend on the time, and on how the servers name their blobs.
var passing = regexp.MustCompile(`20\d{6}T\d{6}|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

func (x exchange) ask(t *testing.T, base string) reply {
	t.Helper()
	method, rest, _ := strings.Cut(annotationIDs.Replace(x.request), " ")
	path, body, _ := strings.Cut(rest, " ")
	rq, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	rq.Header.Set("Accept-Encoding", "identity")
	if name, value, ok := strings.Cut(x.header, ": "); ok {
		rq.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{Status: answer.StatusCode, Headers: map[string]string{}, Body: normal(passing.ReplaceAll(text, nil))}
	if errorBody, ok := r.Body.(map[string]any); ok && errorBody["OrthancStatus"] != nil {
		delete(errorBody, "Uri")
		return r
	}
	isJSON := bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("["))
	for _, name := range alikeHeaders {
		if v := answer.Header.Get(name); v != "" && (name != "Content-Length" || !isJSON && v != "0") && !strings.Contains(path, "Date") {
			r.Headers[name] = v
		}
	}
	if answer.StatusCode == http.StatusOK && strings.HasSuffix(path, "/data") {
		r.Headers["Content-Type"] = answer.Header.Get("Content-Type")
	}
	return r
}

// The metadata of every sample are those that Orthanc notes of it.
func TestMetadataOfSamplesLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples, program := testkit.Samples(t), testkit.NewestOrthanc(t)
	s := start(t, func(cfg *config.Config) { cfg.DicomAet = "ORTHANC" })
	o := startOrthanc(t, program, s.dicomPort())
	complain := complainer(t, o.url)
	for _, id := range storeEverywhere(t, samples, s.url, o.url) {
		exchange{request: "GET /instances/" + id + "/metadata?expand"}.compare(t, complain, s.url, o.url)
	}
	for _, level := range []string{"series", "studies", "patients"} {
		var ids []string
		ask(t, "GET", o.url+"/"+level, nil, &ids)
		for _, id := range ids {
			exchange{request: "GET /" + level + "/" + id + "/metadata?expand"}.compare(t, complain, s.url, o.url)
		}
	}
}
