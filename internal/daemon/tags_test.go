package daemon_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/testkit"
)

// What is written in the headers of the samples, in all the forms and routes, is what Orthanc 1.13.0 reads from them.
func TestTagsLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples := testkit.Samples(t)
	program := testkit.NewestOrthanc(t)
	s := start(t, func(cfg *config.Config) { cfg.DicomAet = "ORTHANC" })
	o := startOrthanc(t, program, s.dicomPort())
	complain := complainer(t, o.url)
	ids := storeEverywhere(t, samples, s.url, o.url)
	asked := map[string]bool{}
	for _, id := range ids {
		path := "/instances/" + id
		for _, form := range []string{"/tags", "/tags?short", "/tags?simplify", "/simplified-tags", "/tags?whole&short",
			"/tags?ignore-length=0020-4000,PatientName", "/header", "/header?short", "/module", "/module?short", "/content",
			"/content/0010-0010", "/content/PatientName", "/content/0008-0016", "/content/0099-0099", "/content/7fe0-0010",
			"/content/7fe0-0010/0", "/content/7fe0-0010/1", "/content/0040-a730", "/content/0040-a730/0", "/content/0008-1140/0/0008-1150",
			"/content/300a-00b0/0", "/content/gg", "/pdf", "/tags?ignore-length=nonsense"} {
			compareTags(t, complain, s.url+path+form, o.url+path+form)
		}
		for up, family := range map[string]string{"/patient": "/patients/", "/study": "/studies/", "/series": "/series/"} {
			var parent struct{ ID string }
			ask(t, "GET", o.url+path+up, nil, &parent)
			resource := family + parent.ID
			if asked[resource] {
				continue
			}
			asked[resource] = true
			for _, form := range []string{"/module?short", "/shared-tags", "/shared-tags?short", "/instances-tags?short"} {
				compareTags(t, complain, s.url+resource+form, o.url+resource+form)
			}
		}
	}
}

// complainer fails the test for Orthanc 1.13 and warns for other versions.
func complainer(t *testing.T, orthanc string) func(string, ...any) {
	t.Helper()
	var system struct{ Version string }
	ask(t, "GET", orthanc+"/system", nil, &system)
	if strings.HasPrefix(system.Version, "1.13.") {
		return t.Errorf
	}
	t.Logf("WARNING: compared with Orthanc %s, not 1.13; differences do not fail", system.Version)
	return t.Logf
}

// storeEverywhere uploads every sample that both servers take and returns their ids.
func storeEverywhere(t *testing.T, samples, ours, theirs string) (ids []string) {
	t.Helper()
	seen := map[string]bool{}
	err := filepath.WalkDir(samples, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var here, there struct{ ID string }
		status, body := do(t, "POST", theirs+"/instances", data)
		if status != http.StatusOK || json.Unmarshal(body, &there) != nil || seen[there.ID] {
			return nil //nolint:nilerr // not taken, or there already
		}
		status, body = do(t, "POST", ours+"/instances", data)
		if status != http.StatusOK || json.Unmarshal(body, &here) != nil || here.ID != there.ID {
			ask(t, "DELETE", theirs+"/instances/"+there.ID, nil, nil)
			return nil //nolint:nilerr // one of the two does not take it
		}
		seen[there.ID] = true
		ids = append(ids, there.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) < 100 {
		t.Fatalf("only %d samples are taken by both", len(ids))
	}
	return ids
}

func compareTags(t *testing.T, complain func(string, ...any), ours, theirs string) {
	t.Helper()
	status, body := do(t, "GET", ours, nil)
	wanted, want := do(t, "GET", theirs, nil)
	path := ours[strings.Index(ours[8:], "/")+8:]
	if status != wanted {
		complain("%s: status %d, Orthanc %d", path, status, wanted)
		return
	}
	if status != http.StatusOK {
		return
	}
	var here, there any
	if json.Unmarshal(want, &there) != nil {
		if string(body) != string(want) {
			complain("%s: %.200q, Orthanc %.200q", path, body, want)
		}
		return
	}
	if err := json.Unmarshal(body, &here); err != nil {
		complain("%s: %v", path, err)
		return
	}
	if !reflect.DeepEqual(here, there) {
		reportDifference(complain, path, here, there)
	}
}

// reportDifference names the innermost values that differ.
func reportDifference(complain func(string, ...any), path string, here, there any) {
	ours, isObject := here.(map[string]any)
	theirs, alsoObject := there.(map[string]any)
	if !isObject || !alsoObject {
		if list, isList := here.([]any); isList {
			if other, alsoList := there.([]any); alsoList && len(list) == len(other) {
				for i := range list {
					reportDifference(complain, path, list[i], other[i])
				}
				return
			}
		}
		if !reflect.DeepEqual(here, there) && intended(path, here, there) == "" {
			complain("%s: %s, Orthanc %s", path, show(here), show(there))
		}
		return
	}
	for key := range theirs {
		if value, there := ours[key]; !there {
			if intended(path+" "+key, nil, theirs[key]) == "" {
				complain("%s %s: missing, Orthanc %s", path, key, show(theirs[key]))
			}
		} else {
			reportDifference(complain, path+" "+key, value, theirs[key])
		}
	}
	for key := range ours {
		if _, there := theirs[key]; !there && intended(path+" "+key, ours[key], nil) == "" {
			complain("%s %s: %s, Orthanc has none", path, key, show(ours[key]))
		}
	}
}

// intended says why tags may differ, "" if they may not.
func intended(path string, here, there any) string {
	text, _ := there.(string)
	switch {
	case strings.HasPrefix(path, "/patients/") && strings.Contains(path, "/module"):
		return "of several instances, which do not agree, Orthanc may take another one"
	case strings.HasSuffix(path, " Name"):
		return "names of private elements come from another dictionary, newer ones of the standard from another edition"
	case strings.Contains(text, "$") || strings.Contains(text, "\x1b"):
		return "Orthanc leaves the escape sequences of ISO 2022 in the text, and the text undone"
	case strings.Contains(path, "?simplify") || strings.Contains(path, "simplified"):
		if here == nil || there == nil || strings.Contains(path, "Unknown Tag") {
			return "names of private elements come from another dictionary"
		}
	}
	return ""
}
