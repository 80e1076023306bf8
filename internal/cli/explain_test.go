package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry/internal/apiclient"
	"gantry/internal/daemon"
	"gantry/internal/dul"
	"gantry/internal/storage"
)

// What people read of an error has no names of packages, says the address once, and has a next step.
func TestExplain(t *testing.T) {
	t.Parallel()
	peer := target{"PACS", "h:104"}
	dial := func(err error) error { return &connectError{peer, fmt.Errorf("scu: dul: connect to h:104: %w", err)} }
	op := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, test := range []struct {
		err        error
		code       int
		text, hint string
	}{
		{dial(op(os.NewSyscallError("connect", syscall.ECONNREFUSED))), 3, "PACS@h:104: connection refused", "Nothing listens there"},
		{dial(op(os.NewSyscallError("connect", syscall.EHOSTUNREACH))), 3, "PACS@h:104: no route to the host", "Check the address"},
		{dial(op(&net.DNSError{Name: "h", IsNotFound: true})), 3, "PACS@h:104: unknown host h", "Check how the name is written"},
		{dial(op(&net.DNSError{Name: "h"})), 3, "PACS@h:104: the name server does not tell the address of h", "Try again"},
		{dial(&dul.AbortError{Source: 2, Reason: 1, Err: errors.New("pdu: unrecognized PDU type 48H")}), 3,
			"PACS@h:104: what answers there does not speak DICOM, it looks like an HTTP server", "Is that the DICOM port?"},
		{dial(&dul.AbortError{FromPeer: true}), 3, "PACS@h:104: the peer broke off the association", "Its log"},
		{dial(&dul.AbortError{Err: dul.ErrConnectionLost}), 3, "PACS@h:104: the connection was lost", "Was the peer stopped?"},
		{dial(&dul.TimeoutError{Phase: "connect"}), 3, "PACS@h:104: no connection: time-out", "--connect-timeout"},
		{dial(&dul.TimeoutError{Phase: "association"}), 3, "PACS@h:104: no answer to the association request: time-out", "--acse-timeout"},
		{dial(dul.RejectLocalLimit()), 3, "PACS@h:104: association rejected for the moment: local limit exceeded", "try again later"},
		{dial(dul.RejectCalledAET()), 3, "PACS@h:104: association rejected permanently: called AE title not recognized", "the peer's AE title"},
		{dial(dul.RejectNoReason()), 3, "PACS@h:104: association rejected permanently: no reason given", "check both AE titles"},
		{dial(&dul.TLSMismatchError{PeerTLS: true}), 3, "PACS@h:104: the peer's port wants TLS", "Give --tls if"},
		{dial(x509.UnknownAuthorityError{}), 3, "PACS@h:104: nobody who is trusted here", "--tls-ca FILE"},
		{dial(errors.Join(dul.ErrConnectionLost, errors.New("remote error: tls: certificate required"))), 3,
			"PACS@h:104: the peer wants a certificate of ours", "--tls-cert FILE"},
		{dial(errors.New("remote error: tls: unknown certificate authority")), 3, "PACS@h:104: the peer does not accept our certificate", "--tls-cert"},
		{&brokenError{target: peer, doing: "echo", err: &dul.TimeoutError{Phase: "DIMSE"}}, 4, "PACS@h:104: echo: no answer: time-out", "--timeout"},
		{&brokenError{target: peer, doing: "echo", err: &dul.AbortError{FromPeer: true}, next: "Next."}, 5,
			"PACS@h:104: echo: the peer broke off the association", "Next."},
		{&apiclient.ConnectError{URL: "http://h:1", Err: op(syscall.ECONNREFUSED)}, 3, "http://h:1: connection refused", "gantry serve"},
		{&apiclient.ConnectError{URL: "https://h:1", Err: x509.UnknownAuthorityError{}}, 3, "https://h:1: nobody who is trusted", "--tls-ca"},
		{&apiclient.StatusError{Status: 401}, 3, "  401 Unauthorized", "--password-file"},
		{&apiclient.StatusError{Status: 400, Message: "Client sent an HTTP request to an HTTPS server."}, 5, "HTTPS server", "https://"},
		{&apiclient.StatusError{Status: 405, Path: "/jobs/x/priority"}, 5, "405 Method Not Allowed", "a gantry has to answer"},
		{&apiclient.StatusError{Status: 404, Path: "/storage-commitment?expand", OrthancError: "Unknown resource"}, 6, "404", "a gantry has to answer"},
		{&apiclient.StatusError{Status: 501, Path: "/tools/find"}, 5, "501", "Is it the REST API"},
		{&apiclient.AnswerError{Method: "GET", Path: "/jobs", Err: errors.New("no")}, 5, "answer to GET /jobs is not what was expected", "Is it the REST API"},
		{&apiclient.StatusError{Status: 403, Details: "no"}, 3, "no", "does not let this user"},
		{&daemon.ListenError{Address: ":104", Option: "DicomPort", Err: op(syscall.EADDRINUSE)}, 2,
			"cannot listen on :104: another program has this port", "--dicom-port (0: any free one)"},
		{&daemon.ListenError{Address: ":104", Option: "DicomPort", Err: op(fs.ErrPermission)}, 2, "cannot listen on :104: not permitted", "1024"},
		{&daemon.ListenError{Address: "1.2.3.4:1", Option: "HttpPort", Err: op(syscall.EADDRNOTAVAIL)}, 2, "no such address", "Name one"},
		{&storage.LockedError{Dir: "data"}, 2, "data is in use by another gantry", "--storage"},
		{&storage.NotDataFolderError{Dir: "data", Foreign: "a"}, 2, "data is not a gantry data folder", ""},
		{&storage.NotDataFolderError{Dir: "data"}, 6, "there is no gantry data folder data", ""},
		{fmt.Errorf("storage: unavailable: open: blob: open: %w", syscall.ENOSPC), 5, "open: no space", "Make room"},
		{fmt.Errorf("index: %w", context.DeadlineExceeded), 4, "context deadline exceeded", ""},
	} {
		text, hint := explain(test.err)
		if !strings.Contains(text, strings.TrimSpace(test.text)) || !strings.Contains(hint, test.hint) || (test.hint == "") != (hint == "") {
			t.Errorf("%v\n got %s / %s\nwant %s / %s", test.err, text, hint, test.text, test.hint)
		}
		if code := exitCode(test.err); code != test.code {
			t.Errorf("%v: exit code %d, want %d", test.err, code, test.code)
		}
	}
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{"::": "localhost:104", "0.0.0.0": "localhost:104", "127.0.0.1": "127.0.0.1:104", "::1": "[::1]:104"} {
		if got := reachable(&net.TCPAddr{IP: net.ParseIP(ip), Port: 104}); got != want {
			t.Errorf("%s: %s, want %s", ip, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	for created, want := range map[string]string{
		"20261121T195930": "30 s ago", "20261121T190500": "55 min ago", "20261121T120000": "8 h ago", "20261101T200000": "20 days ago", "soon": "soon",
	} {
		if got := age(now, created); got != want {
			t.Errorf("%s: %q, want %q", created, got, want)
		}
	}
}
