package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"gantry/internal/apiclient"
	"gantry/internal/daemon"
	"gantry/internal/dul"
	"gantry/internal/scu"
	"gantry/internal/storage"
)

// report writes an error for the user: what failed, without the names of packages, and what to do next.
func report(env *Env, err error) {
	for _, e := range flatten(err) {
		text, hint := explain(e)
		if text == "" {
			continue
		}
		_, _ = fmt.Fprintf(env.Stderr, "gantry: %s\n", printable(text))
		if hint != "" {
			_, _ = fmt.Fprintf(env.Stderr, "        %s\n", hint)
		}
	}
}

// flatten splits what errors.Join has joined, at the top only: below a message the parts belong to it.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // only if it is joined itself
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	var list []error
	for _, e := range joined.Unwrap() {
		list = append(list, flatten(e)...)
	}
	return list
}

// explain is the one place where errors become words for people: what failed, and what to do next, "" where the text
// says enough.
func explain(err error) (text, hint string) {
	var usage *usageError
	var connect *connectError
	var broken *brokenError
	var api *apiclient.ConnectError
	var status *apiclient.StatusError
	var listen *daemon.ListenError
	var failures *failuresError
	var locked *storage.LockedError
	switch {
	case errors.As(err, &locked):
		return locked.Dir + " is in use by another gantry",
			"Stop that one, or name another folder (--storage); fsck --read-only, export and backup work beside it."
	case errors.As(err, &usage):
		return plain(err), usage.hint
	case errors.As(err, &failures):
		return failures.text, failures.hint
	case errors.As(err, &connect):
		text, hint = explainNetwork(connect.err)
		return connect.target.String() + ": " + text, hint
	case errors.As(err, &broken):
		text, hint = explainNetwork(broken.err)
		return strings.Join(notEmpty(broken.target.String(), broken.doing, text), ": "), first(broken.next, hint)
	case errors.As(err, &api):
		return explainAPI(api)
	case errors.As(err, &status):
		return first(status.Details, plain(err)), statusHint(status)
	case errors.As(err, &listen):
		text, hint = explainListen(listen.Err, optionFlag(listen.Option))
		return "cannot listen on " + listen.Address + ": " + text, hint
	case errors.Is(err, syscall.ENOSPC):
		return plain(err), "Make room there, and run the command again."
	}
	return explainNetwork(err)
}

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

func explainAPI(e *apiclient.ConnectError) (text, hint string) {
	if text, hint = explainConnection(e); text == "" {
		text, hint = explainTLS(e)
	}
	switch why := e.Err.Error(); {
	case strings.Contains(why, "HTTP response to HTTPS client"):
		text, hint = "the server does not speak HTTPS", "Begin --url or GANTRY_URL with http://."
	case strings.Contains(why, "malformed HTTP"):
		text, hint = "what answers there is no HTTP server", "Is that the port of the REST API? It is 8042 unless configured, the DICOM port 4242."
	case errors.Is(e, syscall.ECONNREFUSED):
		hint = "Is the daemon running (gantry serve)? Name another one with --url or GANTRY_URL."
	case os.IsTimeout(e.Err):
		text = "no answer: time-out"
	}
	return e.URL + ": " + first(text, plain(e.Err)), first(hint, "Is that the REST API of a daemon (gantry serve)? Name another one with --url or GANTRY_URL.")
}

func statusHint(e *apiclient.StatusError) string {
	switch {
	case e.Status == 401:
		return "Log in with --user and --password-file, or GANTRY_USER and GANTRY_PASSWORD."
	case e.Status == 403:
		return "The daemon does not let this user, or this computer, do that."
	case e.Status == 404 && e.Details != "" && strings.Contains(e.Path, "storage-commitment"):
		return "\"gantry stgcmt list\" shows the requests it knows."
	case e.Status == 404 && e.OrthancError == "" && e.Details == "":
		return "Is it the REST API of a gantry that answers there (--url, GANTRY_URL)?"
	}
	return ""
}

// explainListen says why a port cannot be listened on; flag is where another one is named.
func explainListen(err error, flag string) (text, hint string) {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program has this port", "Stop that one, or choose another port with " + flag + " (0: any free one)."
	case errors.Is(err, fs.ErrPermission):
		return "not permitted", "Ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); choose another with " + flag + "."
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this computer has no such address", "Name one of its own, or none for all."
	}
	var address *net.AddrError
	if errors.As(err, &address) {
		return address.Err, ""
	}
	return plain(err), ""
}

// optionFlag is the flag that sets an option of the daemon.
func optionFlag(option string) string {
	for _, pair := range settingFlags() {
		if pair[1] == option {
			return "--" + pair[0]
		}
	}
	return "the option " + option
}

// layers are the names that packages put before their errors, and words that say no more than these.
func layers() []string {
	return []string{
		"apiclient", "blob", "charset", "cli", "codec", "config", "daemon", "dicom", "dict", "dimse", "disk", "dul", "fsblob",
		"hujson", "index", "jobkinds", "jobs", "memblob", "pdu", "rest", "scp", "scu", "seglog", "services", "sqlite", "storage", "unavailable",
		"x509",
	}
}

// printable writes what could steer a terminal, or forge a line, as escapes.
func printable(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// plain leaves the names of packages out of an error, and what is said twice in a row.
func plain(err error) string { return plainText(err.Error()) }

func plainText(text string) string {
	var kept []string
	names := layers()
	for _, part := range strings.Split(strings.ReplaceAll(text, "\n", "; "), ": ") {
		if !slices.Contains(names, part) && (len(kept) == 0 || kept[len(kept)-1] != part) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ": ")
}

func notEmpty(parts ...string) []string {
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}
