package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"

	"github.com/spf13/cobra"
)

// scuOptions are those of dcm4che's stgcmtscu.
type scuOptions struct {
	clientOptions
	bind, connect                           string
	keepAlive, ignore                       bool
	grouping                                grouping
	directory, status                       string
	wait                                    time.Duration
	connectMS, acceptMS, responseMS, acseMS int
}

func (o *scuOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.bind, "bind", "b", "STGCMTSCU", "our `AET[@IP][:PORT]`; with a port, reports on new associations are taken there")
	f.StringVarP(&o.connect, "connect", "c", "", "the peer, `AET@HOST:PORT`")
	f.BoolVar(&o.keepAlive, "keep-alive", false, "keep the association open for the report")
	f.BoolVar(&o.grouping.perStudy, "one-per-study", false, "one request per study")
	f.BoolVar(&o.grouping.perSeries, "one-per-series", false, "one request per series")
	f.StringVar(&o.directory, "directory", ".", "write reports into this `folder`, named by their Transaction UID")
	f.BoolVar(&o.ignore, "ignore", false, "do not write reports")
	f.StringVar(&o.status, "status", "0", "status to answer reports with, such as 0110H")
	f.DurationVarP(&o.wait, "wait", "w", 0, "limit for the reports, such as 30s; 0 for none")
	f.IntVar(&o.connectMS, "connect-timeout", 0, "limit for the connection, in ms")
	f.IntVar(&o.acceptMS, "accept-timeout", 0, "limit for opening the association, in ms")
	f.IntVar(&o.acseMS, "release-timeout", 0, "limit for its release, in ms")
	f.IntVar(&o.responseMS, "response-timeout", 0, "limit for answers, in ms")
	f.Uint32Var(&o.maxPDU, "max-pdulen-rcv", 131072, "largest PDU we receive, in bytes")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print errors only")
	f.BoolVar(&o.verbose, "verbose", false, "log what happens to standard error")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	o.tls.register(cmd)
	completeFlag(cmd, "connect", completePeerFlag(o.env))
	cmd.PreRunE = func(*cobra.Command, []string) error { return o.check("max-pdulen-rcv") }
	o.withoutEffect(cmd)
}

// withoutEffect takes the options of stgcmtscu that tune what tunes itself here.
func (o *scuOptions) withoutEffect(cmd *cobra.Command) {
	f := cmd.Flags()
	switches := []string{"not-async", "not-pack-pdv", "tcp-delay", "tls-aes", "tls12", "tls13"}
	numbers := []string{
		"request-timeout", "send-timeout", "store-timeout", "retrieve-timeout", "idle-timeout", "soclose-delay", "max-pdulen-snd",
		"max-ops-invoked", "max-ops-performed", "sosnd-buffer", "sorcv-buffer",
	}
	for _, name := range switches {
		f.Bool(name, false, "")
	}
	for _, name := range numbers {
		f.Int(name, 0, "")
	}
	for _, name := range slices.Concat(switches, numbers) {
		f.Lookup(name).Hidden = true
	}
}

func runSCU(ctx context.Context, o *scuOptions, args []string) error {
	t, err := parseTarget(o.connect)
	if err != nil {
		return err
	}
	c := commitment{clientOptions: &o.clientOptions, target: t, wait: o.wait}
	if err := o.apply(&c); err != nil {
		return err
	}
	if len(args) == 0 {
		return runEcho(ctx, &echoOptions{o.clientOptions}, o.connect)
	}
	refs, f, err := references(ctx, &o.clientOptions, args)
	if err != nil {
		return err
	}
	list := newTransactions(o.grouping.split(refs))
	err = c.run(ctx, list)
	if storeErr := o.write(list); err == nil {
		err = storeErr
	}
	if err != nil && !list.asked() {
		return err
	}
	return reportCommitment(&o.clientOptions, t, list, f, err)
}

// apply translates the options to ours.
func (o *scuOptions) apply(c *commitment) (err error) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	o.connectTimeout, o.timeout = ms(o.connectMS), ms(o.responseMS)
	o.acseTimeout = max(ms(o.acceptMS), ms(o.acseMS))
	if o.aet, c.listen, err = parseBind(o.bind); err != nil {
		return err
	}
	c.release = !o.keepAlive
	if c.status, err = parseStatus(o.status); err != nil || o.ignore {
		return err
	}
	// Before anything is asked for: a report that cannot be written is of no use.
	if err := os.MkdirAll(o.directory, 0o777); err != nil {
		return usagef("--directory: %v", err)
	}
	return nil
}

// parseBind reads AET[@IP][:PORT]. Without a port nothing is listened on.
func parseBind(s string) (aet, listen string, err error) {
	aet, ip, _ := strings.Cut(s, "@")
	port := ""
	if ip == "" {
		aet, port, _ = strings.Cut(aet, ":")
	} else if host, p, err := net.SplitHostPort(ip); err == nil {
		ip, port = host, p
	}
	if port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", "", usagef("-b %q: AET[@IP][:PORT] is expected", s)
		}
		listen = net.JoinHostPort(ip, port)
	}
	return aet, listen, checkAET(aet)
}

// parseStatus reads a decimal status, or a hexadecimal one with H behind it.
func parseStatus(s string) (dimse.Status, error) {
	base := 10
	if hex, ok := strings.CutSuffix(strings.ToUpper(s), "H"); ok {
		s, base = hex, 16
	}
	n, err := strconv.ParseUint(s, base, 16)
	if err != nil {
		return 0, usagef("--status %q: a number such as 272 or 0110H is expected", s)
	}
	return dimse.Status(n), nil
}

// write stores the reports as DICOM files. Their names are the Transaction UIDs we have drawn ourselves.
func (o *scuOptions) write(list transactions) error {
	if o.ignore {
		return nil
	}
	var errs []error
	for _, t := range list {
		if t.reported {
			errs = append(errs, writeReport(filepath.Join(o.directory, string(t.uid)), t))
		}
	}
	return errors.Join(errs...)
}

func writeReport(path string, t *transaction) error {
	ts := dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian)
	body, err := codec.Marshal(t.dataset, ts)
	if err != nil {
		return fmt.Errorf("report of %s: %w", t.uid, err)
	}
	head := codec.EncodeFileMeta(codec.MetaInfo{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance, TransferSyntaxUID: ts.UID,
	})
	return os.WriteFile(path, append(head, body...), 0o666)
}
