package daemon_test

import (
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/scu"
)

// What the limits refuse is answered with A700H and 507, and what ReadOnly refuses with A700H and 405.
func TestRefusedByLimitAndReadOnly(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*config.Config)
		status int
	}{
		"limit":    {func(cfg *config.Config) { cfg.MaximumPatientCount, cfg.MaximumStorageMode = 1, "Reject" }, 507},
		"readonly": {func(cfg *config.Config) { cfg.ReadOnly = true }, 405},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, test.change)
			object := newObject()
			if name == "limit" {
				image := newObject().image()
				image.PatientID = "FIRST"
				file, err := image.File()
				if err != nil {
					t.Fatal(err)
				}
				ask(t, "POST", s.url+"/instances", file, nil)
			}
			if status, body := do(t, "POST", s.url+"/instances", object.file(t)); status != test.status || !strings.Contains(string(body), "OrthancStatus") {
				t.Errorf("status %d, want %d: %s", status, test.status, body)
			}
			client, err := scu.Dial(t.Context(), scu.Config{Addr: s.DICOMAddr().String(), CallingAET: "TEST", CalledAET: "GANTRY",
				Contexts: []dul.ProposedContext{{AbstractSyntax: string(class), TransferSyntaxes: []string{string(dicom.ExplicitVRLittleEndian)}}}})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Abort()
			response, err := client.Store(t.Context(), &scu.StoreRequest{SOPClassUID: class, SOPInstanceUID: object.instance,
				TransferSyntax: dicom.ExplicitVRLittleEndian, Data: strings.NewReader(string(object.dataset(t)))})
			if err != nil || response.Status != 0xA700 {
				t.Errorf("C-STORE: %+v %v, want A700H", response, err)
			}
		})
	}
}
