package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/cli"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// outcome is what a command left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs a command in process, with the given environment.
func run(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	env, stdout, stderr := testEnv(environ)
	code := cli.Main(args, env)
	return outcome{code, stdout.String(), stderr.String()}
}

func testEnv(environ []string) (env *cli.Env, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	env = cli.SystemEnv()
	env.Stdin, env.Stdout, env.Stderr, env.Environ = bytes.NewReader(nil), stdout, stderr, environ
	env.Signals = nil
	env.Terminal = func(io.Writer) (int, bool) { return 0, false }
	return env, stdout, stderr
}

// want fails the test unless a command ended with code.
func (o outcome) want(t *testing.T, code int) outcome {
	t.Helper()
	if o.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", o.code, code, o.stdout, o.stderr)
	}
	return o
}

// decode reads the JSON a command printed.
func (o outcome) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(o.stdout), v); err != nil {
		t.Fatalf("%v\n%s", err, o.stdout)
	}
}

// testObject is a small synthetic object.
type testObject struct {
	class, instance, study, series dicom.UID
	syntax                         dicom.UID
}

func ct(instance, study, series string) testObject {
	return testObject{dicom.CTImageStorage, dicom.UID(instance), dicom.UID(study), dicom.UID(series), dicom.ExplicitVRLittleEndian}
}

// writeObject writes o as a file and returns its path.
func writeObject(t *testing.T, dir, name string, o testObject) string {
	t.Helper()
	return writeObjectOf(t, dir, name, o, 512)
}

// writeObjectOf writes one with so many bytes of pixel data.
func writeObjectOf(t *testing.T, dir, name string, o testObject, pixels int) string {
	t.Helper()
	var ds dicom.Dataset
	ds.SetUID(dicom.TagSOPClassUID, o.class)
	ds.SetUID(dicom.TagSOPInstanceUID, o.instance)
	ds.SetString(dicom.TagPatientID, dicom.VRLO, "TEST")
	ds.SetUID(dicom.TagStudyInstanceUID, o.study)
	ds.SetUID(dicom.TagSeriesInstanceUID, o.series)
	ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROW, Value: make([]byte, pixels)})
	body, err := codec.Marshal(&ds, dicom.LookupTransferSyntax(o.syntax))
	if err != nil {
		t.Fatal(err)
	}
	head := codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: o.class, SOPInstanceUID: o.instance, TransferSyntaxUID: o.syntax})
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(head, body...), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}
