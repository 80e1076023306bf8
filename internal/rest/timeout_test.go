package rest

import (
	"errors"
	"testing"
)

// Numbers for an association, with the errors of Orthanc 1.13.0.
func TestTimeoutAndPort(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{}`: "", `{"Timeout": 0}`: "", `{"Timeout": 2147483647, "Port": 65535}`: "", `{"Port": 1}`: "",
		`{"Timeout": -1}`:                  "Negative value found while expecting an unsigned int in field 'Timeout'",
		`{"Timeout": 9223372036854775807}`: "Value too large to fit in an integer in field 'Timeout'",
		`{"Timeout": null}`:                "Integer value expected in field: Timeout",
		`{"Timeout": "x"}`:                 "Integer value expected in field: Timeout",
		`{"Timeout": 1.5}`:                 "Integer value expected in field: Timeout",
		`{"Port": 0}`:                      "A TCP port number must be in range [1..65535], but found: 0",
		`{"Port": 104444}`:                 "A TCP port number must be in range [1..65535], but found: 104444",
		`{"Port": "104"}`:                  "Integer value expected in field: Port",
	} {
		for name, request := range map[string]any{"store": &storeRequest{}, "echo": &struct{ Timeout timeout }{}, "commitment": &commitmentRequest{}} {
			if name != "store" && (want != "" && body[2] == 'P') {
				continue // there alone is a port
			}
			err := decodeJSON([]byte(body), request)
			var got *apiError
			switch {
			case want == "" && err != nil, want != "" && !errors.As(err, &got):
				t.Errorf("%s %s: %v", name, body, err)
			case want != "" && got.Details != want:
				t.Errorf("%s %s: %s", name, body, got.Details)
			}
		}
	}
}
