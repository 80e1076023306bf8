package config_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/testkit"

	"github.com/tailscale/hujson"
)

// orthancDefaults asks the newest Orthanc for its commented default configuration.
func orthancDefaults(t *testing.T) (path string, values map[string]any) {
	t.Helper()
	program := testkit.NewestOrthanc(t)
	path = filepath.Join(testkit.SharedDir(t), "default.json")
	if out, err := exec.Command(program, "--config="+path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	standard, err := hujson.Standardize(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(standard, &values); err != nil {
		t.Fatal(err)
	}
	return path, values
}

// Orthanc's own file is taken whole, and where an option exists here its default is the same or the difference is listed.
func TestDefaultsAreOrthancs(t *testing.T) {
	t.Parallel()
	path, values := orthancDefaults(t)
	theirs, warnings, err := config.Load(config.Options{Files: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		if !w.Unused {
			t.Errorf("warning: %s", w)
		}
	}
	meant := map[string]bool{}
	for _, d := range config.Differences() {
		meant[d.Option] = true
	}
	ours := reflect.ValueOf(config.Default()).Elem()
	for name := range values {
		field := ours.FieldByName(name)
		if !field.IsValid() {
			continue
		}
		if got, want := fmt.Sprint(field), fmt.Sprint(reflect.ValueOf(theirs).Elem().FieldByName(name)); got != want && !meant[name] {
			t.Errorf("%s: %s, Orthanc has %s", name, got, want)
		}
	}
}

// No option of Orthanc, of whatever release, is unknown here.
func TestOrthancsOptionsAreKnown(t *testing.T) {
	t.Parallel()
	f, err := os.Open(testkit.Shared(t, "reference", "orthanc-config.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	document := map[string]any{}
	for s := bufio.NewScanner(f); s.Scan(); {
		names, _, _ := strings.Cut(s.Text(), "\t")
		if strings.HasPrefix(names, "(") || names == "option" {
			continue
		}
		names, _, _ = strings.Cut(names, " [")
		for _, name := range strings.Split(names, ",") {
			name, _, _ = strings.Cut(strings.TrimSpace(name), ".")
			document[name] = nil
		}
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	_, warnings := load(t, string(text))
	for _, w := range warnings {
		if !w.Unused {
			t.Errorf("warning: %s", w)
		}
	}
}

func TestDifferencesNameOptions(t *testing.T) {
	t.Parallel()
	for _, d := range config.Differences() {
		if _, ok := reflect.TypeFor[config.Config]().FieldByName(d.Option); !ok {
			t.Errorf("%s is no option", d.Option)
		}
	}
}

// The configuration that the README begins with is one, without a warning.
func TestReadmeConfiguration(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(testkit.ModuleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```json\n{\n  \"DicomAet\"")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the README shows no configuration that begins with DicomAet")
	}
	c, warnings := load(t, "{\"DicomAet\""+text)
	if len(warnings) > 0 || len(c.DicomModalities) != 2 || len(c.RegisteredUsers) != 1 || !c.SslEnabled {
		t.Errorf("%v, %+v", warnings, c)
	}
}

func TestReadmeShowsTheDifferences(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(testkit.ModuleRoot(t), "README.md"))
	if os.IsNotExist(err) {
		t.Skip("there is no README.md")
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), config.DifferencesTable()) {
		t.Errorf("README.md has to contain this table:\n%s", config.DifferencesTable())
	}
}
