package scp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http/httptest"
	"testing"

	"gantry/internal/dul"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	https := httptest.NewTLSServer(nil) // for its certificate
	defer https.Close()
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	secure := make(chan bool, 2)
	h := &handler{store: func(_ context.Context, rq *scp.StoreRequest) error {
		secure <- rq.Peer.TLS != nil
		_, err := io.Copy(io.Discard, rq.Data)
		return err
	}}
	_, addr := serve(t, scp.Config{Handler: h, TLS: &tls.Config{Certificates: https.TLS.Certificates}})
	cfg := clientConfig(addr)
	cfg.TLS = &tls.Config{RootCAs: roots, ServerName: "example.com"}
	c := dial(t, cfg)
	for range 2 {
		mustStore(t, c, object(400_000))
		if !<-secure {
			t.Error("the handler is not told of TLS")
		}
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := scu.Dial(t.Context(), clientConfig(addr)); !errors.Is(err, dul.ErrTLSMismatch) {
		t.Errorf("plain DICOM on a TLS port: %v", err)
	}
}

// A user identity is checked before anything is granted, and may be answered (PS3.7 D.3.3.7).
func TestUserIdentity(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, scp.Config{Identity: func(_ context.Context, rq *dul.Request) ([]byte, error) {
		if string(rq.Identity.Primary) != "alice" {
			return nil, errors.New("unknown user")
		}
		return []byte("ticket"), nil
	}})
	cfg := clientConfig(addr)
	cfg.Identity = &dul.UserIdentity{Type: 1, ResponseRequested: true, Primary: []byte("alice")}
	if got := string(dial(t, cfg).Assoc().IdentityResponse()); got != "ticket" {
		t.Errorf("answered with %q", got)
	}
	cfg.Identity.Primary = []byte("mallory")
	if _, err := scu.Dial(t.Context(), cfg); !isRejection(err, dul.RejectNoReason()) {
		t.Errorf("unknown user: %v", err)
	}
}
