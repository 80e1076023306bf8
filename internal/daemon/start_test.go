package daemon_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/daemon"
)

// TestCertificatesAreReadFirst wants a missing certificate to be found before the data folder is made.
func TestCertificatesAreReadFirst(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for option, change := range map[string]func(*config.Config){
		"SslCertificate": func(cfg *config.Config) { cfg.SslEnabled, cfg.SslCertificate = true, "nowhere.pem" },
		"DicomTlsCertificate": func(cfg *config.Config) {
			cfg.DicomTlsEnabled, cfg.DicomTlsCertificate, cfg.DicomTlsPrivateKey = true, "nowhere.pem", "nowhere.pem"
		},
		"DicomTlsTrustedCertificates": func(cfg *config.Config) { cfg.DicomTlsTrustedCertificates = "nowhere.pem" },
		"HttpsCACertificates":         func(cfg *config.Config) { cfg.HttpsCACertificates = "nowhere.pem" },
	} {
		cfg := testConfig(dir)
		change(cfg)
		err := newDaemon(cfg).Start(t.Context())
		var missing *daemon.TLSError
		if !errors.As(err, &missing) || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v, want a TLSError of a missing file", option, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder was made all the same: %v", err)
	}
}

// A handler that cannot be run is found before anything is promised.
func TestHandlerIsLookedForFirst(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	cfg := testConfig(dir)
	cfg.StorageCommitmentHandler = filepath.Join(t.TempDir(), "nothing")
	var wrong *config.Error
	if err := newDaemon(cfg).Start(t.Context()); !errors.As(err, &wrong) || wrong.Option != "StorageCommitmentHandler" {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder was made all the same: %v", err)
	}
}

func TestUsedPortIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := testConfig(t.TempDir())
	cfg.DicomPort = taken.Addr().(*net.TCPAddr).Port
	err = newDaemon(cfg).Start(t.Context())
	var listen *daemon.ListenError
	if !errors.As(err, &listen) || listen.Address != taken.Addr().String() || listen.Option != "DicomPort" {
		t.Errorf("%v, want a ListenError that names %s and DicomPort", err, taken.Addr())
	}
}

// TestExtraMainTagsByNumberAndName wants both ways to name a tag to end in /system, after Orthanc's own.
func TestExtraMainTagsByNumberAndName(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) {
		cfg.ExtraMainDicomTags = map[string][]string{"Instance": {"Rows", "0028,0011"}}
	})
	var system struct{ MainDicomTags map[string]string }
	s.get("/system", &system)
	for _, tag := range []string{"0028,0010", "0028,0011"} {
		if !strings.Contains(system.MainDicomTags["Instance"], tag) {
			t.Errorf("%s is not among the main tags %s", tag, system.MainDicomTags["Instance"])
		}
	}
}
