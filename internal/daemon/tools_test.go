package daemon_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/scu"
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
