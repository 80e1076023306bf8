package apiclient_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"gantry/internal/apiclient"
)

func serve(t *testing.T, h http.HandlerFunc) *apiclient.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := apiclient.New(apiclient.Config{URL: s.URL + "/", User: "alice", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReportIsRead(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "alice" || password != "secret" || r.URL.Path != "/storage-commitment/2.25.1" {
			t.Errorf("%s as %s:%s", r.URL, user, password)
		}
		_, _ = io.WriteString(w, `{"RemoteAET": "X", "Status": "Failure", "Success": [{"SOPClassUID": "1.2", "SOPInstanceUID": "1.3"}],
			"Failures": [{"SOPClassUID": "1.4", "SOPInstanceUID": "1.5", "FailureReason": 274, "Description": "none"}]}`)
	})
	got, err := c.Commitment(context.Background(), "2.25.1")
	want := &apiclient.Report{
		ID: "2.25.1", RemoteAET: "X", Status: "Failure", Success: []apiclient.Instance{{"1.2", "1.3"}},
		Failures: []apiclient.Failure{{Instance: apiclient.Instance{"1.4", "1.5"}, FailureReason: 274, Description: "none"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestRequestsAreWhatTheServerExpects(t *testing.T) {
	t.Parallel()
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.RequestURI+" "+string(body))
		if r.URL.Path == "/modalities" {
			_, _ = io.WriteString(w, `{"pacs": {"AET": "P", "Host": "h", "Port": 104}}`)
			return
		}
		_, _ = io.WriteString(w, "{}")
	})
	ctx := context.Background()
	m, err := c.Modalities(ctx)
	if err != nil || m["pacs"] != (apiclient.Modality{AET: "P", Host: "h", Port: 104}) {
		t.Errorf("%v %v", m, err)
	}
	_, systemErr := c.System(ctx)
	if err := errors.Join(systemErr, c.RemoveCommitted(ctx, "2.25.1/x"), c.Delete(ctx, "/jobs/1")); err != nil {
		t.Error(err)
	}
	want := []string{
		"GET /modalities?expand ", "GET /system ", "POST /storage-commitment/2.25.1%2Fx/remove {}",
		"DELETE /jobs/1 ",
	}
	if !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %q", asked)
	}
}

func TestErrorsOfTheServer(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		if r.URL.Path == "/known" {
			_, _ = io.WriteString(w, `{"Details": "No such UID", "HttpStatus": 404, "Message": "Accessing an inexistent item",
				"OrthancError": "Accessing an inexistent item", "OrthancStatus": 7}`)
		}
	})
	for path, want := range map[string]apiclient.StatusError{
		"/known": {Method: "GET", Path: "/known", Status: 404, Message: "Accessing an inexistent item", Details: "No such UID",
			OrthancError: "Accessing an inexistent item", OrthancStatus: 7},
		"/empty": {Method: "GET", Path: "/empty", Status: 404},
	} {
		var got *apiclient.StatusError
		if err := c.Get(context.Background(), path, nil); !errors.As(err, &got) || *got != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestNoDaemon(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	address := s.URL
	s.Close()
	c, err := apiclient.New(apiclient.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	var connectErr *apiclient.ConnectError
	if err := c.Get(context.Background(), "/system", nil); !errors.As(err, &connectErr) || !strings.Contains(err.Error(), address) {
		t.Error(err)
	}
	for _, bad := range []string{"localhost:8042", "ftp://x", "http://", "::"} {
		var urlErr *apiclient.URLError
		if _, err := apiclient.New(apiclient.Config{URL: bad}); !errors.As(err, &urlErr) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
