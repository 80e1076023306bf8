package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"

	"gantry/internal/dul"
	"gantry/internal/scu"
)

// explainNetwork says in words why a connection or an association did not come about, or ended.
func explainNetwork(err error) (text, hint string) {
	for _, explain := range []func(error) (string, string){explainConnection, explainTLS, explainAssociation, explainTimeout} {
		if text, hint := explain(err); text != "" {
			return text, hint
		}
	}
	return plain(err), ""
}

func explainConnection(err error) (text, hint string) {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "unknown host " + dns.Name, "Check how the name is written; an IP address does as well."
	case errors.As(err, &dns):
		return "the name server does not tell the address of " + dns.Name, "Try again, or give an IP address."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", "Nothing listens there: check host and port, and whether the peer is running."
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the host", "Check the address, and the network between."
	}
	return "", ""
}

func explainAssociation(err error) (text, hint string) {
	var rejected *dul.Rejection
	var missing *scu.NoContextError
	var abort *dul.AbortError
	switch {
	case errors.As(err, &rejected):
		return plain(rejected), rejectionHint(rejected)
	case errors.As(err, &missing):
		return "the peer does not offer " + service(missing), "It may offer it to other AE titles only (--aet), or has to be told to."
	case !errors.As(err, &abort) || errors.Is(err, context.Canceled):
		return "", ""
	case abort.FromPeer:
		return "the peer broke off the association", "Its log should say why; was it stopped?"
	case abort.Reason == dul.AbortUnrecognizedPDU && abort.Source == dul.AbortSourceProvider:
		return "what answers there does not speak DICOM" + looksLike(abort),
			"Is that the DICOM port? Gantry and Orthanc have it at 4242, and the REST API at 8042, unless configured."
	case errors.Is(err, dul.ErrConnectionLost):
		return "the connection was lost", "Was the peer stopped? Its log should say why."
	}
	return "", ""
}

// service names what was asked for and not offered.
func service(e *scu.NoContextError) string {
	if e.TransferSyntax == "" {
		return keyword(e.AbstractSyntax)
	}
	return keyword(e.AbstractSyntax) + " in " + keyword(e.TransferSyntax)
}

// looksLike tells an HTTP server by the first letter of its answer: H of "HTTP/1.1", or < of a page.
func looksLike(abort *dul.AbortError) string {
	if text := abort.Error(); strings.HasSuffix(text, " 48H") || strings.HasSuffix(text, " 3CH") {
		return ", it looks like an HTTP server"
	}
	return ""
}

func rejectionHint(r *dul.Rejection) string {
	const ours, theirs = "check our AE title (--aet): the peer has to know it.", "check the peer's AE title (AET@HOST:PORT)."
	switch {
	case r.Transient():
		return "The peer has too much to do: try again later."
	case r.Source == dul.RejectSourceUser && r.Reason == dul.RejectCallingAET().Reason:
		return "The peer refused us: " + ours
	case r.Source == dul.RejectSourceUser && r.Reason == dul.RejectCalledAET().Reason:
		return "The peer refused us: " + theirs
	}
	return "The peer refused us: check both AE titles (AET@HOST:PORT for its own, --aet for ours), and whether it knows ours."
}

func explainTLS(err error) (text, hint string) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var mismatch *dul.TLSMismatchError
	switch {
	case errors.As(err, &unknown):
		return "nobody who is trusted here has signed the peer's certificate", "Give the certificate of who did with --tls-ca FILE."
	case errors.As(err, &name):
		return "the peer's certificate is for another name: " + plain(name), "Call the peer by a name its certificate has."
	case errors.As(err, &invalid):
		return "the peer's certificate is not valid: " + plain(invalid), ""
	case errors.As(err, &mismatch):
		return plain(mismatch), "Give --tls if the peer's port speaks TLS, leave it out if not."
	}
	return explainAlert(err)
}

// explainAlert reads the TLS alerts of the peer, which crypto/tls tells by text only.
func explainAlert(err error) (text, hint string) {
	const mark = "remote error: tls: "
	_, alert, found := strings.Cut(err.Error(), mark)
	switch {
	case !found:
		return "", ""
	case strings.Contains(alert, "certificate required"), strings.Contains(alert, "handshake failure"):
		return "the peer wants a certificate of ours", "Give --tls-cert FILE and --tls-key FILE."
	case strings.Contains(alert, "certificate"):
		return "the peer does not accept our certificate: " + alert, "The peer has to trust who signed the certificate of --tls-cert."
	}
	return "the peer refuses our TLS: " + alert, ""
}

func explainTimeout(err error) (text, hint string) {
	var limit *dul.TimeoutError
	if !errors.As(err, &limit) {
		return "", ""
	}
	switch limit.Phase {
	case "connect":
		return "no connection: time-out", "Check host and port, and whether a firewall is between; --connect-timeout sets the limit."
	case "association":
		return "no answer to the association request: time-out", "Is that a DICOM port? --acse-timeout sets the limit."
	case "DIMSE":
		return "no answer: time-out", "The peer hangs or has too much to do; --timeout sets the limit."
	}
	return plain(limit), ""
}
