package services_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"gantry/internal/jobkinds"
	"gantry/internal/scp"
)

// certificate makes a certificate for 127.0.0.1 that is its own authority.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peer"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// A peer with UseDicomTls is called over TLS, and only if its certificate is trusted.
func TestPeerOverTLS(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	cert, pool := certificate(t)
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := serve(t, ctx, "127.0.0.1:0", scp.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}})
	t.Cleanup(func() { cancel(); <-done })
	m := modality(t, "SECURE", addr)
	m.UseDicomTls = true
	if err := s.peers.Echo(t.Context(), m, jobkinds.Call{}); err == nil {
		t.Error("a certificate that nobody vouches for was trusted")
	}
	s.peers.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if err := s.peers.Echo(t.Context(), m, jobkinds.Call{}); err != nil {
		t.Error(err)
	}
	m.UseDicomTls = false
	if err := s.peers.Echo(t.Context(), m, jobkinds.Call{}); err == nil {
		t.Error("a plain association with a TLS port")
	}
}
