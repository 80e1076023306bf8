package daemon_test

import (
	"fmt"
	"net/http"
	"testing"
)

// askDeletions is about uploads, what they answer the second time, and what deletions leave behind.
func askDeletions(t *testing.T, c *contract) {
	p := c.pair(t, nil)
	names := []string{"CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "waveform_ecg.dcm", "JPEG2000.dcm"}
	p.samples(names...).samples(names...)
	p.synthetic()
	file := syntheticFile(t, synthetic[0])
	files := map[string][]byte{"a/b.dcm": file, "c.txt": []byte("hello"), "DICOMDIR": []byte("x"), "folder/": nil}
	form := fmt.Appendf(nil, "--BB\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.dcm\"\r\n\r\n%s\r\n--BB--\r\n", file)
	for _, q := range []question{
		{request: "POST /instances empty", body: []byte{}}, {request: "POST /instances hello"}, {request: "POST /instances cut", body: file[:len(file)-40]},
		{request: "POST /instances twice", body: append(file[:len(file):len(file)], file...)}, {request: "POST /instances preamble", body: file[:132]},
		{request: "POST /instances gzip", body: compressed(t, file, gzipWriter), header: "Content-Encoding: gzip"},
		{request: "POST /instances deflate", body: compressed(t, file, zlibWriter), header: "Content-Encoding: deflate"},
		{request: "POST /instances form", body: form, header: "Content-Type: multipart/form-data; boundary=BB"},
		{request: "POST /instances not gzip", body: file, header: "Content-Encoding: gzip"},
		{request: "POST /instances zip", body: zipped(t, files, nil)},
		{request: "POST /instances cut zip", body: zipped(t, files, nil)[:300]},
		{request: "POST /instances gzip without a word", body: compressed(t, []byte("no DICOM"), gzipWriter)},
		{request: "POST /instances empty zip", body: zipped(t, nil, nil)},
		{request: "POST /instances text zip", body: zipped(t, map[string][]byte{"c.txt": []byte("hello")}, nil)},
		{request: "PUT /instances x"},
	} {
		p.ask(q)
	}
	p.requests("GET /statistics", "GET /patients/"+mrPatient, "GET {S}", "GET /series/"+mrSeries, "GET {I}", "DELETE /series/"+mrSeries,
		"GET /patients/"+mrPatient, "DELETE {I}", "DELETE {I}", "GET /statistics")
	p.requests(`POST /tools/bulk-delete {"Resources": ["nope"]}`, `POST /tools/bulk-delete {}`, `POST /tools/bulk-delete []`, `POST /tools/bulk-delete {"Resources": "x"}`,
		`POST /tools/bulk-delete {"Resources": [1]}`, "POST /tools/bulk-delete x", `POST /tools/bulk-delete {"Resources": []}`)
	for _, level := range []string{"instances", "series", "studies", "patients"} {
		var ids []string
		ask(t, http.MethodGet, p.theirs+"/"+level, nil, &ids)
		p.requests("DELETE /"+level+"/"+ids[0], "GET /"+level, "GET /patients?expand", "DELETE /"+level+"/"+ids[0], "GET /statistics")
		ask(t, http.MethodGet, p.theirs+"/"+level, nil, &ids)
		if level != "patients" {
			p.requests(`POST /tools/bulk-delete {"Resources": ["`+ids[0]+`", "{n}", "`+ids[0]+`"]}`, "GET /statistics", "GET /"+level)
		}
	}
	p.requests("GET /changes?last", "GET /changes?type=Deleted")
}
