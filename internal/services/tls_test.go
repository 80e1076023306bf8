package services_test

import (
	"context"
	"crypto/tls"
	"testing"

	"gantry/internal/jobkinds"
	"gantry/internal/scp"
	"gantry/internal/testkit"
)

// A peer with UseDicomTls is called over TLS, and only if its certificate is trusted.
func TestPeerOverTLS(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	id := testkit.NewIdentity(t, "peer")
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := serve(t, ctx, "127.0.0.1:0", scp.Config{TLS: &tls.Config{Certificates: []tls.Certificate{id.Certificate}, MinVersion: tls.VersionTLS12}})
	t.Cleanup(func() { cancel(); <-done })
	m := modality(t, "SECURE", addr)
	m.UseDicomTls = true
	if err := s.peers.Echo(t.Context(), m, jobkinds.Call{}); err == nil {
		t.Error("a certificate that nobody vouches for was trusted")
	}
	s.peers.TLS = &tls.Config{RootCAs: id.Pool, MinVersion: tls.VersionTLS12}
	if err := s.peers.Echo(t.Context(), m, jobkinds.Call{}); err != nil {
		t.Error(err)
	}
	m.UseDicomTls = false
	if err := s.peers.Echo(t.Context(), m, jobkinds.Call{}); err == nil {
		t.Error("a plain association with a TLS port")
	}
}
