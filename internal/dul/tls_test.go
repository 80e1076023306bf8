package dul_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"gantry/internal/dul"
	"gantry/internal/testkit"
)

// bothTLS makes a requestor and an acceptor that want each other's certificate.
func bothTLS(t testing.TB) (dul.Config, dul.Policy) {
	client, server := testkit.NewIdentity(t, "client"), testkit.NewIdentity(t, "server")
	cfg, pol := config(), policy()
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{client.Certificate}, RootCAs: server.Pool}
	pol.TLS = &tls.Config{Certificates: []tls.Certificate{server.Certificate}, ClientCAs: client.Pool,
		ClientAuth: tls.RequireAndVerifyClientCert}
	return cfg, pol
}

func TestTLSBothWays(t *testing.T) {
	t.Parallel()
	cfg, pol := bothTLS(t)
	requestor, acceptor := pair(t, cfg, pol)
	if got := acceptor.TLS().PeerCertificates[0].Subject.CommonName; got != "client" {
		t.Errorf("client certificate of %q", got)
	}
	if got := requestor.TLS().PeerCertificates[0].Subject.CommonName; got != "server" {
		t.Errorf("server certificate of %q", got)
	}
	sent := bytes.Repeat([]byte("TLS"), 200_000)
	go func() {
		_ = requestor.WriteMessage(t.Context(), 3, []byte("go"), bytes.NewReader(sent))
		_ = requestor.Release(t.Context())
	}()
	if _, got, err := message(t.Context(), acceptor, true); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes: %v", len(got), err)
	}
	if _, err := acceptor.ReadPDV(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v", err)
	}
}

func TestTLSWithoutAClientCertificate(t *testing.T) {
	t.Parallel()
	cfg, pol := bothTLS(t)
	cfg.TLS.Certificates = nil
	addr, associations := listen(t, pol)
	if _, err := dul.Dial(t.Context(), addr, cfg); err == nil {
		t.Error("no error")
	}
	if got := <-associations; got.err == nil || !strings.Contains(got.err.Error(), "TLS handshake") {
		t.Errorf("acceptor: %v", got.err)
	}
}

func TestTLSWithAnUnknownServer(t *testing.T) {
	t.Parallel()
	cfg, pol := bothTLS(t)
	cfg.TLS.RootCAs = x509.NewCertPool()
	addr, associations := listen(t, pol)
	_, err := dul.Dial(t.Context(), addr, cfg)
	if unknown := new(x509.UnknownAuthorityError); !errors.As(err, unknown) {
		t.Errorf("error %v", err)
	}
	<-associations
}

// mismatch checks that err says what is wrong.
func mismatch(t *testing.T, err error, text string) {
	t.Helper()
	if !errors.Is(err, dul.ErrTLSMismatch) || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one with %q", err, text)
	}
}

func TestTLSToAPlainPort(t *testing.T) {
	t.Parallel()
	cfg, _ := bothTLS(t)
	addr, associations := listen(t, policy())
	_, err := dul.Dial(t.Context(), addr, cfg)
	mismatch(t, err, "does not speak TLS")
	got := <-associations
	mismatch(t, got.err, "speaks TLS on a plain port")
}

func TestPlainToATLSPort(t *testing.T) {
	t.Parallel()
	_, pol := bothTLS(t)
	addr, associations := listen(t, pol)
	_, err := dul.Dial(t.Context(), addr, config())
	mismatch(t, err, "wants TLS")
	got := <-associations
	mismatch(t, got.err, "plain DICOM on a TLS port")
}

func TestTLSToAPortThatHangsUp(t *testing.T) {
	t.Parallel()
	cfg, _ := bothTLS(t)
	addr := scriptedServer(t, func(p peer) { _, _ = p.Read(make([]byte, 4096)) })
	_, err := dul.Dial(t.Context(), addr, cfg)
	mismatch(t, err, "may be a plain one")
}

func TestTLSToASilentPort(t *testing.T) {
	t.Parallel()
	cfg, _ := bothTLS(t)
	cfg.ACSETimeout = 10 * time.Millisecond
	addr := scriptedServer(t, func(p peer) { _, _ = io.Copy(io.Discard, p) })
	_, err := dul.Dial(t.Context(), addr, cfg)
	if timeout := new(dul.TimeoutError); !errors.As(err, &timeout) || !strings.Contains(err.Error(), "may be a plain one") {
		t.Errorf("error %v", err)
	}
}

func TestPlainToAPortThatHangsUp(t *testing.T) {
	t.Parallel()
	addr := scriptedServer(t, func(p peer) { p.receive() })
	_, err := dul.Dial(t.Context(), addr, config())
	if !errors.Is(err, dul.ErrConnectionLost) || !strings.Contains(err.Error(), "may want TLS") {
		t.Errorf("error %v", err)
	}
}

func TestBareConnectToATLSPort(t *testing.T) {
	t.Parallel()
	_, pol := bothTLS(t)
	p, failed := accept(t, t.Context(), pol)
	_ = p.Close()
	if err := <-failed; !errors.Is(err, dul.ErrNoAssociation) {
		t.Errorf("error %v", err)
	}
}

func TestEchoscuCallsWithTLS(t *testing.T) {
	t.Parallel()
	client, server := testkit.NewIdentity(t, "client"), testkit.NewIdentity(t, "server")
	pol := policy()
	pol.TLS = &tls.Config{Certificates: []tls.Certificate{server.Certificate}, ClientCAs: client.Pool,
		ClientAuth: tls.RequireAndVerifyClientCert}
	echoscuCalls(t, pol, "+tls", client.KeyFile, client.CertFile, "+cf", server.CertFile)
}

func TestEchoToStorescpWithTLS(t *testing.T) {
	t.Parallel()
	client, server := testkit.NewIdentity(t, "client"), testkit.NewIdentity(t, "server")
	addr := storescp(t, "+tls", server.KeyFile, server.CertFile, "+cf", client.CertFile)
	cfg := config()
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{client.Certificate}, RootCAs: server.Pool}
	a, err := dul.Dial(t.Context(), addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	echo(t, a)

	_, err = dul.Dial(t.Context(), addr, config())
	t.Logf("plain to storescp's TLS port: %v", err)
	if err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("plain to its TLS port: %v", err)
	}
}

func TestTLSToStorescpsPlainPort(t *testing.T) {
	t.Parallel()
	cfg, _ := bothTLS(t)
	_, err := dul.Dial(context.WithoutCancel(t.Context()), storescp(t), cfg)
	mismatch(t, err, "TLS")
}
