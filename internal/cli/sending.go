package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scu"
)

// sending is the transfer of objects to one peer.
type sending struct {
	o        *storeOptions
	target   target
	findings *findings
	progress *progress
	began    time.Time

	mu       sync.Mutex
	statuses map[dimse.Status]int
	stored   int
	bytes    int64 // of stored objects
	done     []*object
	failed   []failedObject
	opened   int // associations
	elapsed  time.Duration
}

// failedObject is one the peer has not taken.
type failedObject struct {
	Path           string
	SOPInstanceUID dicom.UID
	Status         string `json:",omitempty"`
	Reason         string
}

func newSending(o *storeOptions, t target, f *findings) *sending {
	return &sending{
		o: o, target: t, findings: f, statuses: map[dimse.Status]int{},
		progress: newProgress(&o.clientOptions, f.bytes(), len(f.objects)), began: o.env.Now(),
	}
}

func (s *sending) references() []reference {
	refs := make([]reference, len(s.done))
	for i, o := range s.done {
		refs[i] = o.reference()
	}
	return refs
}

// run sends batch after batch, each over as many associations as asked for. It ends at the first association that is
// lost, and with none at all.
func (s *sending) run(ctx context.Context) error {
	defer func() {
		s.progress.finish()
		s.elapsed = s.o.env.Now().Sub(s.began)
	}()
	for _, b := range plan(s.findings.objects) {
		if err := s.batch(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (s *sending) batch(ctx context.Context, b batch) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan *object)
	go func() {
		defer close(queue)
		for _, o := range b.objects {
			select {
			case queue <- o:
			case <-ctx.Done():
				return
			}
		}
	}()
	workers := min(s.o.associations, len(b.objects))
	errs := make(chan error, workers)
	for i := range workers {
		go func() { errs <- s.association(ctx, b.contexts, queue, i == 0) }()
	}
	var first error
	for range workers {
		if err := <-errs; err != nil && first == nil {
			first = err
			cancel(err)
		}
	}
	return first
}

// association sends what the queue gives. Only the first has to come about: others that the peer refuses leave it to it.
func (s *sending) association(ctx context.Context, contexts []dul.ProposedContext, queue <-chan *object, needed bool) error {
	cfg, err := s.o.config(s.target, contexts...)
	if err != nil {
		return err
	}
	if s.o.window > 1 {
		cfg.Async = &dul.AsyncWindow{Invoked: uint16(s.o.window), Performed: 1}
	}
	c, err := dial(ctx, s.target, cfg)
	if err != nil {
		if !needed && ctx.Err() == nil {
			cfg.Logger.Warn("one association less", "err", err)
			return nil
		}
		return err
	}
	s.mu.Lock()
	s.opened++
	s.mu.Unlock()
	if err := s.pipeline(ctx, c, queue); err != nil {
		c.Abort()
		return err
	}
	release(ctx, c, cfg.Logger.Warn)
	return nil
}

// pipeline keeps as many operations going as the peer has agreed to.
func (s *sending) pipeline(ctx context.Context, c *scu.Client, queue <-chan *object) error {
	n := int(c.Assoc().Async().Invoked)
	if n == 0 || n > s.o.window { // 0: no limit
		n = s.o.window
	}
	errs := make(chan error, n)
	for range n {
		go func() { errs <- s.drain(ctx, c, queue) }()
	}
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (s *sending) drain(ctx context.Context, c *scu.Client, queue <-chan *object) error {
	for o := range queue {
		if err := s.send(ctx, c, o); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// send sends one object. Only what ends the association is an error; the rest is noted.
func (s *sending) send(ctx context.Context, c *scu.Client, o *object) error {
	syntax, ok := agreed(c.Assoc(), o)
	if !ok {
		s.fail(o, "", "the peer takes neither its SOP class in "+string(o.syntax.UID)+" nor, if it can be turned into it, in implicit VR")
		return nil
	}
	data, err := o.open()
	if err != nil {
		s.fail(o, "", reason(err))
		return nil
	}
	if syntax != o.syntax.UID {
		data = convert(data, o.syntax)
	}
	rs, err := c.Store(ctx, &scu.StoreRequest{
		SOPClassUID: o.class, SOPInstanceUID: o.instance, TransferSyntax: syntax, Data: s.progress.reader(data),
	})
	closeErr := data.Close()
	var source *dul.SourceError
	switch {
	case errors.As(err, &source) && !source.Sent:
		s.fail(o, "", reason(source.Err))
	case err != nil:
		s.fail(o, "", reason(err))
		return err
	default:
		s.note(o, rs)
	}
	return closeErr
}

// agreed finds the transfer syntax to send o in.
func agreed(a *dul.Assoc, o *object) (dicom.UID, bool) {
	if _, ok := a.FindContext(string(o.class), string(o.syntax.UID)); ok {
		return o.syntax.UID, true
	}
	_, ok := a.FindContext(string(o.class), string(dicom.ImplicitVRLittleEndian))
	return dicom.ImplicitVRLittleEndian, ok && o.convertible()
}

func (s *sending) note(o *object, rs *scu.StoreResponse) {
	s.mu.Lock()
	s.statuses[rs.Status]++
	if rs.Err() == nil {
		s.stored++
		s.bytes += o.size
		s.done = append(s.done, o)
	}
	s.mu.Unlock()
	if err := rs.Err(); err != nil {
		s.fail(o, rs.Status.String(), first(rs.ErrorComment, rs.Status.Meaning()))
	}
	s.progress.object()
}

func (s *sending) fail(o *object, status, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = append(s.failed, failedObject{Path: o.path, SOPInstanceUID: o.instance, Status: status, Reason: why})
}
