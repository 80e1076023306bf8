package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/scu"
	"gantry/internal/testkit"
)

// limitSamples are of one patient each.
var limitSamples = []string{"CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "waveform_ecg.dcm", "CT_small.dcm"}

// both asks gantry and Orthanc the same and wants the same answer.
func both(t *testing.T, complain func(string, ...any), ours, theirs, method, path string, body []byte) {
	t.Helper()
	status1, body1 := do(t, method, ours+path, body)
	status2, body2 := do(t, method, theirs+path, body)
	compareBodies(complain, method+" "+path, status1, status2, body1, body2)
}

// At the limit of patients both let the same patients go, or refuse the same objects.
func TestLimitsLikeOrthanc(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"Recycle", "Reject"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			samples, program := testkit.Samples(t), testkit.NewestOrthanc(t)
			s := start(t, func(cfg *config.Config) {
				cfg.DicomAet, cfg.MaximumPatientCount, cfg.MaximumStorageMode = "ORTHANC", 2, mode
			})
			o := startOrthanc(t, program, s.dicomPort(), `"MaximumPatientCount": 2`, fmt.Sprintf(`"MaximumStorageMode": %q`, mode))
			complain := complainer(t, o.url)
			for i, name := range limitSamples {
				file, err := os.ReadFile(filepath.Join(samples, name))
				if err != nil {
					t.Fatal(err)
				}
				both(t, complain, s.url, o.url, "POST", "/instances", file)
				both(t, complain, s.url, o.url, "GET", "/patients", nil)
				if i == 3 {
					var list []string
					ask(t, "GET", o.url+"/patients", nil, &list)
					for _, id := range list {
						both(t, complain, s.url, o.url, "PUT", "/patients/"+id+"/protected", []byte("1"))
					}
				}
			}
			both(t, complain, s.url, o.url, "GET", "/statistics", nil)
		})
	}
}

// At the limit of bytes both let the same patients go, over objects that take nearly twice as much.
func TestSizeLimitLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples, program := testkit.Samples(t), testkit.NewestOrthanc(t)
	s := start(t, func(cfg *config.Config) { cfg.DicomAet, cfg.MaximumStorageSize = "ORTHANC", 1 })
	o := startOrthanc(t, program, s.dicomPort(), `"MaximumStorageSize": 1`)
	complain := complainer(t, o.url)
	files, err := filepath.Glob(filepath.Join(samples, "*.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(file) > 300_000 {
			continue
		}
		if status, _ := do(t, "POST", o.url+"/instances", file); status != 200 {
			continue
		}
		ask(t, "POST", s.url+"/instances", file, nil)
		total += len(file)
		both(t, complain, s.url, o.url, "GET", "/instances", nil)
	}
	if total < 3<<19 {
		t.Errorf("only %d bytes were uploaded", total)
	}
	both(t, complain, s.url, o.url, "GET", "/statistics", nil)
}

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

// Both note the same changes when what came has been left alone for StableAge.
func TestStableLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples, program := testkit.Samples(t), testkit.NewestOrthanc(t)
	s := start(t, func(cfg *config.Config) { cfg.DicomAet, cfg.StableAge = "ORTHANC", 1 })
	o := startOrthanc(t, program, s.dicomPort(), `"StableAge": 1`)
	for _, name := range []string{"CT_small.dcm", "MR_small.dcm"} {
		file, err := os.ReadFile(filepath.Join(samples, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, base := range []string{s.url, o.url} {
			ask(t, "POST", base+"/instances", file, nil)
		}
	}
	noted := func(base string) (list []string) {
		var changes struct {
			Changes []struct{ ChangeType, ID string }
		}
		ask(t, "GET", base+"/changes", nil, &changes)
		for _, c := range changes.Changes {
			list = append(list, c.ChangeType+" "+c.ID)
		}
		return list
	}
	var ours, theirs []string
	eventually(t, "both note six stable resources", func() bool {
		ours, theirs = noted(s.url), noted(o.url)
		return len(ours) == 14 && len(theirs) == 14
	})
	if !reflect.DeepEqual(ours, theirs) {
		complainer(t, o.url)("changes %v\nOrthanc notes %v", ours, theirs)
	}
	for _, path := range []string{"/patients?expand", "/studies?expand", "/series?expand"} {
		both(t, complainer(t, o.url), s.url, o.url, "GET", path, nil)
	}
}

// Tags of ExtraMainDicomTags are kept of what comes, noted as the signature, and taken up by what is reconstructed.
func TestExtraMainTagsLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples, program := testkit.Samples(t), testkit.NewestOrthanc(t)
	extra := map[string][]string{"Instance": {"Rows"}, "Series": {"PatientPosition", "0008,0016"}, "Study": {"StationName"}, "Patient": {"PatientAge"}}
	s := start(t, func(cfg *config.Config) { cfg.DicomAet, cfg.ExtraMainDicomTags = "ORTHANC", extra })
	o := startOrthanc(t, program, s.dicomPort(), `"ExtraMainDicomTags": {"Instance": ["Rows"], "Series": ["PatientPosition", "0008,0016"],
		"Study": ["StationName"], "Patient": ["PatientAge"]}`)
	complain := complainer(t, o.url)
	file, err := os.ReadFile(filepath.Join(samples, "CT_small.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	both(t, complain, s.url, o.url, "POST", "/instances", file)
	for _, path := range []string{"/patients?expand", "/studies?expand", "/series?expand", "/instances?expand",
		"/instances/" + ctInstance + "/metadata/MainDicomTagsSignature", "/studies/" + ctStudy + "/metadata/15"} {
		both(t, complain, s.url, o.url, "GET", path, nil)
	}
	var ours, theirs struct{ MainDicomTags map[string]string }
	ask(t, "GET", s.url+"/system", nil, &ours)
	ask(t, "GET", o.url+"/system", nil, &theirs)
	if !reflect.DeepEqual(ours, theirs) {
		complain("main tags %v\nOrthanc has %v", ours, theirs)
	}
}
