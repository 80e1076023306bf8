package scu

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scp"
)

// Config says whom to call and with what.
type Config struct {
	Addr       string // host:port
	CallingAET string
	CalledAET  string
	Contexts   []dul.ProposedContext
	Roles      []dul.RoleSelection
	Async      *dul.AsyncWindow // asynchronous operations window to propose; nil: one operation at a time
	Identity   *dul.UserIdentity
	Extended   []dul.ExtendedNegotiation
	TLS        *tls.Config

	MaxPDULength              uint32
	ConnectTimeout            time.Duration // TCP and TLS; 0 none, as for the others
	ACSETimeout               time.Duration // the answers to the request and to the release
	DIMSETimeout              time.Duration // a response, and the progress of a message
	IdleTimeout               time.Duration // nothing is being done
	ImplementationClassUID    string
	ImplementationVersionName string

	// LenientRoles sends an N-EVENT-REPORT although the peer did not grant the role of SCP, as some forget to.
	LenientRoles bool
	// Handler performs what the peer asks for on this association: an scp.EventReceiver, for example.
	Handler  any
	Observer *scp.Observer // told of the operations of both ends; nil: nobody
	Logger   *slog.Logger  // nil discards
}

// Client is an association that this end asked for. Its methods may be called at once.
type Client struct {
	assoc    *dul.Assoc
	contexts []dul.Context
	service  *scp.Association
	session  *dimse.Session
	lenient  bool
	cancel   context.CancelFunc
}

// Errors of requests for which nothing was sent.
type (
	// NoContextError means that the peer accepted no presentation context for what is to be sent.
	NoContextError = scp.NoContextError
	// RoleError means that the peer did not grant the role that is needed.
	RoleError = scp.RoleError
)

// Dial connects and associates. ctx is for that only: the association outlives it, to be ended by Release or Abort.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	assoc, err := dul.Dial(ctx, cfg.Addr, dul.Config{
		CallingAET: cfg.CallingAET, CalledAET: cfg.CalledAET,
		Contexts: cfg.Contexts, Roles: cfg.Roles, Async: cfg.Async, Identity: cfg.Identity, Extended: cfg.Extended,
		MaxPDULength: cfg.MaxPDULength, TLS: cfg.TLS,
		ConnectTimeout: cfg.ConnectTimeout, ACSETimeout: cfg.ACSETimeout,
		DIMSETimeout: cfg.DIMSETimeout, IdleTimeout: cfg.IdleTimeout,
		ImplementationClassUID: cfg.ImplementationClassUID, ImplementationVersionName: cfg.ImplementationVersionName,
		Logger: cfg.Logger,
	})
	switch {
	case errors.As(err, new(*dul.ConnectError)): // which names the address
		return nil, fmt.Errorf("scu: associate with %s: %w", cfg.CalledAET, err)
	case err != nil:
		return nil, fmt.Errorf("scu: associate with %s at %s: %w", cfg.CalledAET, cfg.Addr, err)
	}
	service := scp.Bind(assoc, scp.Options{Handler: cfg.Handler, Logger: cfg.Logger, Observer: cfg.Observer})
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &Client{assoc: assoc, contexts: assoc.Contexts(), service: service, session: service.Session(), lenient: cfg.LenientRoles, cancel: cancel}
	go func() {
		_ = service.Run(run) // kept by the session, told by Wait and by requests
	}()
	return c, nil
}

// Assoc returns the association below.
func (c *Client) Assoc() *dul.Assoc { return c.assoc }

// Done is closed when the association has ended.
func (c *Client) Done() <-chan struct{} { return c.session.Done() }

// Wait returns when the association has ended: nil if it was released by either end. Requests of the peer reach
// the handler all the time, whether Wait is called or not.
func (c *Client) Wait(ctx context.Context) error {
	select {
	case <-c.session.Done():
		return c.session.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Release ends the association in order, once what the peer asked for has been answered. Operations of this end that
// are under way are lost: call it after the last response, and not in Config.Handler, for whose end it waits.
func (c *Client) Release(ctx context.Context) error {
	defer c.cancel()
	err := c.service.Settle(ctx)
	if err == nil {
		err = c.assoc.Release(ctx)
	}
	if err = errors.Join(err, c.assoc.Close()); err == nil {
		_ = c.Wait(ctx) // so that the end it tells of is the release, not the cancel
	}
	return err
}

// Abort ends the association at once; after Release it does nothing.
func (c *Client) Abort() {
	_ = c.assoc.Abort(errors.New("scu: aborted by its user")) // it is over either way
	_ = c.assoc.Close()
	c.cancel()
}

// context returns an accepted presentation context on which this end is the SCU of a class, with the transfer syntax
// given, or any for "".
func (c *Client) context(class, syntax dicom.UID) (dul.Context, error) {
	found := false
	for _, pc := range c.contexts {
		if !pc.Accepted() || pc.AbstractSyntax != string(class) || syntax != "" && pc.TransferSyntax != string(syntax) {
			continue
		}
		if pc.LocalSCU {
			return pc, nil
		}
		found = true
	}
	if found {
		return dul.Context{}, &RoleError{AbstractSyntax: class, Role: "SCU"}
	}
	return dul.Context{}, &NoContextError{AbstractSyntax: class, TransferSyntax: syntax}
}

// do makes a request and turns its reply into a response.
func (c *Client) do(ctx context.Context, pc dul.Context, cmd *dimse.Command, data io.Reader) (*Response, error) {
	began := time.Now()
	var sent *counted
	if data != nil {
		sent = &counted{r: data}
		data = sent
	}
	reply, err := c.session.Do(ctx, pc.ID, cmd, data)
	c.service.Asked(cmd, began, sent.bytes(), reply, err)
	if err != nil {
		err = fmt.Errorf("scu: %s: %w", cmd.Service(), err)
	}
	return response(pc, reply, err)
}

func response(pc dul.Context, reply *dimse.Reply, err error) (*Response, error) {
	if err != nil {
		return nil, err
	}
	return &Response{
		Status: reply.Command.Status, ErrorComment: reply.Command.ErrorComment, Command: reply.Command,
		Dataset: reply.Dataset, TransferSyntax: dicom.UID(pc.TransferSyntax),
	}, nil
}

// counted counts what is sent of a data set.
type counted struct {
	r io.Reader
	n int64
}

// bytes is how much that was; a request without a data set has no counter.
func (c *counted) bytes() int64 {
	if c == nil {
		return 0
	}
	return c.n
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
