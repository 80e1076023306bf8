package daemon_test

import (
	"testing"

	"gantry/internal/config"
)

// askTools is about the tools, and the settings that can be changed while the server runs.
func askTools(t *testing.T, c *contract) {
	p := c.pair(t, nil).samples("CT_small.dcm")
	p.requests("GET /", "GET /system", "GET /tools", "GET /plugins", "GET /plugins/x", "GET /tools/now", "GET /tools/now-local", "GET /tools/generate-uid",
		"GET /tools/generate-uid?level=x", "GET /tools/labels", "GET /tools/accepted-transfer-syntaxes", "GET /tools/accepted-sop-classes",
		"GET /tools/unknown-sop-class-accepted", "GET /tools/default-encoding", "GET /tools/log-level", "GET /tools/metrics", "GET /tools/dicom-conformance",
		"GET /tools/bogus", "GET /tools/log-level-bogus", "POST /tools/execute-script print(1)", "POST /tools/invalidate-tags", "POST /tools/reconstruct",
		`POST /tools/reconstruct {"ReconstructFiles": 1}`)
	for _, level := range []string{"patient", "study", "series", "instance", "Patient"} {
		p.ask(question{request: "GET /tools/generate-uid?level=" + level})
	}
	for setting, values := range map[string][]string{
		"default-encoding":           {"Latin1", "Utf8", "utf8", "Bogus", "", "Hebrew", "ASCII", `"Latin2"`},
		"unknown-sop-class-accepted": {"1", "true", "0", "false", "x", "", "True", "2"},
		"metrics":                    {"0", "true", "maybe", "", "1"},
		"log-level":                  {"verbose", "trace", "bogus", "", "default", "Verbose"},
		"log-level-dicom":            {"verbose", "trace", "bogus", "default"},
		"log-level-http":             {"verbose", "x", "default"},
		"accepted-transfer-syntaxes": {"*", "1.2.840.10008.1.2.*", `["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]`, "[]", "1.2.840.10008.1.2", "bogus", "", `{"a": 1}`,
			"[1]", `["bogus"]`, `["*"]`, "1.2.840.10008.1.2.4.?0"},
	} {
		for _, value := range values {
			p.requests("PUT /tools/"+setting+" "+value, "GET /tools/"+setting)
		}
		p.requests("POST /tools/"+setting, "DELETE /tools/"+setting)
	}
	for _, category := range []string{"", "-generic", "-plugins", "-http", "-sqlite", "-dicom", "-jobs", "-lua"} {
		path := " /tools/log-level" + category
		p.requests("GET"+path, "PUT"+path+" verbose", "GET"+path, "PUT"+path+" loud", "PUT"+path+" default", "GET"+path)
	}
	p.requests("PUT /tools/log-level-nope trace", "GET /tools/execute-script", "POST /tools/now", "GET {N}/frames", "GET {N}/frames/0/raw",
		"GET /livez", "GET /readyz", "POST {I}/export /tmp/x", `POST /modalities/dead/echo {"CheckFind": true}`,
		`POST /tools/dicom-echo {"AET": "DEAD", "Host": "127.0.0.1", "Port": 1, "CheckFind": true}`)
	for _, family := range []string{"instances/{i}", "series/{e}", "studies/{s}", "patients/{p}", "instances/{i}/attachments/dicom", "modalities/dead", "jobs",
		"storage-commitment", "queries", "peers", "instances/{i}/frames", "exports", "changes", "system", "statistics", "app/explorer.html"} {
		p.requests("GET /" + family)
	}
}

// askLogin is about who may come in.
func askLogin(t *testing.T, c *contract) {
	p := c.pair(t, func(cfg *config.Config) {
		yes := true
		cfg.AuthenticationEnabled, cfg.RegisteredUsers = &yes, map[string]string{"alice": "secret"}
	}, `"AuthenticationEnabled": true, "RegisteredUsers": {"alice": "secret"}`)
	for _, path := range []string{"GET /system", "POST /instances x", "GET /nothing", "DELETE /system", "PUT /tools/log-level verbose", "GET /tools/now"} {
		for _, login := range []string{"", "Authorization: Basic YWxpY2U6c2VjcmV0", "Authorization: Basic YWxpY2U6d3Jvbmc=", "Authorization: Basic bm9ib2R5OnNlY3JldA==",
			"Authorization: Basic !", "Authorization: Bearer YWxpY2U6c2VjcmV0", "Authorization: basic YWxpY2U6c2VjcmV0"} {
			p.ask(question{request: path, header: login})
		}
	}
}
