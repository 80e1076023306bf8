package cli_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"gantry/internal/testkit"
)

// Both sides show certificates, and the report comes back over TLS too.
func TestTLS(t *testing.T) {
	t.Parallel()
	id := testkit.NewIdentity(t, "test")
	cert, key, pair, pool := id.CertFile, id.KeyFile, id.Certificate, id.Pool
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
