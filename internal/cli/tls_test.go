package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes a self-signed one for 127.0.0.1, for either side.
func certificate(t *testing.T) (certFile, keyFile string, pair tls.Certificate, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "PRIVATE KEY", keyDER)
	if pair, err = tls.LoadX509KeyPair(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	return certFile, keyFile, pair, pool
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Both sides show certificates, and the report comes back over TLS too.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key, pair, pool := certificate(t)
	p := &peer{t: t, report: freeAddress(t)}
	p.tls = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	p.callBackTLS = &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool, ServerName: "127.0.0.1"}
	address := p.start()
	file := writeObject(t, t.TempDir(), "a", ct("1.1", "1", "1"))
	options := []string{"--tls", "--tls-ca", cert, "--tls-cert", cert, "--tls-key", key}
	run(t, nil, append([]string{"echo", address}, options...)...).want(t, 0)
	o := run(t, nil, append([]string{"store", address, file, "--commit", "--listen", p.report}, options...)...).want(t, 0)
	if !strings.Contains(o.stdout, "1 of 1 instance committed") {
		t.Error(o.stdout)
	}
	run(t, nil, "echo", address, "--tls").want(t, 3)                   // a certificate nobody knows
	run(t, nil, "echo", address, "--tls", "--tls-ca", cert).want(t, 3) // and none of ours
	if o := run(t, nil, "echo", address).want(t, 3); !strings.Contains(o.stderr, "Give --tls if") {
		t.Error(o.stderr)
	}
}
