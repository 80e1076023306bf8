package jobkinds

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"gantry/internal/dul"
)

// What users read names the peer once, the cause and the next step, and no package.
func TestDialErrorText(t *testing.T) {
	t.Parallel()
	const peer = "no association with PACS at 127.0.0.1:104: "
	scu := func(err error) error { return fmt.Errorf("scu: associate with PACS at 127.0.0.1:104: %w", err) }
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for want, err := range map[string]error{
		"connection refused (nothing listens there: check Host and Port of the modality, and whether the peer is running)":                      fmt.Errorf("dul: connect to 127.0.0.1:104: %w", refused),
		"association rejected permanently: called AE title not recognized (check AET of the modality, and whether the peer knows our AE title)": dul.RejectCalledAET(),
		"association rejected for the moment: temporary congestion (the peer has too much to do)":                                               dul.RejectCongestion(),
		"connect time-out (check Host, Port and Timeout of the modality, and whether a firewall is between)":                                    &dul.TimeoutError{Phase: "connect"},
		"no answer to the association request within the time-out (check that Port of the modality is a DICOM port)":                            &dul.TimeoutError{Phase: "association"},
		"the peer broke off the association (its log should say why)":                                                                           &dul.AbortError{FromPeer: true},
		"given up":             fmt.Errorf("dul: %w", context.Canceled),
		"something unexpected": fmt.Errorf("dul: read: %w", errors.New("something unexpected")),
	} {
		failed := &DialError{AET: "PACS", Addr: "127.0.0.1:104", Err: scu(err)}
		if failed.Error() != peer+want || !errors.Is(failed, err) {
			t.Errorf("%v:\n%s", err, failed)
		}
	}
}
