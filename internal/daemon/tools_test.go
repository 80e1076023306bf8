package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/scu"
	"gantry/internal/testkit"
)

// toolQuestions leaves out what changes with time or says how many classes and syntaxes each server knows.
func toolQuestions() []question {
	unlike := func(q question, why string) question { q.differs = why; return q }
	list := []question{
		{method: "GET", path: "/plugins/x"}, {method: "GET", path: "/tools/generate-uid"}, {method: "GET", path: "/tools/generate-uid?level=Study"},
		{method: "GET", path: "/tools/default-encoding"}, {method: "PUT", path: "/tools/default-encoding", body: "Cyrillic"},
		{method: "GET", path: "/tools/default-encoding"}, {method: "PUT", path: "/tools/default-encoding", body: "latin1"},
		{method: "PUT", path: "/tools/default-encoding", body: "Latin1"},
		{method: "GET", path: "/tools/unknown-sop-class-accepted"}, {method: "PUT", path: "/tools/unknown-sop-class-accepted", body: "true"},
		{method: "GET", path: "/tools/unknown-sop-class-accepted"}, {method: "PUT", path: "/tools/unknown-sop-class-accepted", body: "x"},
		{method: "PUT", path: "/tools/accepted-transfer-syntaxes", body: `["1.2.840.10008.1.2","1.2.840.10008.1.2.4.50"]`},
		{method: "GET", path: "/tools/accepted-transfer-syntaxes"}, {method: "PUT", path: "/tools/accepted-transfer-syntaxes", body: `{}`},
		{method: "PUT", path: "/tools/accepted-transfer-syntaxes", body: `[1]`}, {method: "PUT", path: "/tools/accepted-transfer-syntaxes", body: `[]`},
		{method: "GET", path: "/tools/log-level-nope"}, {method: "PUT", path: "/tools/log-level-nope", body: "trace"},
		{method: "POST", path: "/tools/bulk-delete", body: `{"Resources":["x","` + noInstance + `"]}`}, {method: "POST", path: "/tools/bulk-delete", body: `{}`},
		{method: "POST", path: "/tools/bulk-delete", body: `[]`}, {method: "POST", path: "/tools/bulk-delete", body: `{"Resources":"x"}`},
		{method: "POST", path: "/tools/bulk-delete", body: `{"Resources":[1]}`}, {method: "POST", path: "/tools/bulk-delete", body: ``},
		{method: "POST", path: "/tools/execute-script", body: `print(1)`},
		{method: "POST", path: "/tools/dicom-echo", body: ``}, {method: "POST", path: "/tools/dicom-echo", body: `{"AET":"X"}`},
		{method: "POST", path: "/tools/dicom-echo", body: `{"AET":"X","Host":"127.0.0.1","Port":1}`},
		{method: "GET", path: "/tools/execute-script"}, {method: "POST", path: "/tools/now"},
		{method: "GET", path: "/instances/" + noInstance + "/frames"}, {method: "GET", path: "/instances/" + noInstance + "/frames/0/raw"},
		{method: "POST", path: "/instances/" + noInstance + "/export", body: "/tmp/x"},
		unlike(question{method: "GET", path: "/plugins"}, "Orthanc has its explorer there"),
		unlike(question{method: "PUT", path: "/tools/accepted-transfer-syntaxes", body: "1.2.840.10008.1.2*"}, "Orthanc takes a pattern for JSON where it begins with a number"),
	}
	for _, id := range []string{ctInstance, "bec56f6c-86f24cbb-957f6310-17b41048-4cd975f3", "ad37e374-bfed7063-7a623e83-273dc020-50b0bee4", "bac127ea-4488db0e-293f7785-d4614281-7379578f"} {
		for _, path := range []string{"/frames", "/frames/0/raw", "/frames/1/raw", "/frames/99/raw", "/frames/x/raw", "/frames/-1/raw"} {
			list = append(list, question{method: "GET", path: "/instances/" + id + path})
		}
	}
	for _, category := range []string{"", "-generic", "-plugins", "-http", "-sqlite", "-dicom", "-jobs", "-lua"} {
		path := "/tools/log-level" + category
		list = append(list, question{method: "GET", path: path}, question{method: "PUT", path: path, body: "verbose"}, question{method: "GET", path: path},
			question{method: "PUT", path: path, body: "loud"}, question{method: "PUT", path: path, body: "default"}, question{method: "GET", path: path})
	}
	return append(list, question{method: "POST", path: "/tools/bulk-delete", body: `{"Resources":["` + ctStudy + `","` + ctInstance + `"]}`},
		question{method: "GET", path: "/instances/" + ctInstance}, question{method: "GET", path: "/statistics"})
}

// The tools, and the forms of POST /instances, answer as Orthanc's do.
func TestToolsLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples, program := testkit.Samples(t), testkit.NewestOrthanc(t)
	s := start(t, func(c *config.Config) { c.DicomAet, c.LogLevel = "ORTHANC", "info" })
	o := startOrthanc(t, program, s.dicomPort())
	complain := t.Errorf
	var system struct{ Version string }
	if ask(t, "GET", o.url+"/system", nil, &system); !strings.HasPrefix(system.Version, "1.13.") {
		t.Logf("WARNING: compared with Orthanc %s, not 1.13; differences do not fail", system.Version)
		complain = t.Logf
	}
	files := map[string][]byte{"readme": []byte("hello"), "folder/": nil}
	for _, name := range []string{"CT_small.dcm", "test-SR.dcm", "rtdose_rle.dcm", "JPEG2000.dcm"} {
		file, err := os.ReadFile(filepath.Join(samples, name))
		if err != nil {
			t.Fatal(err)
		}
		files["folder/"+name] = file
	}
	for _, body := range [][]byte{zipped(t, files, nil), zipped(t, files, nil), zipped(t, map[string][]byte{"readme": []byte("x")}, nil),
		zipped(t, files, nil)[:300], compressed(t, []byte("no DICOM"), gzipWriter)} {
		status1, body1 := do(t, "POST", s.url+"/instances", body)
		status2, body2 := do(t, "POST", o.url+"/instances", body)
		compareBodies(complain, "upload", status1, status2, body1, body2)
	}
	for _, q := range toolQuestions() {
		compareAnswers(t, complain, s.url, o.url, q)
	}
}

// What is accepted changes for the next association.
func TestAcceptanceChangesAtRunTime(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	offered := func(class, syntax dicom.UID) bool {
		client, err := scu.Dial(t.Context(), scu.Config{Addr: s.DICOMAddr().String(), CallingAET: "TEST", CalledAET: "GANTRY",
			Contexts: []dul.ProposedContext{{AbstractSyntax: string(class), TransferSyntaxes: []string{string(syntax)}}}})
		if err != nil {
			return false
		}
		accepted := slices.ContainsFunc(client.Assoc().Contexts(), func(c dul.Context) bool { return c.Accepted() })
		_ = client.Release(context.WithoutCancel(t.Context()))
		return accepted
	}
	const unknown = "1.2.3.4.5.6"
	if !offered(class, dicom.ExplicitVRLittleEndian) || offered(unknown, dicom.ExplicitVRLittleEndian) {
		t.Fatal("what is accepted at first is not what was expected")
	}
	ask(t, http.MethodPut, s.url+"/tools/accepted-transfer-syntaxes", []byte(dicom.ImplicitVRLittleEndian), nil)
	if offered(class, dicom.ExplicitVRLittleEndian) || !offered(class, dicom.ImplicitVRLittleEndian) {
		t.Error("the transfer syntaxes have not changed")
	}
	if status, text := do(t, http.MethodPut, s.url+"/tools/unknown-sop-class-accepted", []byte("1")); status != 200 {
		t.Fatalf("status %d: %s", status, text)
	}
	if !offered(unknown, dicom.ImplicitVRLittleEndian) {
		t.Error("the unknown class is still refused")
	}
}

// The default encoding holds for what comes, and for how files are read.
func TestDefaultEncodingChangesAtRunTime(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	file := bytes.Replace(newObject().file(t), []byte("\x08\x00\x05\x00CS\x0a\x00ISO_IR 100"), nil, 1)
	file = bytes.ReplaceAll(file, []byte("PHANTOM"), []byte("PHANT\xd0M"))
	for encoding, letter := range map[string]string{"Latin1": "Ð", "Cyrillic": "а"} {
		if status, text := do(t, http.MethodPut, s.url+"/tools/default-encoding", []byte(encoding)); status != 200 {
			t.Fatalf("status %d: %s", status, text)
		}
		var stored struct{ ID string }
		s.post("/instances", file, &stored)
		_, text := do(t, http.MethodGet, s.url+"/instances/"+stored.ID+"/simplified-tags", nil)
		if !strings.Contains(string(text), "PHANT"+letter) {
			t.Errorf("%s: %.600s", encoding, text)
		}
	}
}

// Pictures of the samples that both decode have the pixels of Orthanc's; where we have no decoder the answer is 415.
func TestPicturesLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples, program := testkit.Samples(t), testkit.NewestOrthanc(t)
	s := start(t, func(c *config.Config) { c.LogLevel = "warn" })
	o := startOrthanc(t, program, s.dicomPort())
	files, err := filepath.Glob(filepath.Join(samples, "*.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	compared := map[string]bool{}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var stored struct{ ID, Status string }
		if status, text := do(t, "POST", o.url+"/instances", file); status != 200 || json.Unmarshal(text, &stored) != nil || stored.Status != "Success" {
			continue // refused, or another file of this instance is there
		}
		if status, _ := do(t, "POST", s.url+"/instances", file); status != 200 {
			continue
		}
		for _, view := range []string{"preview", "image-uint8", "image-uint16", "image-int16", "rendered", "frames/0/preview", "frames/1/preview", "rendered?window-center=100&window-width=300"} {
			path := "/instances/" + stored.ID + "/" + view
			status1, ours := do(t, "GET", s.url+path, nil, "Accept", "image/x-portable-arbitrarymap")
			status2, theirs := do(t, "GET", o.url+path, nil, "Accept", "image/x-portable-arbitrarymap")
			switch {
			case status1 == 415 && (status2 == 200 || status2 == 415):
			case status1 != status2:
				t.Errorf("%s %s: status %d, Orthanc answers %d", filepath.Base(name), view, status1, status2)
			case !bytes.Equal(afterHeader(ours), afterHeader(theirs)):
				t.Errorf("%s %s: other pixels than Orthanc's", filepath.Base(name), view)
			default:
				compared[filepath.Base(name)] = true
			}
		}
	}
	if len(compared) < 8 {
		t.Errorf("only %d samples were compared", len(compared))
	}
}

// afterHeader is the pixels of a PAM picture.
func afterHeader(pam []byte) []byte {
	_, data, _ := bytes.Cut(pam, []byte("ENDHDR\n"))
	return data
}
