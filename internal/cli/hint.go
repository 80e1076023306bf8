package cli

import (
	"errors"
	"syscall"

	"gantry/internal/apiclient"
	"gantry/internal/dul"
	"gantry/internal/scu"
)

// hint says what to try next, "" if the error says enough.
func hint(err error) string {
	var usage *usageError
	if errors.As(err, &usage) {
		return usage.hint
	}
	var status *apiclient.StatusError
	var rejected *dul.Rejection
	switch {
	case errors.As(err, &status) && status.Status == 401:
		return "Log in with --user and --password-file, or GANTRY_USER and GANTRY_PASSWORD."
	case as[*apiclient.ConnectError](err):
		return "Is the daemon running (gantry serve)? Name another one with --url or GANTRY_URL."
	case errors.As(err, &rejected):
		return "The peer refused us: check both AE titles (AET@HOST:PORT for its own, --aet for ours), and whether it knows ours."
	case as[*scu.NoContextError](err):
		return "The peer does not offer this service, or not to our AE title (--aet)."
	case errors.Is(err, dul.ErrTLSMismatch):
		return "Give --tls if the peer's port speaks TLS, leave it out if not."
	case as[*connectError](err) && errors.Is(err, syscall.ECONNREFUSED):
		return "Nothing listens there: check host and port, and whether the peer is running."
	case errors.Is(err, syscall.EADDRINUSE):
		return "Another program has this port: choose others with --dicom-port and --http-port (0: any free one), or --listen."
	}
	return ""
}
