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

// layers says what each package below internal/ may import of this module. Imports run down only:
// cli > daemon > rest, services, jobkinds > media, storage, scp, scu > dimse > dul > dul/pdu.
// Every arrow in it exists. A new package or a new arrow is a decision: make it here, in the README's architecture, and
// in review.
var layers = map[string][]string{
	// values: no I/O
	"dicom":           {},
	"dicom/dict":      {"dicom"},
	"dicom/charset":   {"dicom"},
	"dicom/codec":     {"dicom", "dicom/dict"},
	"dicom/pixels":    {},
	"dicom/dicomjson": {"dicom", "dicom/dict", "dicom/charset", "dicom/codec", "jsonout"},

	// the network
	"dul/pdu": {},
	"dul":     {"dul/pdu"},
	"dimse":   {"dicom", "dul"},
	"scp":     {"dicom", "dicom/codec", "dul", "dimse"},
	"scu":     {"dicom", "dul", "dimse", "scp"}, // what a peer asks on our own association is served as by scp

	// the store
	"storage/blob":         {},
	"storage/blob/disk":    {"storage/blob"},
	"storage/blob/memory":  {"storage/blob"},
	"storage/blob/seglog":  {"storage/blob", "storage/blob/disk", "storage/blob/memory"},
	"storage/blob/fsblob":  {"storage/blob", "storage/blob/seglog"},
	"storage/blob/memblob": {"storage/blob"},
	"storage/index":        {"dicom"},
	"storage/index/sqlite": {"dicom", "dicom/charset", "storage/blob/disk", "storage/index"},
	"storage": {
		"dicom", "dicom/dict", "dicom/charset", "dicom/codec", "storage/blob", "storage/blob/disk",
		"storage/blob/seglog", "storage/blob/fsblob", "storage/blob/memblob", "storage/index",
		"storage/index/sqlite", "jsonout",
	},
	"query": {"dicom", "dicom/dict", "dicom/charset", "dicom/codec", "dicom/dicomjson", "storage/index", "storage"},
	"media": {"dicom", "dicom/codec", "storage/index", "storage"},

	// leaves
	"apiclient": {},
	"config":    {},
	"jobs":      {},
	"jsonout":   {},
	"loglevel":  {},
	"metrics":   {},
	"script":    {},

	// what the daemon does
	"modalities": {"config"},
	"jobkinds": {
		"dicom", "dicom/dict", "dicom/codec", "dul", "dimse", "scp", "scu", "storage/index", "storage", "media",
		"config", "jobs", "metrics", "modalities",
	},
	"faults":        {"dicom", "dicom/dict", "dul"},
	"faults/inject": {"dicom", "dul", "dimse", "scp", "storage/index", "jobkinds", "faults"},
	"services": {
		"dicom", "dicom/codec", "dul", "dimse", "scp", "storage/index", "storage", "config", "jobs", "metrics",
		"modalities", "jobkinds",
	},
	"rest": {
		"dicom", "dicom/dict", "dicom/charset", "dicom/codec", "dicom/dicomjson", "dicom/pixels", "dul", "dimse", "scu",
		"storage/blob", "storage/index", "storage", "query", "media", "config", "jobs", "jsonout", "loglevel",
		"metrics", "script", "modalities", "jobkinds", "faults",
	},

	// the programs
	"daemon": {
		"dicom", "dicom/dict", "dicom/charset", "dicom/codec", "scp", "storage/index", "storage", "config", "jobs", "loglevel",
		"metrics", "modalities", "jobkinds", "faults", "faults/inject", "services", "rest",
	},
	"cli": {
		"dicom", "dicom/dict", "dicom/codec", "dul", "dimse", "scp", "scu", "storage/blob/disk", "storage/index",
		"storage", "apiclient", "config", "faults", "daemon",
	},

	// programs for developers
	"tools/launch":      {},
	"tools/phantom":     {"dicom", "dicom/codec"},
	"tools/gendict":     {},
	"tools/gendocs":     {"cli"},
	"tools/gentestdata": {"dicom", "tools/phantom"},
	"tools/mixedload":   {"dicom", "dicom/codec", "dul", "scp", "scu", "apiclient", "tools/launch", "tools/phantom"},
	"tools/peerbench":   {"dicom", "dicom/codec", "dul", "scp", "scu", "tools/launch", "tools/phantom"},
	"tools/fillindex":   {"dicom", "storage/index", "storage/index/sqlite"},
	"tools/genindex":    {"storage/index/sqlite"},
}

// testHelpers are packages for tests alone.
var testHelpers = []string{"testkit", "storage/blob/blobtest", "storage/index/indextest"}

const module = "gantry/internal/"

// arrow is the import of one package below internal/ by another one.
type arrow struct{ from, to string }

func TestImportsRunDown(t *testing.T) {
	t.Parallel()
	used := map[arrow]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		if pkg := filepath.ToSlash(filepath.Dir(file)); pkg != "." && !slices.Contains(testHelpers, pkg) {
			checkFile(t, pkg, file, used)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg, allowed := range layers {
		for _, name := range allowed {
			if !used[arrow{pkg, name}] {
				t.Errorf("internal/%s does not import internal/%s: take the arrow out of the table", pkg, name)
			}
		}
	}
}

// checkFile holds the imports of one file against the table and notes those of product code. Tests may use test helpers
// and anything below the daemon: they put a layer together with the ones beside it.
func checkFile(t *testing.T, pkg, file string, used map[arrow]bool) {
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
		name, ours := strings.CutPrefix(imported, module)
		switch {
		case !ours:
			if imported == "testing" && !isTest {
				t.Errorf("%s: product code imports testing", file)
			}
		case isTest && name != "daemon" && name != "cli":
		case slices.Contains(testHelpers, name):
			t.Errorf("%s: product code imports the test helper %s", file, name)
		case !isTest:
			used[arrow{pkg, name}] = true
			fallthrough
		default:
			if name != pkg && !slices.Contains(allowed, name) {
				t.Errorf("%s: internal/%s must not import internal/%s", file, pkg, name)
			}
		}
	}
}

func TestLayerTableNamesNoOneTwice(t *testing.T) {
	t.Parallel()
	for pkg, allowed := range layers {
		if path.Clean(pkg) != pkg {
			t.Errorf("%q is not a clean package path", pkg)
		}
		for i, name := range allowed {
			if _, known := layers[name]; !known {
				t.Errorf("%s may import %q, which is no package of the table", pkg, name)
			}
			if slices.Contains(allowed[:i], name) {
				t.Errorf("%s may import %q twice", pkg, name)
			}
		}
	}
}
