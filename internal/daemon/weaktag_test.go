package daemon_test

import (
	"net/http"
	"testing"
)

// A proxy that compresses answers makes their ETags weak: what comes back is known, but no change rests on it.
func TestWeakTags(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var stored struct{ ID string }
	s.post("/instances", newObject().file(t), &stored)
	url := s.url + "/instances/" + stored.ID + "/metadata/1500"
	if status, text := do(t, http.MethodPut, url, []byte("hello")); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	const tag = `W/"0-5d41402abc4b2a76b9719d911017c592"`
	if status, _ := do(t, http.MethodGet, url, nil, "If-None-Match", `"9-ff", `+tag); status != http.StatusNotModified {
		t.Errorf("read with the weak tag: status %d", status)
	}
	if status, _ := do(t, http.MethodPut, url, []byte("x"), "If-Match", tag); status != http.StatusBadRequest {
		t.Errorf("changed with the weak tag: status %d", status)
	}
}
