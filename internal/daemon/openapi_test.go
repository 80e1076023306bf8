package daemon_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gantry/internal/testkit"
)

// notServed are operations of Orthanc that gantry does not have, by the beginning of their path, with the reason.
var notServed = []struct{ method, pattern, reason string }{
	{"", `/(patients|studies|series|instances)/\{\}/(modify|anonymize)$`, "modification is not served yet"},
	{"", `/studies/\{\}/(merge|split)$`, "modification is not served yet"},
	{"", `/tools/(bulk-modify|bulk-anonymize|create-dicom)$`, "modification and creation are not served yet"},
	{"", `/modalities/\{\}/(find|query|get|move)`, "query and retrieve are not served yet"},
	{"", `/queries`, "query and retrieve are not served yet"},
	{"", `/peers`, "other Orthanc servers are reached by DICOM"},
	{"", `/plugins/`, "there are no plugins"},
}

// Every operation that Orthanc 1.13.0 describes is described here, too, or is in the list of those that are not, with
// the reason.
func TestDescriptionHasTheOperationsOfOrthanc(t *testing.T) {
	t.Parallel()
	file := filepath.Join(testkit.SharedDir(t), "openapi.json")
	if out, err := exec.CommandContext(t.Context(), testkit.NewestOrthanc(t), "--openapi="+file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var theirs struct{ Info struct{ Version string } }
	if err := json.Unmarshal(text, &theirs); err != nil {
		t.Fatal(err)
	}
	_, ours := do(t, "GET", start(t, nil).url+"/openapi.json", nil)
	served := operations(t, ours)
	all := operations(t, text)
	missing := 0
	for _, operation := range all {
		if slices.Contains(served, operation) {
			continue
		}
		missing++
		method, path, _ := strings.Cut(operation, " ")
		reason := ""
		for _, known := range notServed {
			if (known.method == "" || known.method == method) && regexp.MustCompile("^"+known.pattern).MatchString(path) {
				reason = known.reason
			}
		}
		switch {
		case reason != "":
			t.Logf("not served: %s: %s", operation, reason)
		case strings.HasPrefix(theirs.Info.Version, "1.13."):
			t.Errorf("not served: %s", operation)
		default:
			t.Logf("WARNING: not served: %s (of Orthanc %s)", operation, theirs.Info.Version)
		}
	}
	t.Logf("%d of the %d operations of Orthanc %s are served", len(all)-missing, len(all), theirs.Info.Version)
}

// operations lists "METHOD /path/{}" of an OpenAPI description.
func operations(t testing.TB, description []byte) (list []string) {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	for path, methods := range doc.Paths {
		for method := range methods {
			list = append(list, strings.ToUpper(method)+" "+parameter.ReplaceAllString(path, "{}"))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
