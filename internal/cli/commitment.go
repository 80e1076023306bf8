package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

// commitment asks a peer for storage commitment and waits for its reports.
type commitment struct {
	*clientOptions
	target  target
	listen  string        // address for reports on new associations; "": only the same association
	wait    time.Duration // 0: no limit
	release bool          // end the association once the requests are answered
	status  dimse.Status  // answer to reports
}

// run sends a request for each transaction and waits for the reports. The transactions hold the results, an error
// says why they could not be had.
func (c *commitment) run(ctx context.Context, list transactions) error {
	if len(list) == 0 {
		return nil
	}
	r := newReceiver(c.target.aet, list, c.env.Stderr)
	r.status = c.status
	stop, err := c.serve(ctx, r)
	if err != nil {
		return err
	}
	defer stop()
	cfg, err := c.config(c.target, pushModel())
	if err != nil {
		return err
	}
	cfg.Handler = r
	client, err := dial(ctx, c.target, cfg)
	if err != nil {
		return err
	}
	n := newNotice(c.clientOptions)
	defer n.clear()
	n.show("asking %s for commitment: %s", c.target, count(len(list), "request"))
	if err := request(ctx, client, list, r); err != nil {
		r.settle()
		client.Abort()
		return &brokenError{target: c.target, doing: "storage commitment", err: err}
	}
	return c.await(ctx, client, r)
}

func pushModel() dul.ProposedContext {
	return dul.ProposedContext{
		AbstractSyntax:   string(dicom.StorageCommitmentPushModel),
		TransferSyntaxes: []string{string(dicom.ExplicitVRLittleEndian), string(dicom.ImplicitVRLittleEndian)},
	}
}

// request sends the N-ACTIONs. A refusal belongs to its transaction, a lost association ends all.
func request(ctx context.Context, client *scu.Client, list transactions, r *receiver) error {
	for _, t := range list {
		rs, err := client.Action(ctx, &scu.ActionRequest{
			SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
			ActionTypeID: 1, Dataset: t.information(),
		})
		if err != nil {
			return err
		}
		t.sent = true
		if err := rs.Err(); err != nil {
			r.refuse(t, err)
		}
	}
	return nil
}

// await returns when all reports are there, the time is over, or none can come any more.
func (c *commitment) await(ctx context.Context, client *scu.Client, r *receiver) error {
	waitCtx, cancel := ctx, context.CancelFunc(func() {})
	if c.wait > 0 {
		waitCtx, cancel = context.WithTimeout(ctx, c.wait)
	}
	defer cancel()
	var ended chan error // nil blocks: with a listener the end of the association is not the end
	if c.release && c.listen != "" {
		if err := release(ctx, client, logger(c.env, c.verbose).Warn); err != nil {
			return err
		}
	} else {
		defer func() { _ = release(ctx, client, logger(c.env, c.verbose).Debug) }() // what counts has been said
		if c.listen == "" {
			ended = make(chan error, 1)
			go func() { ended <- client.Wait(waitCtx) }()
		}
	}
	select {
	case <-r.done:
		return nil
	case err := <-ended:
		if waitCtx.Err() != nil {
			err = waitCtx.Err()
		} else if err == nil {
			err = errReleased
		}
		return c.over(ctx, r, err)
	case <-waitCtx.Done():
		return c.over(ctx, r, waitCtx.Err())
	}
}

// errReleased says that the peer wants to report later, or never.
var errReleased = errors.New("the peer released the association")

// over tells why reports are missing, if any are.
func (c *commitment) over(ctx context.Context, r *receiver, why error) error {
	select {
	case <-r.done: // it came at the last moment
		return nil
	default:
	}
	pending := r.settle()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !errors.Is(why, errReleased) && !errors.Is(why, context.DeadlineExceeded):
		return &brokenError{target: c.target, doing: "before " + count(pending, "report") + " came", err: why, next: c.elsewhere()}
	}
	text := fmt.Sprintf("%s did not come within %s", count(pending, "report"), c.wait)
	if errors.Is(why, errReleased) {
		text = fmt.Sprintf("%s before %s came", why, count(pending, "report"))
	}
	return &pendingError{text: text, hint: c.elsewhere()}
}

// elsewhere says where a report that has not come may have gone.
func (c *commitment) elsewhere() string {
	if c.listen == "" {
		return "Most peers report on a new association: that needs --listen, and our AE title with that port in their configuration."
	}
	return "Has the peer this computer and the port of --listen for our AE title, " + c.aet + "? --wait gives it more time."
}

// serve listens for reports on new associations until stop is called.
func (c *commitment) serve(ctx context.Context, r *receiver) (stop func(), err error) {
	if c.listen == "" {
		return func() {}, nil
	}
	tlsConfig, err := c.tls.server()
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", c.listen)
	if err != nil {
		text, hint := explainListen(err, "--listen")
		return nil, &usageError{err: fmt.Errorf("--listen %s: %s", c.listen, text), hint: hint}
	}
	log := logger(c.env, c.verbose)
	log.Debug("listening for reports", "address", ln.Addr())
	var peers callers
	server := scp.NewServer(scp.Config{
		Observer: &scp.Observer{
			AssociationOpened: func(*scp.Peer) { peers.come() },
			AssociationClosed: func(*scp.Peer, time.Duration, error) { peers.leave() },
		},
		Handler: r, Accept: acceptReports, TLS: tlsConfig, MaxPDULength: c.maxPDU, ACSETimeout: c.acseTimeout, DIMSETimeout: c.timeout,
		IdleTimeout: c.timeout, ImplementationClassUID: string(codec.ImplementationClassUID),
		ImplementationVersionName: codec.ImplementationVersionName, Logger: log,
	})
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.WithoutCancel(ctx), ln) }()
	return func() {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
		defer cancel()
		select {
		case <-peers.gone():
		case <-stopCtx.Done():
		}
		if err := errors.Join(server.Shutdown(stopCtx), <-served); err != nil {
			log.Debug("stop listening", "err", err)
		}
	}, nil
}

// releaseLimit is how long a peer that has reported gets to release its association.
const releaseLimit = 2 * time.Second

// callers counts the peers that are reporting.
type callers struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n becomes 0; nil if nobody waits for it
}

func (c *callers) come() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *callers) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.n == 0 && c.none != nil {
		close(c.none)
		c.none = nil
	}
}

// gone is closed when nobody is reporting any more.
func (c *callers) gone() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	none := make(chan struct{})
	if c.n == 0 {
		close(none)
	} else {
		c.none = none
	}
	return none
}

// acceptReports takes storage commitment and verification in the syntaxes every peer speaks.
func acceptReports(_ *scp.Peer, abstractSyntax dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
	if abstractSyntax != dicom.StorageCommitmentPushModel && abstractSyntax != dicom.VerificationSOPClass {
		return "", scp.AbstractSyntaxNotSupported
	}
	for _, ts := range proposed {
		if ts == dicom.ExplicitVRLittleEndian || ts == dicom.ImplicitVRLittleEndian {
			return ts, scp.Accepted
		}
	}
	return "", scp.TransferSyntaxesNotSupported
}
