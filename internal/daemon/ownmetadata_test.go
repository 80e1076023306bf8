package daemon_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"gantry/internal/config"
)

// What the store notes of a resource finds it, as what users have noted does.
func TestSearchByOwnMetadata(t *testing.T) {
	t.Parallel()
	s := storeSynthetic(t, func(c *config.Config) { c.ExtraMainDicomTags = map[string][]string{"Study": {"0008,1040"}} })
	s.post("/instances", syntheticFile(t, map[string]string{"PatientID": "p", "StudyInstanceUID": "1.2.9", "SeriesInstanceUID": "1.2.9.1",
		"SOPInstanceUID": "1.2.9.1.1", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ImagesInAcquisition": "6", "NumberOfTemporalPositions": "7"}), nil)
	seen := map[string]int{}
	for _, level := range []struct{ name, path string }{{"Patient", "/patients"}, {"Study", "/studies"}, {"Series", "/series"}, {"Instance", "/instances"}} {
		var ids []string
		s.get(level.path, &ids)
		for _, id := range ids[:min(len(ids), 12)] {
			metadata := map[string]string{}
			s.get(level.path+"/"+id+"/metadata?expand", &metadata)
			for name, value := range metadata {
				if value == "" || name == "MainDicomSequences" {
					continue
				}
				text, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				var found []string
				s.post("/tools/find", fmt.Appendf(nil, `{"Level": %q, "Query": {}, "MetadataQuery": {%q: %s}}`, level.name, name, text), &found)
				if !slices.Contains(found, id) {
					t.Errorf("%s %s is not found by its %s %q", level.name, id, name, value)
				}
				seen[name]++
			}
		}
	}
	if seen["ExpectedNumberOfInstances"] == 0 || seen["MainDicomTagsSignature"] < 10 {
		t.Errorf("looked for by %v", seen)
	}
}
