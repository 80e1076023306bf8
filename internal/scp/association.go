package scp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gantry/internal/dimse"
	"gantry/internal/dul"
)

// Association is an established association on which the requests of the peer are performed.
type Association struct {
	assoc   *dul.Assoc
	session *dimse.Session
	peer    *Peer
	opts    Options
	log     *slog.Logger
	limits  limits
	window  chan struct{} // tokens of operations at once on this one; nil: one, performed by the reading goroutine

	mu       sync.Mutex
	running  map[uint16]struct{} // message ids of the operations that are not answered yet
	work     int                 // those, and what runs after an answer
	idle     *sync.Cond          // work has become 0
	draining bool
	stop     context.CancelCauseFunc
}

// Options say how Bind serves an association.
type Options struct {
	Handler      any           // as Config.Handler
	DrainTimeout time.Duration // as Config.DrainTimeout
	Logger       *slog.Logger  // nil discards
	Observer     *Observer     // told of operations only, both ends'; nil: nobody
	// Around is as Config.Around.
	Around func(ctx context.Context, rq *Incoming, next func() error) error
}

// Bind returns what serves the peer's requests on an association. Nothing is received before Run.
func Bind(a *dul.Assoc, opts Options) *Association {
	uid, version := a.PeerImplementation()
	return bind(a, &Peer{
		ID: a.ID(), CallingAET: a.CallingAET(), CalledAET: a.CalledAET(), RemoteAddr: a.RemoteAddr(), TLS: a.TLS(),
		Identity: a.Identity(), ImplementationClassUID: uid, ImplementationVersionName: version,
	}, opts, limits{})
}

func bind(assoc *dul.Assoc, peer *Peer, opts Options, limits limits) *Association {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.DrainTimeout == 0 {
		opts.DrainTimeout = DefaultDrainTimeout
	}
	a := &Association{
		assoc: assoc, peer: peer, opts: opts, limits: limits,
		log:     opts.Logger.With(peer.LogAttrs()...),
		running: make(map[uint16]struct{}),
		stop:    func(error) {},
	}
	a.idle = sync.NewCond(&a.mu)
	async := assoc.Async()
	if n := performed(async); n > 1 {
		a.window = make(chan struct{}, n)
	}
	a.session = dimse.NewSession(dimse.NewConn(assoc), dimse.SessionOptions{
		Serve: a.serve, Window: async.Invoked, Logger: a.log,
	})
	return a
}

// maxPerformed bounds an unlimited window.
const maxPerformed = 64

func performed(w dul.AsyncWindow) uint16 {
	if w.Performed == 0 || w.Performed > maxPerformed {
		return maxPerformed
	}
	return w.Performed
}

// Run receives and performs until the association ends: nil when it was released. It is called once. When it returns
// all operations have been given up or done.
func (a *Association) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a.mu.Lock()
	a.stop = cancel
	if a.draining && a.work == 0 {
		cancel(errShutdown)
	}
	a.mu.Unlock()
	err := a.session.Run(ctx)
	if cause := context.Cause(ctx); cause != nil && err != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	cancel(err)
	_ = a.Settle(context.WithoutCancel(ctx)) // it cannot be cut short
	return err
}

// Peer returns the other end.
func (a *Association) Peer() *Peer { return a.peer }

// Assoc returns the association below.
func (a *Association) Assoc() *dul.Assoc { return a.assoc }

// Session returns the exchange of messages, for requests of this end.
func (a *Association) Session() *dimse.Session { return a.session }

// Done is closed when the association has ended.
func (a *Association) Done() <-chan struct{} { return a.session.Done() }
