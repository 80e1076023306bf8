package rest

import (
	"net/http/httptest"
	"testing"
)

func TestHostGuard(t *testing.T) {
	t.Parallel()
	local := newOriginGuard(false, []string{"pacs.example"})
	remote := newOriginGuard(true, nil)
	for _, test := range []struct {
		host  string
		local bool // allowed while only loopback is served
	}{
		{"localhost:8042", true}, {"LOCALHOST", true}, {"127.0.0.1:8042", true}, {"127.1.2.3", true}, {"[::1]:8042", true},
		{"gantry.localhost:8042", true}, {"pacs.example:8042", true}, {"PACS.example", true},
		{"evil.example", false}, {"evil.example:8042", false}, {"192.0.2.1:8042", false}, {"localhost.evil.example", false},
		{"", false}, {"[::1", true /* trimmed to ::1 */},
	} {
		rq := httptest.NewRequest("GET", "/system", nil)
		rq.Host = test.host
		if err := local.check(rq); (err == nil) != test.local {
			t.Errorf("Host %q on loopback: %v, want allowed = %v", test.host, err, test.local)
		}
		if err := remote.check(rq); err != nil {
			t.Errorf("Host %q with remote access: %v", test.host, err)
		}
	}
}

func TestCrossSiteGuard(t *testing.T) {
	t.Parallel()
	guard := newOriginGuard(false, nil)
	for _, test := range []struct {
		method string
		header map[string]string
		ok     bool
	}{
		{"POST", nil, true}, // curl and other programs
		{"GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		{"POST", map[string]string{"Sec-Fetch-Site": "same-origin"}, true},
		{"POST", map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		{"DELETE", map[string]string{"Sec-Fetch-Site": "same-site"}, false},
		{"PUT", map[string]string{"Origin": "http://evil.example"}, false},
		{"POST", map[string]string{"Origin": "http://localhost:8042"}, true},
	} {
		rq := httptest.NewRequest(test.method, "/instances", nil)
		rq.Host = "localhost:8042"
		for name, value := range test.header {
			rq.Header.Set(name, value)
		}
		if err := guard.check(rq); (err == nil) != test.ok {
			t.Errorf("%s with %v: %v, want allowed = %v", test.method, test.header, err, test.ok)
		}
	}
}
