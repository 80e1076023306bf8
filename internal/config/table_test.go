package config

import (
	"reflect"
	"slices"
	"testing"
)

func TestTableHasEveryFieldOnce(t *testing.T) {
	t.Parallel()
	var fields []string
	for i := range reflect.TypeFor[Config]().NumField() {
		fields = append(fields, reflect.TypeFor[Config]().Field(i).Name)
	}
	names := optionNames()
	slices.Sort(fields)
	slices.Sort(names)
	if !slices.Equal(fields, names) {
		t.Errorf("\ntable  %v\nfields %v", names, fields)
	}
	for _, s := range table() {
		if s.options[0].doc == "" {
			t.Errorf("section %s begins without a word", s.title)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"DicomPrt": "DicomPort", "dicomport": "DicomPort", "HttpPrt": "HttpPort", "Nonsense": "", "StorageDirectry": "StorageDirectory",
	} {
		if got := Nearest(name, knownNames()); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
