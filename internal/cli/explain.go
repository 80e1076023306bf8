package cli

import (
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
	var pending *pendingError
	var locked *storage.LockedError
	var archive *brokenArchiveError
	var unfinished *unfinishedError
	var answer *apiclient.AnswerError
	switch {
	case errors.As(err, &unfinished):
		return plain(err), unfinished.hint
	case errors.As(err, &archive):
		return plain(err), "Run the command again; with --async the daemon keeps the archive, and a download goes on where it broke off."
	case errors.As(err, &locked):
		return locked.Dir + " is in use by another gantry",
			"Stop that one, or name another folder (--storage); fsck --read-only, export and backup work beside it."
	case errors.As(err, &usage):
		return plain(err), usage.hint
	case errors.As(err, &failures):
		return failures.text, failures.hint
	case errors.As(err, &pending):
		return pending.text, pending.hint
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
	case errors.As(err, &answer):
		return plain(err), notTheAPI
	case errors.As(err, &listen):
		text, hint = explainListen(listen.Err, optionFlag(listen.Option))
		return "cannot listen on " + listen.Address + ": " + text, hint
	case errors.Is(err, syscall.ENOSPC):
		return plain(err), "Make room there, and run the command again."
	}
	return explainNetwork(err)
}

// explainAPI says in words why the REST API did not answer.
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
		return "Log in with --user and --password-file, or GANTRY_USER and GANTRY_PASSWORD; if you have, name or password is wrong."
	case e.Status == 403 && strings.HasPrefix(e.Path, "/faults"):
		return "" // its text says what to do
	case e.Status == 403:
		return "The daemon does not let this user, or this computer, do that."
	case e.Status == 404 && e.Details != "" && strings.Contains(e.Path, "storage-commitment"):
		return "\"gantry stgcmt list\" shows the requests it knows."
	case e.Status == 400 && strings.Contains(e.Message, "HTTPS server"):
		return "Begin --url or GANTRY_URL with https://."
	case (e.Status == 404 || e.Status == 405) && e.Details == "" && gantryAlone(e.Path):
		return "Orthanc and other servers do not have this: a gantry has to answer there (--url, GANTRY_URL)."
	case (e.Status == 404 || e.Status == 405 || e.Status == 501) && e.OrthancError == "" && e.Details == "":
		return notTheAPI
	}
	return ""
}

// notTheAPI is for answers that no gantry gives.
const notTheAPI = "Is it the REST API of a gantry that answers there (--url, GANTRY_URL)?"

// gantryAlone tells the routes that no Orthanc has.
func gantryAlone(path string) bool {
	return strings.HasPrefix(path, "/faults") || strings.HasPrefix(path, "/storage-commitment?") ||
		strings.HasPrefix(path, "/storage-commitment/") && strings.HasSuffix(path, "/resubmit") ||
		strings.HasPrefix(path, "/jobs/") && strings.HasSuffix(path, "/priority")
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
		return address.Err, "[HOST]:PORT is expected, such as :11112."
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
		"apiclient", "blob", "charset", "cli", "codec", "config", "daemon", "dicom", "dict", "dimse", "disk", "dul", "faults", "fsblob",
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
