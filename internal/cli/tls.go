package cli

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"

	"github.com/spf13/cobra"
)

// tlsOptions switch TLS on for a client.
type tlsOptions struct {
	on, insecure  bool
	ca, cert, key string
}

func (o *tlsOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.on, "tls", false, "use TLS")
	f.StringVar(&o.ca, "tls-ca", "", "PEM `file` with the certificates the peer is checked with (default: the system's)")
	f.StringVar(&o.cert, "tls-cert", "", "PEM `file` with our certificate")
	f.StringVar(&o.key, "tls-key", "", "PEM `file` with its private key")
	f.BoolVar(&o.insecure, "tls-insecure", false, "do not check the peer's certificate")
}

// client returns nil without --tls.
func (o *tlsOptions) client(t target) (*tls.Config, error) {
	if !o.on {
		if o.ca != "" || o.cert != "" || o.key != "" || o.insecure {
			return nil, usagef("the --tls-... options need --tls")
		}
		return nil, nil
	}
	host, _, err := net.SplitHostPort(t.address)
	if err != nil {
		return nil, usagef("peer %q: %w", t.address, err)
	}
	cfg := &tls.Config{
		ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.insecure, ClientSessionCache: tls.NewLRUClientSessionCache(16),
	}
	if cfg.RootCAs, err = pool(o.ca); err != nil {
		return nil, err
	}
	if cfg.Certificates, err = o.certificates(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// server is the TLS of a listener for reports: that of the client the other way round. Nil without --tls and a certificate.
func (o *tlsOptions) server() (*tls.Config, error) {
	if !o.on {
		return nil, nil
	}
	certificates, err := o.certificates()
	if err != nil || certificates == nil {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: certificates}
	if o.ca != "" && !o.insecure {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
		cfg.ClientCAs, err = pool(o.ca)
	}
	return cfg, err
}

// pool reads trusted certificates; nil, the system's, without a file.
func pool(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, usagef("--tls-ca: %w", err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return nil, usagef("--tls-ca: %s holds no certificate in PEM form", file)
	}
	return p, nil
}

func (o *tlsOptions) certificates() ([]tls.Certificate, error) {
	if o.cert == "" && o.key == "" {
		return nil, nil
	}
	if o.cert == "" || o.key == "" {
		return nil, usagef("--tls-cert and --tls-key belong together")
	}
	c, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, usagef("--tls-cert, --tls-key: %w", err)
	}
	return []tls.Certificate{c}, nil
}
