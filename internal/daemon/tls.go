package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"gantry/internal/config"
)

// tlsSettings are the ways TLS is used: as DICOM server, towards DICOM peers, for the REST API, and towards HTTPS
// servers; nil where it is not, or nothing is configured.
type tlsSettings struct{ server, client, http, https *tls.Config }

// TLSError is a certificate or key of the configuration that cannot be used.
type TLSError struct {
	Option string
	Err    error
}

func (e *TLSError) Error() string { return fmt.Sprintf("daemon: option %s: %v", e.Option, e.Err) }
func (e *TLSError) Unwrap() error { return e.Err }

// loadTLS reads all certificates, so that a missing one is found before anything is opened.
func loadTLS(cfg *config.Config) (s tlsSettings, err error) {
	if s.server, err = dicomTLS(cfg); err != nil {
		return s, err
	}
	if s.client, err = clientTLS(cfg); err != nil {
		return s, err
	}
	if s.https, err = httpsTLS(cfg); err != nil {
		return s, err
	}
	if cfg.SslEnabled {
		s.http, err = httpTLS(cfg)
	}
	return s, err
}

// dicomTLS returns the TLS settings of the DICOM server, nil where DicomTlsEnabled is false.
func dicomTLS(cfg *config.Config) (*tls.Config, error) {
	if !cfg.DicomTlsEnabled {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(cfg.DicomTlsCertificate, cfg.DicomTlsPrivateKey)
	if err != nil {
		return nil, &TLSError{"DicomTlsCertificate, DicomTlsPrivateKey", err}
	}
	settings := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: minimumVersion(cfg.DicomTlsMinimumProtocolVersion)}
	if cfg.DicomTlsRemoteCertificateRequired {
		if settings.ClientCAs, err = certificates("DicomTlsTrustedCertificates", cfg.DicomTlsTrustedCertificates); err != nil {
			return nil, err
		}
		settings.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return settings, nil
}

// clientTLS returns the TLS settings for calling peers with UseDicomTls, nil where nothing is configured.
func clientTLS(cfg *config.Config) (*tls.Config, error) {
	if cfg.DicomTlsCertificate == "" && cfg.DicomTlsTrustedCertificates == "" {
		return nil, nil
	}
	settings := &tls.Config{MinVersion: minimumVersion(cfg.DicomTlsMinimumProtocolVersion)}
	if cfg.DicomTlsCertificate != "" {
		certificate, err := tls.LoadX509KeyPair(cfg.DicomTlsCertificate, cfg.DicomTlsPrivateKey)
		if err != nil {
			return nil, &TLSError{"DicomTlsCertificate, DicomTlsPrivateKey", err}
		}
		settings.Certificates = []tls.Certificate{certificate}
	}
	if cfg.DicomTlsTrustedCertificates != "" {
		pool, err := certificates("DicomTlsTrustedCertificates", cfg.DicomTlsTrustedCertificates)
		if err != nil {
			return nil, err
		}
		settings.RootCAs = pool
	}
	return settings, nil
}

// httpTLS returns the TLS settings of the REST API. SslCertificate holds certificate and key in one file.
func httpTLS(cfg *config.Config) (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(cfg.SslCertificate, cfg.SslCertificate)
	if err != nil {
		return nil, &TLSError{"SslCertificate (certificate and private key in one PEM file)", err}
	}
	settings := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: minimumVersion(cfg.SslMinimumProtocolVersion)}
	if cfg.SslVerifyPeers {
		if settings.ClientCAs, err = certificates("SslTrustedClientCertificates", cfg.SslTrustedClientCertificates); err != nil {
			return nil, err
		}
		settings.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return settings, nil
}

// httpsTLS returns the TLS settings for calling HTTPS servers, nil where the system's certificates are to do.
func httpsTLS(cfg *config.Config) (*tls.Config, error) {
	if cfg.HttpsCACertificates == "" {
		return nil, nil
	}
	pool, err := certificates("HttpsCACertificates", cfg.HttpsCACertificates)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, nil
}

func certificates(option, file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &TLSError{option, err}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, &TLSError{option, fmt.Errorf("%s holds no PEM certificate", file)}
	}
	return pool, nil
}

// minimumVersion turns Orthanc's numbers (4 = TLS 1.2, 5 = TLS 1.3) into Go's. Older versions are not offered.
func minimumVersion(number int) uint16 {
	if number >= 5 {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}
