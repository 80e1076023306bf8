// Package internal_test holds the tests of the whole tree: which package may import which.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// values are the packages of plain DICOM values that every layer above the transport may use.
var values = []string{"dicom", "dicom/dict", "dicom/charset", "dicom/codec", "dicom/dicomjson", "dicom/pixels"}

// layers says what each package below internal/ may import of this module. Imports run down only:
// cli > daemon > rest, services, jobkinds > media, storage, scp, scu > dimse > dul > dul/pdu.
// A new package or a new arrow is a decision: make it here, in the README's architecture, and in review.
var layers = map[string][]string{
	"dicom":           {},
	"dicom/dict":      {"dicom"},
	"dicom/charset":   {"dicom"},
	"dicom/codec":     {"dicom", "dicom/dict"},
	"dicom/pixels":    {},
	"dicom/dicomjson": {"jsonout", "dicom", "dicom/dict", "dicom/charset", "dicom/codec"},

	"dul/pdu": {},
	"dul":     {"dul/pdu"},
	"dimse":   with(values, "dul"),
	"scp":     with(values, "dimse", "dul"),
	"scu":     with(values, "scp", "dimse", "dul"), // what a peer asks on our own association is served as by scp

	"storage/blob":         {},
	"storage/blob/disk":    {"storage/blob"},
	"storage/blob/memory":  {"storage/blob"},
	"storage/blob/seglog":  {"storage/blob", "storage/blob/disk", "storage/blob/memory"},
	"storage/blob/fsblob":  {"storage/blob", "storage/blob/disk", "storage/blob/memory", "storage/blob/seglog"},
	"storage/blob/memblob": {"storage/blob", "storage/blob/memory"},
	"storage/index":        {"dicom"},
	"storage/index/sqlite": {"dicom", "dicom/charset", "storage/index"},
	"storage": with(values, "jsonout", "storage/blob", "storage/blob/disk", "storage/blob/memory", "storage/blob/seglog", "storage/blob/fsblob",
		"storage/blob/memblob", "storage/index", "storage/index/sqlite"),

	"config":     {},
	"metrics":    {},
	"apiclient":  {},
	"jobs":       {},
	"jsonout":    {},
	"loglevel":   {},
	"script":     {},
	"modalities": {"config"},
	"query":      with(values, "storage", "storage/index"),
	"media":      with(values, "storage", "storage/blob", "storage/index"),

	"jobkinds": with(values, "jobs", "modalities", "config", "metrics", "media", "scp", "scu", "dimse", "dul",
		"storage", "storage/blob", "storage/index"),
	"faults":        {"dicom", "dicom/dict", "dul"},
	"faults/inject": with(values, "faults", "jobkinds", "scp", "dimse", "dul", "storage/index"),
	"services": with(values, "jobs", "query", "jobkinds", "modalities", "config", "metrics", "scp", "scu", "dimse", "dul",
		"storage", "storage/blob", "storage/index"),
	"rest": with(values, "jobs", "jsonout", "loglevel", "script", "query", "jobkinds", "modalities", "config", "metrics", "faults", "media", "scp", "scu", "dimse", "dul",
		"storage", "storage/blob", "storage/index"),

	"daemon": anything,
	"cli":    anything,

	"tools/phantom":     values,
	"tools/gendict":     anything,
	"tools/gendocs":     anything,
	"tools/gentestdata": anything,
	"tools/mixedload":   anything,
	"tools/peerbench":   anything,
	"tools/fillindex":   anything,
}

// testHelpers are packages for tests alone.
var testHelpers = []string{"testkit", "storage/blob/blobtest", "storage/index/indextest"}

var anything = []string{"*"}

func with(base []string, more ...string) []string { return slices.Concat(base, more) }

const module = "gantry/internal/"

func TestImportsRunDown(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(file))
		if pkg == "." || slices.Contains(testHelpers, pkg) {
			return nil
		}
		checkFile(t, pkg, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkFile holds the imports of one file against the table. Tests may use test helpers and anything below the
// daemon: they put a layer together with the ones beside it.
func checkFile(t *testing.T, pkg, file string) {
	t.Helper()
	allowed, known := layers[pkg]
	if !known {
		t.Errorf("%s: package internal/%s is not in the layer table of internal/layers_test.go", file, pkg)
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	isTest := strings.HasSuffix(file, "_test.go")
	for _, spec := range f.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if !strings.HasPrefix(imported, module) {
			if imported == "testing" && !isTest {
				t.Errorf("%s: product code imports testing", file)
			}
			continue
		}
		name := strings.TrimPrefix(imported, module)
		switch {
		case slices.Contains(testHelpers, name):
			if !isTest {
				t.Errorf("%s: product code imports the test helper %s", file, name)
			}
		case isTest && name != "daemon" && name != "cli":
		case name == pkg, allowed != nil && slices.Equal(allowed, anything), slices.Contains(allowed, name):
		default:
			t.Errorf("%s: internal/%s must not import internal/%s", file, pkg, name)
		}
	}
}

func TestLayerTableNamesNoOneTwice(t *testing.T) {
	t.Parallel()
	for pkg, allowed := range layers {
		if path.Clean(pkg) != pkg {
			t.Errorf("%q is not a clean package path", pkg)
		}
		for _, name := range allowed {
			if _, known := layers[name]; !known && name != "*" {
				t.Errorf("%s may import %q, which is no package of the table", pkg, name)
			}
		}
	}
}
