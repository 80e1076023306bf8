package config_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"gantry/internal/config"
)

func TestModalityForms(t *testing.T) {
	t.Parallel()
	special := config.NewModality("B", "h", 105)
	special.AllowEventReport, special.Timeout, special.LocalAet = false, 3, "X"
	ge := config.NewModality("C", "h", 106)
	ge.Manufacturer = "GE"
	closed := config.NewModality("D", "h", 1)
	closed.AllowNAction, closed.AllowEventReport, closed.UseDicomTls = false, false, true
	closed.StorageCommitmentDelivery = "same-then-new"
	for text, want := range map[string]config.Modality{
		`["A", "127.0.0.1", 104]`: config.NewModality("A", "127.0.0.1", 104),
		`["C", "h", "106", "GE"]`: ge,
		`{"AET": "B", "Host": "h", "Port": 105, "AllowEventReport": false, "Timeout": 3, "LocalAet": "X"}`: special,
		`{"AET": "D", "Host": "h", "Port": 1, "AllowStorageCommitment": false, "UseDicomTls": true, "LocalAet": "",
			"StorageCommitmentDelivery": "same-then-new"}`: closed,
	} {
		var got config.Modality
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", text, err, got, want)
		}
		written, err := json.Marshal(got)
		var again config.Modality
		if err != nil || json.Unmarshal(written, &again) != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s came back as %+v (%v)", written, again, err)
		}
	}
}

// The members Orthanc 1.13.0 answers to GET /modalities/{id}/configuration.
func TestModalityObjectHasOrthancsMembers(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(config.NewModality("A", "127.0.0.1", 104))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"AET": "A", "AllowEcho": true, "AllowEventReport": true, "AllowFind": true, "AllowFindWorklist": true, "AllowGet": true,
		"AllowMove": true, "AllowNAction": true, "AllowStore": true, "AllowTranscoding": true, "Host": "127.0.0.1", "LocalAet": "",
		"Manufacturer": "Generic", "Port": 104.0, "RetrieveMethod": "SystemDefault", "Timeout": 0.0, "UseDicomTls": false,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

func TestModalityMistakes(t *testing.T) {
	t.Parallel()
	for text, inForm := range map[string]bool{
		`{}`: false, `[]`: false, `"A"`: false, `3`: false, `["A", "h", "x"]`: false,
		`{"AET": "A", "Host": "h", "Port": 1, "AllowEcho": "x"}`: false,
		`["A", "h", 0]`:     true,
		`["A", "h", 65536]`: true, `["SEVENTEEN-LETTERS", "h", 1]`: true, `["A", "", 1]`: true, `["A", "h", 1, "Other"]`: true,
		`["A", "h\n", 1]`: true, `["A", "h h", 1]`: true,
		`{"AET": "A", "Host": "h", "Port": 1, "Timeout": -1}`:                         true,
		`{"AET": "A", "Host": "h", "Port": 1, "StorageCommitmentDelivery": "pigeon"}`: true,
	} {
		var m config.Modality
		var rangeErr *config.RangeError
		err := json.Unmarshal([]byte(text), &m)
		if err == nil || errors.As(err, &rangeErr) != inForm {
			t.Errorf("%s: %+v %v", text, m, err)
		}
	}
}
