package daemon_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"gantry/internal/config"
)

// raw sends bytes to the server as they are and returns the status of its answer, 0 if there is none. half closes our
// side of the connection after them.
func (s *server) raw(half bool, parts ...[]byte) int {
	s.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.HTTPAddr().String())
	if err != nil {
		s.t.Error(err)
		return 0
	}
	defer conn.Close()
	for _, part := range parts {
		if _, err := conn.Write(part); err != nil {
			s.t.Error(err)
		}
	}
	if half {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			s.t.Error(err)
		}
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// Senders that stop in the middle, or announce more than they may send, get an answer, and nothing is stored.
func TestBodiesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	s, _ := refusing(t, 1)
	object := newObject().file(t)
	archive := zipped(t, map[string][]byte{"a": object}, nil)
	head := func(path string, length int, more string) []byte {
		return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%s\r\n", path, length, more)
	}
	before, counted := s.totals(), s.refusals("http_bad_request")+s.refusals("http_body_size")
	cases := []struct {
		name   string
		half   bool
		parts  [][]byte
		status int
	}{
		{"half a DICOM file", true, [][]byte{head("/instances", len(object), ""), object[:len(object)/2]}, 400},
		{"half a ZIP file", true, [][]byte{head("/instances", len(archive), ""), archive[:len(archive)/2]}, 400},
		{"half a JSON", true, [][]byte{head("/tools/find", 100, ""), []byte(`{"Level":`)}, 400},
		{"a broken chunk", true, [][]byte{[]byte("POST /instances HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc")}, 400},
		{"a DICOM file that stops", false, [][]byte{head("/instances", len(object), ""), object[:200]}, 400},
		{"a ZIP file that stops", false, [][]byte{head("/instances", len(archive), ""), archive[:100]}, 400},
		{"a gzip that stops", false, [][]byte{head("/instances", 1000, "Content-Encoding: gzip\r\n"), compressed(t, object, gzipWriter)[:100]}, 400},
		{"JSON that stops", false, [][]byte{head("/tools/bulk-delete", 100, ""), []byte("{")}, 400},
		{"4 GiB announced", false, [][]byte{head("/instances", 1<<32+1, ""), object}, 413},
		{"4 GiB announced as JSON", false, [][]byte{head("/tools/find", 1<<32+1, ""), []byte("{")}, 413},
	}
	var all sync.WaitGroup
	for _, x := range cases {
		all.Go(func() {
			if status := s.raw(x.half, x.parts...); status != x.status {
				t.Errorf("%s: status %d", x.name, status)
			}
		})
	}
	all.Wait()
	if after := s.totals(); after != before {
		t.Errorf("the store has changed: %s", after)
	}
	if now := s.refusals("http_bad_request") + s.refusals("http_body_size"); now != counted+len(cases) {
		t.Errorf("%d refusals were counted", now-counted)
	}
}

// operationsServed lists the methods and patterns of all routes, but for those that end the server, or do not end.
func (s *server) operationsServed() []string {
	s.t.Helper()
	_, text := do(s.t, "GET", s.url+"/openapi.json", nil)
	var list []string
	for _, operation := range operations(s.t, text) {
		if !regexp.MustCompile(`/(shutdown|reset|events|wait|changes)$`).MatchString(operation) {
			list = append(list, operation)
		}
	}
	return list
}

// JSON that is nested 10,001 times is refused on every route that takes JSON, and breaks no other.
func TestDeepJSON(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.LogLevel = "error" })
	const depth = 10_001
	arrays := []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
	objects := []byte(strings.Repeat(`{"Resources":`, depth) + "1" + strings.Repeat("}", depth))
	inside := []byte(`{"Level":"Study","Query":{"PatientID":` + string(arrays) + `},"Resources":` + string(arrays) + `}`)
	refused := 0
	for _, operation := range s.operationsServed() {
		method, path, _ := strings.Cut(operation, " ")
		if method != http.MethodPost && method != http.MethodPut {
			continue
		}
		for _, body := range [][]byte{arrays, objects, inside} {
			status, text := do(t, method, s.url+strings.ReplaceAll(path, "{}", "x"), body)
			if status >= 500 {
				t.Errorf("%s: status %d: %s", operation, status, text)
			}
			if status == 400 {
				refused++
			}
		}
	}
	for _, path := range []string{"/tools/find", "/tools/count-resources", "/tools/bulk-delete", "/tools/bulk-content", "/tools/create-archive",
		"/tools/create-media", "/tools/dicom-echo"} {
		if status, text := do(t, http.MethodPost, s.url+path, objects); status != 400 {
			t.Errorf("%s: status %d: %s", path, status, text)
		}
	}
	if refused < 20 {
		t.Errorf("only %d of the requests were refused", refused)
	}
}

// Parameters of paths that mean something to file systems, HTTP or SQL are names of nothing on every route.
func TestOddParameters(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.LogLevel = "error" })
	odd := []string{"..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "a%00b", "%22%27", "%0d%0aX-Evil:%201", "%ff%fe", "';--", "%25s", strings.Repeat("9", 300)}
	for _, operation := range s.operationsServed() {
		method, path, _ := strings.Cut(operation, " ")
		if !strings.Contains(path, "{}") {
			continue
		}
		for _, name := range odd {
			rq, err := http.NewRequestWithContext(t.Context(), method, s.url+strings.ReplaceAll(path, "{}", name), bytes.NewReader(nil))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultTransport.RoundTrip(rq)
			if err != nil {
				t.Fatalf("%s %s: %v", operation, name, err)
			}
			text, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			unknownTag := bytes.Contains(text, []byte("Unknown DICOM tag")) // 500, as of Orthanc
			if err != nil || answer.StatusCode >= 500 && !unknownTag || answer.Header.Get("X-Evil") != "" || bytes.Contains(text, []byte("root:")) {
				t.Errorf("%s %s: status %d, %v: %.300s", operation, name, answer.StatusCode, err, text)
			}
			if strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") && !json.Valid(text) {
				t.Errorf("%s %s: no JSON: %.300s", operation, name, text)
			}
		}
	}
	for _, name := range []string{"a.zip\"; x=y", "../../a", "a\r\nX-Evil: 1", "\x00"} {
		status, _ := do(t, "GET", s.url+"/tools/create-archive?resources="+url.QueryEscape(name)+"&filename="+url.QueryEscape(name), nil)
		if status != 404 && status != 400 {
			t.Errorf("%s: status %d", name, status)
		}
	}
}
