// Package testkit finds what tests borrow from outside the module: foreign programs and sample files.
// A missing one skips the test with a line that names it; with CI=true it fails the test.
package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Program returns the path of a foreign program, or ends the test if it is not installed.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "program "+name)
	}
	return path
}

// Pydicom returns a Python that has the module pydicom, or ends the test. Debian's own Python is tried, too: it is the one
// that Debian's python3-pydicom is for, whichever comes first in PATH.
func Pydicom(t testing.TB) string {
	t.Helper()
	const find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pydicom') is None)"
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", find).Run() == nil {
			return python
		}
	}
	Missing(t, "module pydicom of Python (package python3-pydicom)")
	return ""
}

// Orthanc returns the path of this system's own Orthanc, or ends the test.
func Orthanc(t testing.TB) string { return Program(t, "Orthanc") }

// NewestOrthanc returns the command that starts the newest Orthanc, put there by .ci/peers, or ends the test.
// It runs in a root of its own that shares only /tmp: configuration and storage belong below SharedDir.
func NewestOrthanc(t testing.TB) string { return peer(t, "bin", "orthanc-newest") }

// NewestDCMTK returns a command whose first argument is the DCMTK program to run, or ends the test.
// Files it reads or writes belong below SharedDir.
func NewestDCMTK(t testing.TB) string { return peer(t, "bin", "dcmtk-newest") }

// NodeModules returns the folder of the packages that tests have Node.js run, put there by .ci/peers, or ends the test.
func NodeModules(t testing.TB) string { return peer(t, "js", "node_modules") }

func peer(t testing.TB, elem ...string) string {
	t.Helper()
	dir := os.Getenv("GANTRY_PEERS")
	if dir == "" {
		dir = "/opt/gantry-peers"
	}
	path := filepath.Join(append([]string{dir}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		Missing(t, filepath.Join(elem...)+" (.ci/peers installs it)")
	}
	return path
}

// SharedDir returns a temporary folder that the newest peers see under the same name; it is removed with the test.
func SharedDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "gantry-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Samples returns the folder of real DICOM files that lies beside the module, or skips the test.
func Samples(t testing.TB) string { return Shared(t, "dicom-samples") }

// Shared returns a path below the folder "shared" that lies beside the module, or skips the test: nothing can install it.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{ModuleRoot(t), "..", "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped, missing on this machine: folder ../shared/%s", filepath.Join(elem...))
	}
	return path
}

// ModuleRoot returns the folder that holds go.mod.
func ModuleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("testkit: go.mod not found above the test's folder")
		}
		dir = parent
	}
}

// Missing skips the test because something is not on this machine; in CI it fails it.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing on this machine, and CI has to have it: %s", what)
	}
	t.Skipf("skipped, missing on this machine: %s", what)
}
