package jobkinds

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"

	"gantry/internal/dul"
)

// DialError says that no association with a peer came about. Its text names the peer once, the cause, and what to do.
type DialError struct {
	AET, Addr string // of the peer
	Err       error
}

func (e *DialError) Error() string {
	cause, next := explainDial(e.Err)
	text := "no association with " + e.AET + " at " + e.Addr + ": " + cause
	if next != "" {
		text += " (" + next + ")"
	}
	return text
}

// Unwrap gives the cause.
func (e *DialError) Unwrap() error { return e.Err }

// explainDial says in words why an association did not come about, and what to do about it, "" if nobody can tell.
func explainDial(err error) (cause, next string) {
	var dns *net.DNSError
	var mismatch *dul.TLSMismatchError
	var limit *dul.TimeoutError
	var rejected *dul.Rejection
	var abort *dul.AbortError
	switch {
	case errors.Is(err, context.Canceled):
		return "given up", ""
	case errors.As(err, &dns):
		return "the address of " + dns.Name + " is not known", "check Host of the modality, and the name server"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", "nothing listens there: check Host and Port of the modality, and whether the peer is running"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the host", "check Host of the modality, and the network between"
	case errors.As(err, &mismatch):
		return plain(mismatch), "check UseDicomTls of the modality"
	case isCertificate(err):
		return plain(root(err)), "check DicomTlsTrustedCertificates, and the names in the peer's certificate"
	case errors.As(err, &limit) && limit.Phase == "association":
		return "no answer to the association request within the time-out", "check that Port of the modality is a DICOM port"
	case errors.As(err, &limit):
		return plain(limit), "check Host, Port and Timeout of the modality, and whether a firewall is between"
	case errors.As(err, &rejected):
		return plain(rejected), rejectionHint(rejected)
	case errors.As(err, &abort) && abort.FromPeer:
		return "the peer broke off the association", "its log should say why"
	case errors.Is(err, dul.ErrConnectionLost):
		return "the connection was lost", "the peer's log should say why"
	}
	return plain(root(err)), ""
}

func rejectionHint(r *dul.Rejection) string {
	switch {
	case r.Transient():
		return "the peer has too much to do"
	case r.Source == dul.RejectSourceUser && r.Reason == dul.RejectCallingAET().Reason:
		return "the peer has to know our AE title: check DicomAet, or LocalAet of the modality"
	}
	return "check AET of the modality, and whether the peer knows our AE title"
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &unknown) || errors.As(err, &name)
}

// root is the innermost error that one path of wrapping leads to.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// plainError is an error whose text is for users, who need not know what package met it.
type plainError struct {
	text string
	err  error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.err }

// plain leaves the names of packages out of the text of an error.
func plain(err error) string {
	layers := []string{"dul", "dimse", "scu", "scp", "pdu", "jobs", "jobkinds", "codec", "storage", "index", "x509", "tls"}
	parts := strings.Split(strings.ReplaceAll(err.Error(), "\n", "; "), ": ")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return slices.Contains(layers, p) }), ": ")
}
