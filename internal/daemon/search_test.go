package daemon_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gantry/internal/config"
)

// storeSynthetic stores the synthetic objects, in a daemon with a configuration that change may adapt.
func storeSynthetic(t *testing.T, change func(*config.Config)) *server {
	t.Helper()
	s := start(t, change)
	for _, tags := range synthetic {
		s.post("/instances", syntheticFile(t, tags), nil)
	}
	return s
}

// found gives the identifiers of what a search finds, sorted.
func (s *server) found(level, query, more string) string {
	s.t.Helper()
	var results []struct{ RequestedTags map[string]string }
	uid := map[string]string{"Patient": "PatientID", "Study": "StudyInstanceUID", "Series": "SeriesInstanceUID",
		"Instance": "SOPInstanceUID"}[level]
	body := fmt.Sprintf(`{"Level": %q, "Query": %s, "ResponseContent": ["RequestedTags"], "RequestedTags": [%q]%s}`, level, query,
		uid, more)
	s.post("/tools/find", []byte(body), &results)
	var ids []string
	for _, r := range results {
		ids = append(ids, r.RequestedTags[uid])
	}
	if !strings.Contains(more, "OrderBy") {
		slices.Sort(ids)
	}
	var counted struct{ Count int }
	s.post("/tools/count-resources", []byte(body), &counted)
	if counted.Count != len(ids) && !strings.Contains(more, "Limit") {
		s.t.Errorf("%s: %d found, %d counted", body, len(ids), counted.Count)
	}
	return strings.Join(ids, " ")
}

func TestSearches(t *testing.T) {
	t.Parallel()
	s := storeSynthetic(t, nil)
	for _, c := range []struct{ level, query, more, want string }{
		{"Study", `{"PatientName": "eric*"}`, "", "1.2.3.1.1 1.2.3.1.2 1.2.3.2.1"}, // accents do not count
		{"Study", `{"PatientName": "ol^ase"}`, "", "1.2.3.4.1"},
		{"Study", `{"PatientName": "Éric*"}`, `, "CaseSensitive": true`, "1.2.3.1.1"},
		{"Study", `{"StudyDate": "20200101-20201231", "ModalitiesInStudy": "MR\\CT"}`, "", "1.2.3.1.1"},
		{"Study", `{"Modality": "SR"}`, "", "1.2.3.2.1"},                      // of a series below
		{"Patient", `{"SOPInstanceUID": "1.2.3.9.4"}`, "", "p1"},              // of an instance below
		{"Instance", `{"PatientAge": "050y"}`, "", "1.2.3.9.1"},               // from the files
		{"Instance", `{"PatientAge": "050Y", "InstanceNumber": "2"}`, "", ""}, // from both
		{"Instance", `{"ReferencedImageSequence": {"ReferencedSOPInstanceUID": "1.2.3.4.5.6"}}`, "", "1.2.3.9.6"},
		{"Instance", `{"ReferencedImageSequence": [{"ReferencedSOPInstanceUID": "1.2"}]}`, "", ""},
		{"Study", `{}`, `, "OrderBy": [{"Type": "DicomTag", "Key": "StudyDate", "Direction": "DESC"},
			{"Type": "DicomTag", "Key": "PatientID", "Direction": "ASC"}], "Limit": 3`, "1.2.3.2.1 1.2.3.1.2 1.2.3.1.1"},
		{"Study", `{}`, `, "OrderBy": [{"Type": "DicomTag", "Key": "StudyInstanceUID", "Direction": "ASC"}], "Since": 3, "Limit": 2`,
			"1.2.3.3.1 1.2.3.4.1"},
		{"Series", `{"PatientAge": "*Y"}`, "", "-"},
	} {
		if c.want == "-" {
			status, _ := do(t, http.MethodPost, s.url+"/tools/find", fmt.Appendf(nil, `{"Level": %q, "Query": %s}`, c.level, c.query))
			if status != http.StatusBadRequest {
				t.Errorf("%s: status %d, want 400", c.query, status)
			}
			continue
		}
		if got := s.found(c.level, c.query, c.more); got != c.want {
			t.Errorf("%s %s%s: %q, want %q", c.level, c.query, c.more, got, c.want)
		}
	}
}

func TestSearchesLeaveFilesAloneIfTold(t *testing.T) {
	t.Parallel()
	s := storeSynthetic(t, func(cfg *config.Config) { cfg.StorageAccessOnFind, cfg.CaseSensitivePN = "Never", true })
	if got := s.found("Instance", `{"PatientAge": "050Y"}`, ""); got != "" {
		t.Errorf("%q found by a tag that only files have", got)
	}
	if got := s.found("Study", `{"PatientName": "eric*"}`, ""); got != "1.2.3.2.1" {
		t.Errorf("%q found with regard to case", got)
	}
	var study struct{ RequestedTags map[string]any }
	var ids []string
	s.get("/studies?since=0&limit=1", &ids)
	s.get("/studies/"+ids[0]+"?requested-tags=PatientAge;PatientName", &study)
	if _, age := study.RequestedTags["PatientAge"]; age || study.RequestedTags["PatientName"] == nil {
		t.Errorf("requested tags %v, want the name alone", study.RequestedTags)
	}
}

func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	s := storeSynthetic(t, nil)
	var whole, paged []string
	s.get("/instances", &whole)
	for since := 0; since < len(synthetic)+2; since += 2 {
		var page []string
		s.get(fmt.Sprintf("/instances?since=%d&limit=2", since), &page)
		paged = append(paged, page...)
	}
	if len(whole) != len(synthetic) || !slices.Equal(whole, paged) {
		t.Errorf("%v in pages, want %v", paged, whole)
	}
}

func TestSlicesLieInOrder(t *testing.T) {
	t.Parallel()
	s := storeSynthetic(t, nil)
	order := func(uid string) string {
		var ids []struct{ ID string }
		s.post("/tools/lookup", []byte(uid), &ids)
		var answer struct {
			Type   string
			Slices []string
		}
		status, _ := do(t, http.MethodGet, s.url+"/series/"+ids[0].ID+"/ordered-slices", nil)
		if status == http.StatusOK {
			s.get("/series/"+ids[0].ID+"/ordered-slices", &answer)
		}
		return fmt.Sprintf("%d %s %d", status, answer.Type, len(answer.Slices))
	}
	for uid, want := range map[string]string{"1.2.3.1.1.1": "200 Volume 2", "1.2.3.1.2.1": "200 Sequence 1",
		"1.2.3.4.1.2": "200 Sequence 3", "1.2.3.4.1.3": "500  0"} {
		if got := order(uid); got != want {
			t.Errorf("%s: %s, want %s", uid, got, want)
		}
	}
}

// Searches that would take too long are refused, each with the bound that it does not keep; none is answered as if it had
// asked less.
func TestSearchesAreBounded(t *testing.T) {
	t.Parallel()
	s := storeSynthetic(t, nil)
	deep := `"x"`
	for range 400 {
		deep = `{"ReferencedImageSequence": ` + deep + `}`
	}
	tags := make([]string, 600)
	for i := range tags {
		tags[i] = fmt.Sprintf(`"0011,10%02x", "0013,10%02x", "0015,10%02x"`, i%256, i%256, i%256)
	}
	for name, body := range map[string]string{
		"values":   fmt.Sprintf(`{"Level": "Study", "Query": {"PatientID": "%s"}}`, strings.Repeat(`nobody\\`, 30_000)),
		"pattern":  fmt.Sprintf(`{"Level": "Study", "Query": {"PatientName": "%s"}}`, strings.Repeat("*a", 50_000)),
		"metadata": fmt.Sprintf(`{"Level": "Study", "Query": {}, "MetadataQuery": {"RemoteAET": "%s"}}`, strings.Repeat("*a", 50_000)),
		"deep":     fmt.Sprintf(`{"Level": "Instance", "Query": %s}`, deep),
		"tags":     fmt.Sprintf(`{"Level": "Instance", "Query": {}, "RequestedTags": [%s]}`, strings.Join(tags, ",")),
	} {
		for _, route := range []string{"/tools/find", "/tools/count-resources"} {
			if name == "tags" && route != "/tools/find" {
				continue
			}
			if status, text := do(t, http.MethodPost, s.url+route, []byte(body)); status != http.StatusBadRequest {
				t.Errorf("%s, %s: status %d: %.200s", route, name, status, text)
			}
		}
	}
	twice := fmt.Sprintf(`{"Level": "Study", "Query": {}, "Limit": 1, "RequestedTags": ["PatientID"%s]}`, strings.Repeat(`, "PatientID"`, 5000))
	s.post("/tools/find", []byte(twice), nil)
}
