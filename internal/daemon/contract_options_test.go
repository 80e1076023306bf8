package daemon_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"gantry/internal/config"
)

// askOptions is about options that change answers.
func askOptions(t *testing.T, c *contract) {
	t.Run("described errors", func(t *testing.T) {
		t.Parallel()
		p := c.pair(t, func(cfg *config.Config) { cfg.HttpDescribeErrors = false }, `"HttpDescribeErrors": false`)
		p.requests("POST /instances x", "GET {N}/tags", "POST /tools/find {", "DELETE /system", "GET /jobs/x", "PUT {S}/labels/a", "GET /modalities/x")
	})
	t.Run("compressed", func(t *testing.T) {
		t.Parallel()
		p := c.pair(t, func(cfg *config.Config) { cfg.StorageCompression = true }, `"StorageCompression": true`).samples("CT_small.dcm")
		p.requests("GET {I}/file", "GET {I}/attachments/dicom/is-compressed", "GET {I}/attachments/dicom/size", "GET {I}/attachments/dicom/md5",
			"GET {I}/attachments/dicom/data", "GET {I}/tags?short", "POST {I}/attachments/dicom/verify-md5", "POST {I}/attachments/dicom/uncompress",
			"GET {I}/attachments/dicom/info", "GET {I}/statistics", "GET /statistics", "GET {I}")
		p.ask(question{request: "GET {I}/attachments/dicom/data", header: "Range: bytes=128-131"})
	})
	t.Run("overwritten", func(t *testing.T) {
		t.Parallel()
		p := c.pair(t, func(cfg *config.Config) { cfg.OverwriteInstances = "Always" }, `"OverwriteInstances": true`).samples("CT_small.dcm")
		p.requests("PUT {I}/labels/a", "PUT {I}/metadata/1024 x")
		p.samples("CT_small.dcm").requests("GET {I}", "GET {I}/metadata?expand", "GET /statistics", "GET {S}", "GET /system")
	})
	t.Run("read only", func(t *testing.T) {
		t.Parallel()
		p := c.pair(t, func(cfg *config.Config) { cfg.ReadOnly = true }, `"ReadOnly": true`)
		p.requests("POST /instances x", "DELETE {I}", "PUT {S}/labels/a", "DELETE /changes", "GET /system", "GET /instances", "PUT {P}/protected 1",
			"PUT {I}/metadata/1024 x", "PUT {I}/attachments/1024 x", `POST /tools/bulk-delete {"Resources": ["{i}"]}`, "POST /tools/reconstruct", "DELETE /exports")
	})
	t.Run("written files", func(t *testing.T) {
		t.Parallel()
		p := c.pair(t, nil, `"RestApiWriteToFileSystemEnabled": true`).samples("CT_small.dcm")
		p.requests("POST {I}/export " + filepath.ToSlash(filepath.Join(t.TempDir(), "written.dcm")))
	})
	t.Run("case of names", func(t *testing.T) {
		t.Parallel()
		p := c.pair(t, func(cfg *config.Config) { cfg.CaseSensitivePN = true }, `"CaseSensitivePN": true`).samples("CT_small.dcm", "MR_small.dcm")
		for _, name := range []string{"compressed*", "Compressed*", "COMPRESSEDSAMPLES^CT1", "CompressedSamples^CT1"} {
			p.requests(fmt.Sprintf(`POST /tools/find {"Level": "Patient", "Query": {"PatientName": %q}}`, name))
		}
	})
}

// askReports is about the reports of storage commitment: each asks a peer of its own, which knows where to send them.
func askReports(t *testing.T, c *contract) {
	p := c.pair(t, nil).samples("CT_small.dcm", "MR_small.dcm")
	for base, port := range map[string]string{p.ours: p.gantry.dicomPort(), p.theirs: fmt.Sprint(p.orthanc.dicom)} {
		keeper := start(t, nil)
		ask(t, http.MethodPut, keeper.url+"/modalities/asker", fmt.Appendf(nil, `["ORTHANC", "127.0.0.1", %s]`, port), nil)
		ask(t, http.MethodPut, base+"/modalities/keeper", fmt.Appendf(nil, `["GANTRY", "127.0.0.1", %s]`, keeper.dicomPort()), nil)
		ask(t, http.MethodPost, base+"/modalities/keeper/store", []byte(ctInstance), nil)
	}
	for _, body := range []string{`{"DicomInstances": [["1.2.840.10008.5.1.4.1.1.2", "1.2.3"]]}`, `{"Resources": ["{s}", "` + mrSeries + `"]}`,
		`{"DicomInstances": [{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": "1.2.3"}], "Timeout": 5}`, `{"Resources": ["{i}"]}`} {
		for _, what := range []string{"GET", "POST /remove"} {
			p.asEach(what+" /storage-commitment/{report} "+body, func(base string) string {
				var request struct{ ID string }
				ask(t, http.MethodPost, base+"/modalities/keeper/storage-commitment", []byte(known.Replace(body)), &request)
				awaitReport(t, base, request.ID)
				if what == "GET" {
					return "GET /storage-commitment/" + request.ID
				}
				return "POST /storage-commitment/" + request.ID + "/remove"
			})
		}
		p.requests("GET /instances", "GET /statistics")
	}
}
