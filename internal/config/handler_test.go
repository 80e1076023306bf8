package config

import (
	"strings"
	"testing"
)

func TestHandlerOptions(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{
		"": true, "/usr/local/bin/handler": true, "https://example.org/commit": true, "http://127.0.0.1:8000/": true,
		"handler": false, "./handler": false, "ftp://example.org": false, "https://": false, "https://user:secret@example.org/": false,
		"http://a b/": false,
	} {
		_, _, err := Load(Options{Env: []string{"GANTRY_STORAGE_COMMITMENT_HANDLER=" + value}})
		if (err == nil) != good {
			t.Errorf("%q: %v", value, err)
		}
	}
	_, _, err := Load(Options{Env: []string{`GANTRY_STORAGE_COMMITMENT_HANDLER_HEADERS={"X-Key":"secret\r\nX-Other: 1"}`}})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a header with a line break: %v", err)
	}
	for _, wrong := range []string{"ON_FAILURE=never", "TIMEOUT=0"} {
		if _, _, err := Load(Options{Env: []string{"GANTRY_STORAGE_COMMITMENT_HANDLER_" + wrong}}); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

// Over the network a handler without TLS is warned about.
func TestHandlerInClearText(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"http://127.0.0.1:80/": 0, "https://example.org/": 0, "http://example.org/": 1} {
		_, warnings, err := Load(Options{Env: []string{"GANTRY_STORAGE_COMMITMENT_HANDLER=" + value}})
		if err != nil || len(warnings) != want {
			t.Errorf("%s: %v %v", value, warnings, err)
		}
	}
}

// What is printed of a configuration gives no key away.
func TestHandlerSecretsAreMasked(t *testing.T) {
	t.Parallel()
	c := Default()
	c.StorageCommitmentHandlerPassword = "hunter2"
	c.StorageCommitmentHandlerHeaders = map[string]string{"Authorization": "Bearer hunter3"}
	var b strings.Builder
	if err := WriteEffective(&b, c); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter") || !strings.Contains(b.String(), `"Authorization"`) {
		t.Error(b.String())
	}
	if c.StorageCommitmentHandlerPassword != "hunter2" || c.StorageCommitmentHandlerHeaders["Authorization"] != "Bearer hunter3" {
		t.Error("the configuration itself was masked")
	}
}
