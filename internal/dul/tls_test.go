package dul_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gantry/internal/dul"
	"gantry/internal/testkit"
)

// identity is a self-signed certificate with its key, also as PEM files.
type identity struct {
	tls.Certificate
	pool              *x509.CertPool
	keyFile, certFile string
}

func newIdentity(t testing.TB, name string) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	id := identity{Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool: x509.NewCertPool()}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	id.pool.AddCert(leaf)
	dir := t.TempDir()
	id.keyFile = writePEM(t, filepath.Join(dir, "key.pem"), "PRIVATE KEY", rawKey)
	id.certFile = writePEM(t, filepath.Join(dir, "cert.pem"), "CERTIFICATE", der)
	return id
}

func writePEM(t testing.TB, path, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// bothTLS makes a requestor and an acceptor that want each other's certificate.
func bothTLS(t testing.TB) (dul.Config, dul.Policy) {
	client, server := newIdentity(t, "client"), newIdentity(t, "server")
	cfg, pol := config(), policy()
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{client.Certificate}, RootCAs: server.pool}
	pol.TLS = &tls.Config{Certificates: []tls.Certificate{server.Certificate}, ClientCAs: client.pool,
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
	echoscu := testkit.Program(t, "echoscu")
	client, server := newIdentity(t, "client"), newIdentity(t, "server")
	pol := policy()
	pol.TLS = &tls.Config{Certificates: []tls.Certificate{server.Certificate}, ClientCAs: client.pool,
		ClientAuth: tls.RequireAndVerifyClientCert}
	addr, associations := listen(t, pol)
	done := make(chan error, 1)
	go func() {
		got := <-associations
		if got.err != nil {
			done <- got.err
			return
		}
		done <- serveEcho(t.Context(), got.Assoc)
	}()
	host, port, _ := net.SplitHostPort(addr)
	run(t, echoscu, "+tls", client.keyFile, client.certFile, "+cf", server.certFile, host, port)
	if err := <-done; !errors.Is(err, io.EOF) {
		t.Errorf("association ended with %v", err)
	}
}

func TestEchoToStorescpWithTLS(t *testing.T) {
	t.Parallel()
	client, server := newIdentity(t, "client"), newIdentity(t, "server")
	addr := storescp(t, "+tls", server.keyFile, server.certFile, "+cf", client.certFile)
	cfg := config()
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{client.Certificate}, RootCAs: server.pool}
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
