package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/cli"

	"github.com/spf13/cobra"
)

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args string
		want string
	}{
		{"stoer", `unknown command "stoer"; did you mean store?`},
		{"stgcmt lst", `unknown command "lst"; did you mean list?`},
		{"stgcmt list extra", `"extra" is one argument too many`},
		{"echo h:104 --comit", "unknown option --comit"},
		{"store h:104 file --comit", "unknown option --comit; did you mean --commit?"},
		{"echo h:104 --timeout x", `--timeout "x": a time such as 30s or 2m is expected`},
		{"store h:104 file -n x", `--associations "x": a whole number is expected`},
		{"echo h:104 --aet", "--aet needs a value"},
		{"echo h:104 -Z", "unknown option -Z"},
		{"store h:104 file --listen :0", "--listen is for the report of a storage commitment: add --commit"},
		{"store h:104 file --wait 1s", "add --commit"},
		{"stgcmt request h:104 1.2=1.3 --listen 11112", "--listen 11112: missing port in address"},
		{"echo h:104 --max-pdu 5", "--max-pdu: 4096 to 131072 are possible"},
		{"echo h:104 --timeout -1s", "less than nothing"},
		{"store", "[AET@]HOST:PORT is missing"},
		{"store h:104", "FILE|DIR is missing"},
		{"store nowhere file", `peer "nowhere": [AET@]HOST:PORT is expected`},
		{"store h:0 file", "[AET@]HOST:PORT is expected"},
		{"store AN-AE-TITLE-TOO-LONG@h:104 file", "1 to 16 printable"},
		{"store h:104 file --associations 0", "--associations"},
		{"store h:104 file --window 0", "--window"},
		{"echo h:104 --bogus", "unknown option --bogus"},
		{"echo h:104 --aet x\\y", "without backslash"},
		{"echo h:104 --tls-ca ca.pem", "need --tls"},
		{"echo h:104 --tls --tls-cert none.pem", "belong together"},
		{"echo h:104 --tls --tls-ca /does/not/exist", "--tls-ca"},
		{"stgcmt request h:104 CTImageStorag=1.2", "neither a file nor CLASS=UID"},
		{"stgcmt request h:104 x --one-per-study --one-per-series", "exclude each other"},
		{"stgcmt -c X@h:104 -b A:port file", "AET[@IP][:PORT]"},
		{"stgcmt -c X@h:104 --status xx file", "--status"},
		{"stgcmt file", "there is no -c AET@HOST:PORT"},
		{"stgcmt remove x/y", "no UID"},
		{"config --dicom-port x", "--dicom-port: DicomPort: a whole number"},
		{"config --modality x", "NAME=AET@HOST:PORT"},
		{"config --modality x=A@h", "AET@HOST:PORT is expected"},
		{"config --defaults --variables", "exclude each other"},
		{"stgcmt status 2.25.1 --url ftp://x", "not the address of an HTTP server"},
		{"stgcmt list --password-file /does/not/exist", "--password-file"},
		{"export dir xyz", "not a resource id"},
		{"faults add", "RULE is missing"},
		{"serve --ephemeral --storage x", "--ephemeral and --storage exclude each other"},
		{"fsck --read-only --repair", "exclude each other"},
	} {
		o := run(t, nil, strings.Fields(test.args)...)
		if o.code != 2 || !strings.Contains(o.stderr, test.want) || o.stdout != "" {
			t.Errorf("%s: code %d\nstdout %s\nstderr %s\nwant %s", test.args, o.code, o.stdout, o.stderr, test.want)
		}
	}
}

// Every command has a help with examples and exit codes.
func TestHelp(t *testing.T) {
	t.Parallel()
	env, _, _ := testEnv(nil)
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		path := strings.Fields(c.CommandPath())[1:]
		o := run(t, nil, append(path, "--help")...).want(t, 0)
		for _, want := range []string{"Examples:", "  gantry ", "Exit codes:", "143  terminated"} {
			if !strings.Contains(o.stdout, want) {
				t.Errorf("%s --help lacks %q", c.CommandPath(), want)
			}
		}
		if !strings.HasSuffix(o.stdout, "  143  terminated\n") {
			t.Errorf("%s --help does not end with the exit codes", c.CommandPath())
		}
		about, _, _ := strings.Cut(o.stdout, "\nUsage:")
		for line := range strings.Lines(about) {
			if len([]rune(line)) > 128 {
				t.Errorf("%s --help has a line of %d characters: %s", c.CommandPath(), len([]rune(line)), line)
			}
		}
		for _, child := range c.Commands() {
			check(child)
		}
	}
	check(cli.NewRoot(env))
}

func TestConfigJoinsItsSources(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(file, []byte(`{"DicomPort": 1, "HttpPort": 2, "Name": "file", "DicomPrt": 1, "HttpTimeout": 60,
		"Plugins": ["x"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	o := run(t, []string{"GANTRY_DICOM_PORT=3", "ORTHANC__NAME=orthanc", "GANTRY_NAME=env", "GANTRY_HTTP_PORT=4"},
		"config", file, "--http-port", "5", "--modality", "a.B=AET@h:104").want(t, 0)
	var got struct {
		DicomPort, HttpPort int
		Name                string
		DicomModalities     map[string]struct{ AET string }
	}
	o.decode(t, &got)
	if got.DicomPort != 3 || got.HttpPort != 5 || got.Name != "env" || got.DicomModalities["a.B"].AET != "AET" {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(o.stderr, "did you mean DicomPort?") || !strings.Contains(o.stderr, "not used here (--verbose says where): Plugins\n") {
		t.Errorf("stderr: %s", o.stderr)
	}
	if o := run(t, nil, "config", file, "--verbose"); !strings.Contains(o.stderr, "a.json:2: Plugins: known") {
		t.Errorf("stderr: %s", o.stderr)
	}
	if o := run(t, nil, "config", file+"x").want(t, 2); !strings.Contains(o.stderr, "cannot be read") {
		t.Errorf("stderr: %s", o.stderr)
	}
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	o := run(t, nil, "config", "--defaults").want(t, 0)
	file := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(file, []byte(o.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	if a, b := run(t, nil, "config"), run(t, nil, "config", file); a != b || a.code != 0 || a.stderr != "" {
		t.Errorf("%v\n%v", a, b)
	}
	if o := run(t, nil, "config", "--variables").want(t, 0); !strings.Contains(o.stdout, "GANTRY_STORE_MD5_FOR_ATTACHMENTS") {
		t.Error(o.stdout)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if o := run(t, nil, "version").want(t, 0); !strings.HasPrefix(o.stdout, "gantry ") || !strings.Contains(o.stdout, "1.13.0") {
		t.Error(o.stdout)
	}
	if a, b := run(t, nil, "--version").want(t, 0), run(t, nil, "version"); a != b {
		t.Errorf("%v, but %v", a, b)
	}
	var v struct{ RestAPI, ImplementationClassUID string }
	run(t, nil, "version", "--json").want(t, 0).decode(t, &v)
	if v.RestAPI != "1.13.0" || v.ImplementationClassUID == "" {
		t.Errorf("%+v", v)
	}
}

func TestFolderCommandsWantAFolder(t *testing.T) {
	t.Parallel()
	foreign := t.TempDir()
	missing := filepath.Join(foreign, "none")
	for _, args := range [][]string{{"fsck"}, {"export", "out"}, {"backup", "out"}} {
		for _, dir := range []string{missing, foreign} {
			o := run(t, nil, append(args, "--storage", dir)...)
			if o.code != 6 || !strings.Contains(o.stderr, "there is no data folder") {
				t.Errorf("%v: %+v", args, o)
			}
		}
	}
	if entries, err := os.ReadDir(foreign); err != nil || len(entries) > 0 {
		t.Errorf("something was made: %v %v", entries, err)
	}
}
