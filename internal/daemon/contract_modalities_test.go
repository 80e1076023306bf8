package daemon_test

import "testing"

// askModalities is about peers, what is sent to them, and commitment, with a peer that is not there.
func askModalities(t *testing.T, c *contract) {
	p := c.pair(t, nil).samples("CT_small.dcm")
	p.requests(
		"GET /modalities", "GET /modalities?expand", "GET /modalities/dead", "GET /modalities/dead/configuration", "GET /modalities/nobody",
		"GET /modalities/nobody/configuration", "POST /modalities/nobody/echo {}", "POST /modalities/dead/echo {}", "POST /modalities/dead/echo {",
		"POST /modalities/dead/echo", `POST /modalities/dead/echo {"Timeout": "a"}`, `POST /modalities/dead/echo {"Timeout": -1}`,
		`POST /modalities/dead/echo {"CheckFind": 1}`,
		`PUT /modalities/new ["NEW", "127.0.0.1", 104]`,
		`PUT /modalities/other {"AET": "N2", "Host": "h", "Port": 99, "AllowEcho": false, "LocalAet": "LL", "Timeout": 5}`,
		"GET /modalities/other/configuration", "GET /modalities?expand", "GET /modalities/other", `PUT /modalities/bad ["NEW", "127.0.0.1"]`,
		`PUT /modalities/bad ["NEW", "127.0.0.1", 104444]`, `PUT /modalities/bad ["NEW", "127.0.0.1", 104, "Foo"]`, "PUT /modalities/bad zzz",
		`PUT /modalities/bad {"AET": "A"}`, `PUT /modalities/bad {"AET": 1, "Host": "h", "Port": 9}`, `PUT /modalities/bad 7`,
		`PUT /modalities/bad ["A", "h", "104"]`, "GET /modalities/bad/configuration", `PUT /modalities/bad ["A", "h", "x"]`,
		`PUT /modalities/long ["SEVENTEEN_LETTERS", "h", 104]`, `PUT /modalities/a%20b ["A", "h", 104]`, "DELETE /modalities/a%20b",
		`PUT /modalities/%ff ["A", "h", 104]`,
		"DELETE /modalities/other", "DELETE /modalities/other", "DELETE /modalities/long", "DELETE /modalities/bad", "GET /modalities",
	)
	p.requests(
		"POST /modalities/dead/store {i}", `POST /modalities/dead/store ["nope"]`, "POST /modalities/dead/store nope", "POST /modalities/dead/store",
		"POST /modalities/dead/store {}", `POST /modalities/dead/store {"Resources": "{s}"}`, `POST /modalities/dead/store {"Resources": []}`,
		"POST /modalities/dead/store {n}", "POST /modalities/dead/store []", `POST /modalities/dead/store {"Resources": [1]}`,
		"POST /modalities/nobody/store {i}", `POST /modalities/dead/store {"Resources": ["{i}"], "MoveOriginatorAet": "A"}`,
		`POST /modalities/dead/store {"Resources": ["{i}"], "MoveOriginatorID": "x"}`, `POST /modalities/dead/store {"Resources": ["{i}"], "Timeout": "x"}`,
		`POST /modalities/dead/store {"Resources": ["{i}"], "StorageCommitment": 1}`, `POST /modalities/dead/store {"Resources": ["{i}"], "LocalAet": 1}`,
		"POST /modalities/dead/store-straight aaa", "POST /modalities/dead/store-straight", "POST /modalities/nobody/store-straight aaa",
	)
	p.requests(
		"POST /modalities/dead/storage-commitment {}", `POST /modalities/dead/storage-commitment {"DicomInstances": [["1.2.3", "1.2.4"]]}`,
		`POST /modalities/dead/storage-commitment {"DicomInstances": [["", "1.2.4"]]}`, `POST /modalities/dead/storage-commitment {"DicomInstances": [["1"]]}`,
		`POST /modalities/dead/storage-commitment {"DicomInstances": "x"}`, `POST /modalities/dead/storage-commitment {"DicomInstances": [{"SOPClassUID": "1.2"}]}`,
		`POST /modalities/dead/storage-commitment {"Resources": ["nope"]}`, `POST /modalities/dead/storage-commitment {"Resources": [""]}`,
		`POST /modalities/dead/storage-commitment {"Resources": ["{n}"]}`, `POST /modalities/dead/storage-commitment {"Resources": "x"}`,
		`POST /modalities/dead/storage-commitment {"DicomInstances": [], "Timeout": "x"}`,
		`POST /modalities/dead/storage-commitment {"DicomInstances": [], "Timeout": -1}`, "POST /modalities/dead/storage-commitment x",
		`POST /modalities/nobody/storage-commitment {"DicomInstances": [["1.2.3", "1.2.4"]]}`, "GET /storage-commitment/1.2",
		"POST /storage-commitment/1.2/remove", "DELETE /storage-commitment/1.2", "POST /storage-commitment/1.2",
	)
	p.requests(
		`POST /tools/dicom-echo ["DEAD", "127.0.0.1", 1]`, `POST /tools/dicom-echo {"AET": "DEAD", "Host": "127.0.0.1", "Port": 1}`, "POST /tools/dicom-echo {}",
		"POST /tools/dicom-echo", "POST /tools/dicom-echo x", `POST /tools/dicom-echo {"AET": "DEAD", "Host": "127.0.0.1"}`,
		`POST /tools/dicom-echo {"AET": "DEAD", "Host": "127.0.0.1", "Port": 1, "Timeout": "x"}`,
		"GET /jobs/x", "DELETE /jobs/x", "POST /jobs/x/cancel", "POST /jobs/x/pause", "POST /jobs/x/resume", "POST /jobs/x/resubmit", "GET /jobs/x/archive",
	)
}
