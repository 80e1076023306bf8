package daemon_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/testkit"
)

// question is asked of gantry and of the newest Orthanc, which hold the same objects; both have to answer alike.
type question struct {
	method, path, body string
	// differs says why the answers may be different; the statuses are not compared then.
	differs string
}

// The ids of two of the samples, by rule 4 of Orthanc's REST API.
const (
	ctInstance = "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"
	ctStudy    = "8a8cf898-ca27c490-d0c7058c-929d0581-2bbf104d"
	mrPatient  = "23755877-c2ffb60d-d0df4093-e1f071a3-68b19506"
	mrSeries   = "211fb9b0-46831f91-29422fb0-3d1353fd-1a2228a9"
	noInstance = "66a662ce-7430e543-bad44d47-0dc5a943-ec7a538d"
)

func questions() []question {
	list := []question{
		{method: "GET", path: "/statistics"},
		{method: "GET", path: "/instances?since=1"},
		{method: "GET", path: "/instances?limit=1"},
		{method: "GET", path: "/instances?limit=x&since=0"},
		{method: "GET", path: "//instances///" + ctInstance + "/"},
		{method: "PUT", path: "/instances", body: "x"},
		{method: "DELETE", path: "/system"},
		{method: "POST", path: "/instances", body: ""},
		{method: "POST", path: "/instances", body: "hello"},
		{method: "GET", path: "/nothing"},
		{method: "POST", path: "/nothing"},
		{method: "PUT", path: "/nothing"},
		{method: "GET", path: "/instances/" + noInstance + "/file"},
		{method: "GET", path: "/instances/x/file"},
		{method: "POST", path: "/tools/lookup", body: "4MR1"},
		{method: "POST", path: "/tools/lookup", body: "1.3.6.1.4.1.5962.1.2.4.20040826185059.5457"},
		{method: "POST", path: "/tools/lookup", body: "nobody"},
		{method: "GET", path: "/modalities"},
		{method: "GET", path: "/modalities?expand"},
		{method: "GET", path: "/modalities/dead/configuration"},
		{method: "GET", path: "/modalities/nobody"},
		{method: "GET", path: "/modalities/nobody/configuration"},
		{method: "POST", path: "/modalities/nobody/echo", body: "{}"},
		{method: "POST", path: "/modalities/dead/echo", body: "{}"},
		{method: "POST", path: "/modalities/dead/echo", body: "{"},
		{method: "POST", path: "/modalities/dead/echo", body: `{"Timeout": "a"}`},
		{method: "PUT", path: "/modalities/new", body: `["NEW", "127.0.0.1", 104]`},
		{method: "PUT", path: "/modalities/other", body: `{"AET": "N2", "Host": "h", "Port": 99, "AllowEcho": false, "LocalAet": "LL", "Timeout": 5}`},
		{method: "GET", path: "/modalities/other/configuration"},
		{method: "PUT", path: "/modalities/bad", body: `["NEW", "127.0.0.1"]`},
		{method: "PUT", path: "/modalities/bad", body: `["NEW", "127.0.0.1", 104444]`},
		{method: "PUT", path: "/modalities/bad", body: `["NEW", "127.0.0.1", 104, "Foo"]`},
		{method: "PUT", path: "/modalities/bad", body: `zzz`},
		{method: "DELETE", path: "/modalities/other"},
		{method: "DELETE", path: "/modalities/other"},
		{method: "POST", path: "/modalities/dead/store", body: ctInstance},
		{method: "POST", path: "/modalities/dead/store", body: `["nope"]`},
		{method: "POST", path: "/modalities/dead/store", body: "nope"},
		{method: "POST", path: "/modalities/dead/store", body: ""},
		{method: "POST", path: "/modalities/dead/store", body: "{}"},
		{method: "POST", path: "/modalities/dead/store", body: `{"Resources": "` + ctStudy + `"}`},
		{method: "POST", path: "/modalities/dead/store", body: `{"Resources": []}`},
		{method: "POST", path: "/modalities/dead/store", body: noInstance, differs: "Orthanc answers 500 to an unknown id; 404 is what it is"},
		{method: "POST", path: "/modalities/dead/store-straight", body: "aaa"},
		{method: "POST", path: "/modalities/dead/storage-commitment", body: "{}"},
		{method: "POST", path: "/modalities/dead/storage-commitment", body: `{"DicomInstances": [["1.2.3", "1.2.4"]]}`},
		{method: "POST", path: "/modalities/dead/storage-commitment", body: `{"DicomInstances": [["", "1.2.4"]]}`},
		{method: "POST", path: "/modalities/dead/storage-commitment", body: `{"DicomInstances": [["1"]]}`},
		{method: "POST", path: "/modalities/dead/storage-commitment", body: `{"Resources": ["` + noInstance + `"]}`},
		{method: "POST", path: "/modalities/nobody/storage-commitment", body: `{"DicomInstances": [["1.2.3", "1.2.4"]]}`},
		{method: "GET", path: "/storage-commitment/1.2"},
		{method: "POST", path: "/storage-commitment/1.2/remove"},
		{method: "GET", path: "/jobs/x"},
		{method: "DELETE", path: "/jobs/x"},
		{method: "POST", path: "/jobs/x/cancel"},
		{method: "POST", path: "/jobs/x/pause"},
		{method: "POST", path: "/jobs/x/resume"},
		{method: "POST", path: "/jobs/x/resubmit"},
	}
	for _, family := range []string{"patients", "studies", "series", "instances"} {
		list = append(list, question{method: "GET", path: "/" + family}, question{method: "GET", path: "/" + family + "?expand"},
			question{method: "GET", path: "/" + family + "/x"}, question{method: "DELETE", path: "/" + family + "/x"},
			question{method: "GET", path: "/" + family + "/" + noInstance},
			question{method: "DELETE", path: "/" + family + "/" + noInstance},
			question{method: "POST", path: "/" + family + "/" + ctInstance})
	}
	return append(list,
		question{method: "GET", path: "/patients/" + mrPatient}, question{method: "GET", path: "/studies/" + ctStudy},
		question{method: "GET", path: "/series/" + mrSeries}, question{method: "GET", path: "/instances/" + ctInstance},
		question{method: "DELETE", path: "/series/" + mrSeries}, question{method: "GET", path: "/patients/" + mrPatient},
		question{method: "DELETE", path: "/instances/" + ctInstance}, question{method: "GET", path: "/statistics"})
}

// TestAnswersLikeOrthanc asks both servers the same over the same objects. With a release of Orthanc other than the
// one gantry follows, differences are reported and fail nothing.
func TestAnswersLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples := testkit.Samples(t)
	program := testkit.NewestOrthanc(t)
	s := start(t, func(cfg *config.Config) { cfg.DicomAet = "ORTHANC" })
	o := startOrthanc(t, program, s.dicomPort())
	ask(t, "DELETE", o.url+"/modalities/gantry", nil, nil)
	var system struct{ Version string }
	ask(t, "GET", o.url+"/system", nil, &system)
	complain := t.Errorf
	if !strings.HasPrefix(system.Version, "1.13.") {
		t.Logf("WARNING: compared with Orthanc %s, not 1.13; differences do not fail", system.Version)
		complain = t.Logf
	}
	for _, base := range []string{s.url, o.url} {
		ask(t, "PUT", base+"/modalities/dead", []byte(`["DEAD", "127.0.0.1", 1]`), nil)
	}
	for _, name := range []string{"CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "waveform_ecg.dcm", "JPEG2000.dcm"} {
		upload(t, complain, s.url, o.url, filepath.Join(samples, name))
	}
	for _, q := range questions() {
		compareAnswers(t, complain, s.url, o.url, q)
	}
}

// upload sends a file to both, plain, again, and gzipped.
func upload(t *testing.T, complain func(string, ...any), ours, theirs, name string) {
	t.Helper()
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, attempt := range []struct {
		body   []byte
		header []string
	}{{file, nil}, {file, nil}, {zipped.Bytes(), []string{"Content-Encoding", "gzip"}}} {
		status1, body1 := do(t, "POST", ours+"/instances", attempt.body, attempt.header...)
		status2, body2 := do(t, "POST", theirs+"/instances", attempt.body, attempt.header...)
		compareBodies(complain, "upload of "+filepath.Base(name), status1, status2, body1, body2)
	}
}

func compareAnswers(t *testing.T, complain func(string, ...any), ours, theirs string, q question) {
	t.Helper()
	status1, body1 := do(t, q.method, ours+q.path, []byte(q.body))
	status2, body2 := do(t, q.method, theirs+q.path, []byte(q.body))
	if q.differs != "" {
		return
	}
	compareBodies(complain, fmt.Sprintf("%s %s %s", q.method, q.path, q.body), status1, status2, body1, body2)
}

func compareBodies(complain func(string, ...any), what string, status1, status2 int, body1, body2 []byte) {
	if status1 != status2 {
		complain("%s: status %d, Orthanc answers %d\n%s\n%s", what, status1, status2, body1, body2)
		return
	}
	json1, json2 := normal(body1), normal(body2)
	if !reflect.DeepEqual(json1, json2) {
		complain("%s:\n%s\nOrthanc answers:\n%s", what, show(json1), show(json2))
	}
}

// volatile are the fields that differ from run to run, and the texts that are our own.
var volatile = []string{"Details", "FileUuid", "LastUpdate", "ReceptionDate", "ID of the job"}

// normal reads an answer for comparison: lists of resources are sorted, because Orthanc's order is not ours.
func normal(body []byte) any {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return string(body)
	}
	return clean(value)
}

func clean(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			if slices.Contains(volatile, key) {
				delete(v, key)
				continue
			}
			v[key] = clean(v[key])
		}
	case []any:
		for i := range v {
			v[i] = clean(v[i])
		}
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(show(a), show(b)) })
	}
	return value
}

func show(value any) string {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}
