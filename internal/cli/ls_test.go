package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gantry/internal/cli"
)

// Series are listed with their study where there is room for it.
func TestSeriesNameTheirStudy(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[
{"ID":"aaaaaaaa-1","ParentStudy":"66c8e41e-ac3a9029-0b85e42a-8195ee0a-92c2e62e","MainDicomTags":{"Modality":"CT"}},
{"ID":"bbbbbbbb-1","ParentStudy":"66c8e41e-ac3a9029-0b85e42a-8195ee0a-92c2e62e","MainDicomTags":{"Modality":"MR"}},
{"ID":"cccccccc-1","ParentStudy":"66c8e41e-bc3a9029-0b85e42a-8195ee0a-92c2e62e","MainDicomTags":{"Modality":"MR"}}]`)
	}))
	t.Cleanup(s.Close)
	environ := []string{"GANTRY_URL=" + s.URL}
	o := run(t, environ, "ls", "series").want(t, 0)
	if !strings.Contains(o.stdout, "bbbbbbbb  66c8e41e-a ") || !strings.Contains(o.stdout, "cccccccc  66c8e41e-b ") {
		t.Errorf("%s", o.stdout)
	}
	env, stdout, _ := testEnv(environ)
	env.Terminal = func(io.Writer) (int, bool) { return 60, true }
	if code := cli.Main([]string{"ls", "series"}, env); code != 0 || strings.Contains(stdout.String(), "66c8e41e") {
		t.Errorf("on a narrow terminal: exit code %d\n%s", code, stdout)
	}
}
