package daemon_test

import (
	"bytes"
	"net/http"
	"testing"
)

// Whether a patient is kept because of a promise can be asked for; the tests of the commands see the 1.
func TestCommittedPatients(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	o := newObject()
	if status, body := do(t, http.MethodPost, s.url+"/instances", o.file(t)); status != http.StatusOK {
		t.Fatalf("upload: status %d: %s", status, body)
	}
	_, list := do(t, http.MethodGet, s.url+"/patients", nil)
	for id, want := range map[string]int{string(list)[bytes.IndexByte(list, '"')+1:][:44]: http.StatusOK,
		"00000000-00000000-00000000-00000000-00000000": http.StatusNotFound, "x": http.StatusNotFound} {
		status, body := do(t, http.MethodGet, s.url+"/patients/"+id+"/committed", nil)
		if status != want || status == http.StatusOK && string(bytes.TrimSpace(body)) != "0" {
			t.Errorf("%s: status %d: %s", id, status, body)
		}
	}
}
