package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/testkit"
)

func TestCommittedTablesAreWhatIsGenerated(t *testing.T) {
	t.Parallel()
	files, err := generate(testkit.Shared(t, "reference"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Fatalf("%d files", len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(testkit.ModuleRoot(t), "internal", "dicom", "dict", name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is not what gendict writes: run go generate in internal/dicom/dict", name)
		}
	}
}

func TestRunWritesTheFiles(t *testing.T) {
	t.Parallel()
	in, out := t.TempDir(), t.TempDir()
	writeTables(t, in, map[string]string{})
	if err := run(in, out); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(out, "tags_gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"DO NOT EDIT", "PatientName\tPatient's Name\n", "{0x00100010, "} {
		if !strings.Contains(string(b), want) {
			t.Errorf("tags_gen.go lacks %q", want)
		}
	}
}

func TestTablesThatAreWrong(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]string{
		"tags.tsv":                       {"tags.tsv": "nonsense\n"},
		"line 2":                         {"tags.tsv": tagHeader + "0010,0010\tPN\n"},
		"not gggg,eeee":                  {"tags.tsv": tagHeader + "0010.0010\tPN\t1\tPatientName\tName\t\n"},
		`"0010,00g0"`:                    {"tags.tsv": tagHeader + "0010,00g0\tPN\t1\tPatientName\tName\t\n"},
		`VR "PNN"`:                       {"tags.tsv": tagHeader + "0010,0010\tPNN\t1\tPatientName\tName\t\n"},
		"00100010 twice":                 {"tags.tsv": tagHeader + strings.Repeat("0010,0010\tPN\t1\tPatientName\tName\t\n", 2)},
		"back quote":                     {"tags.tsv": tagHeader + "0010,0010\tPN\t1\tPatientName\tNa`me\t\n"},
		"private-tags.tsv: tag \"0011":   {"private-tags.tsv": "creator\ttag\tvr\tvm\tname\nA\t0011\tLO\t1\tName\n"},
		"private-tags.tsv: VR \"maybe\"": {"private-tags.tsv": "creator\ttag\tvr\tvm\tname\nA\t0011,xx00\tmaybe\t1\tName\n"},
	} {
		dir := t.TempDir()
		writeTables(t, dir, change)
		if _, err := generate(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: error is %v", name, err)
		}
	}
	if err := run(t.TempDir(), t.TempDir()); err == nil {
		t.Error("no tables: no error")
	}
}

const tagHeader = "tag\tvr\tvm\tkeyword\tname\tretired\n"

func writeTables(t *testing.T, dir string, change map[string]string) {
	t.Helper()
	tables := map[string]string{
		"tags.tsv":         tagHeader + "0010,0010\tPN\t1\tPatientName\tPatient's Name\t\n60xx,3000\tOB or OW\t1\tOverlayData\tOverlay Data\t\n",
		"uids.tsv":         "uid\ttype\tkeyword\tname\tretired\n1.2.840.10008.1.2\tTransfer Syntax\tImplicitVRLittleEndian\tImplicit VR Little Endian\t\n",
		"private-tags.tsv": "creator\ttag\tvr\tvm\tname\nA\t0011,xx00\tLO\t1\tName\n",
	}
	for name, content := range change {
		tables[name] = content
	}
	for name, content := range tables {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
