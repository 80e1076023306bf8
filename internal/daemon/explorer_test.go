package daemon_test

import (
	"strings"
	"testing"
)

// What web interfaces for Orthanc ask for before they offer to send a study: without an answer they offer nothing.
func TestNoPeersIsAnAnswer(t *testing.T) {
	t.Parallel()
	url := start(t, nil).url
	for path, want := range map[string]string{"/peers": "[]", "/peers?expand": "{}", "/plugins": "[]"} {
		if status, body := do(t, "GET", url+path, nil); status != 200 || strings.TrimSpace(string(body)) != want {
			t.Errorf("GET %s: %d %s, want %s", path, status, body, want)
		}
	}
	if status, _ := do(t, "GET", url+"/peers/someone", nil); status != 404 {
		t.Errorf("GET /peers/someone: %d", status)
	}
}
