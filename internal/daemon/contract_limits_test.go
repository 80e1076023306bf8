package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/config"
	"gantry/internal/testkit"
)

// limitSamples are of one patient each.
var limitSamples = []string{"CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "waveform_ecg.dcm", "CT_small.dcm"}

// askLimits is about the limit of patients: both let the same patients go, or refuse the same objects.
func askLimits(t *testing.T, c *contract) {
	for _, mode := range []string{"Recycle", "Reject"} {
		p := c.pair(t, func(cfg *config.Config) { cfg.MaximumPatientCount, cfg.MaximumStorageMode = 2, mode },
			`"MaximumPatientCount": 2`, fmt.Sprintf(`"MaximumStorageMode": %q`, mode))
		for i, name := range limitSamples {
			p.samples(name).requests("GET /patients")
			if i == 3 {
				var list []string
				ask(t, "GET", p.theirs+"/patients", nil, &list)
				for _, id := range list {
					p.requests("PUT /patients/" + id + "/protected 1")
				}
			}
		}
		p.requests("GET /statistics")
	}
}

// askSizeLimit is about the limit of bytes, over objects that take nearly twice as much.
func askSizeLimit(t *testing.T, c *contract) {
	p := c.pair(t, func(cfg *config.Config) { cfg.MaximumStorageSize = 1 }, `"MaximumStorageSize": 1`)
	files, err := filepath.Glob(filepath.Join(testkit.Samples(t), "*.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(file) > 300_000 || p.upload("/"+filepath.Base(name), file) == "" {
			continue
		}
		total += len(file)
		p.requests("GET /instances")
	}
	if total < 3<<19 {
		t.Errorf("only %d bytes were uploaded", total)
	}
	p.requests("GET /statistics")
}

// askStable is about the changes that are noted when what came has been left alone for StableAge.
func askStable(t *testing.T, c *contract) {
	p := c.pair(t, func(cfg *config.Config) { cfg.StableAge = 1 }, `"StableAge": 1`).samples("CT_small.dcm", "MR_small.dcm")
	eventually(t, "both note six stable resources", func() bool {
		for _, base := range []string{p.ours, p.theirs} {
			var changes struct{ Last int }
			if ask(t, "GET", base+"/changes", nil, &changes); changes.Last != 14 {
				return false
			}
		}
		return true
	})
	p.requests("GET /changes", "GET /changes?type=StableStudy", "GET /changes?type=StableSeries;StablePatient", "GET /patients?expand", "GET /studies?expand",
		"GET /series?expand")
}

// askExtraMainTags is about tags that are kept of what comes beside the usual ones, and noted as the signature.
func askExtraMainTags(t *testing.T, c *contract) {
	p := c.pair(t, func(cfg *config.Config) {
		cfg.ExtraMainDicomTags = map[string][]string{"Instance": {"Rows"}, "Series": {"PatientPosition", "0008,0016"}, "Study": {"StationName"}, "Patient": {"PatientAge"}}
	}, `"ExtraMainDicomTags": {"Instance": ["Rows"], "Series": ["PatientPosition", "0008,0016"], "Study": ["StationName"], "Patient": ["PatientAge"]}`)
	p.samples("CT_small.dcm")
	p.requests("GET /patients?expand", "GET /studies?expand", "GET /series?expand", "GET /instances?expand", "GET {I}/metadata/MainDicomTagsSignature",
		"GET {S}/metadata/15", "GET /system", `POST /tools/find {"Level": "Instance", "Query": {"Rows": "128"}}`,
		`POST /tools/find {"Level": "Study", "Query": {"StationName": "*"}, "RequestedTags": ["StationName"]}`)
}
