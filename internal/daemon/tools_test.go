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
