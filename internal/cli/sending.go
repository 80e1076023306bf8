package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
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
	begun    int // objects
	lost     lostObject
	elapsed  time.Duration
}

// failedObject is one the peer has not taken.
type failedObject struct {
	Path           string
	SOPInstanceUID dicom.UID
	Status         string `json:",omitempty"`
	Reason         string
}

// lostObject is the first object, in the order of sending, that no answer came for.
type lostObject struct {
	*object
	number int
	err    error
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

// run sends batch after batch, each over as many associations as asked for.
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
	if s.lost.object != nil && len(s.statuses) == 0 { // not a single answer: that is no failure of objects
		return s.broken(s.lost.err)
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

// lossLimit is how many associations in a row may be lost without a single answer.
const lossLimit = 3

// association sends what the queue gives. An association that is lost, as when the peer cannot stand an object, costs the
// objects on their way and is replaced. Only the first of several at once has to come about: others that the peer
// refuses leave the work to it.
func (s *sending) association(ctx context.Context, contexts []dul.ProposedContext, queue <-chan *object, needed bool) error {
	cfg, err := s.o.config(s.target, contexts...)
	if err != nil {
		return err
	}
	if s.o.window > 1 {
		cfg.Async = &dul.AsyncWindow{Invoked: uint16(s.o.window), Performed: 1}
	}
	var loss error
	for losses := 0; losses < lossLimit; losses++ {
		c, err := dial(ctx, s.target, cfg)
		switch {
		case err != nil && loss != nil:
			return s.broken(loss)
		case err != nil && !needed && ctx.Err() == nil:
			cfg.Logger.Warn("one association less", "err", err)
			return nil
		case err != nil:
			return err
		}
		var answers int
		if answers, loss = s.pipeline(ctx, c, queue); loss == nil {
			return release(ctx, c, cfg.Logger.Warn)
		}
		c.Abort()
		if ctx.Err() != nil || as[*dul.TimeoutError](loss) { // a peer that hangs would do so again
			return s.broken(loss)
		}
		if answers > 0 {
			losses = 0
		}
	}
	return s.broken(loss)
}

// broken says which file was the first without an answer.
func (s *sending) broken(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &brokenError{target: s.target, err: err}
	if s.lost.object != nil {
		b.doing = "no answer for " + s.lost.path
	}
	if as[*dul.AbortError](err) {
		b.next = "Is the peer still running? Run the command again: what is stored already is answered quickly."
	}
	return b
}

// pipeline keeps as many operations going as the peer has agreed to, and counts the answers.
func (s *sending) pipeline(ctx context.Context, c *scu.Client, queue <-chan *object) (answers int, err error) {
	s.mu.Lock()
	s.opened++
	s.mu.Unlock()
	n := int(c.Assoc().Async().Invoked)
	if n == 0 || n > s.o.window { // 0: no limit
		n = s.o.window
	}
	type ending struct {
		answers int
		err     error
	}
	endings := make(chan ending, n)
	for range n {
		go func() {
			answers, err := s.drain(ctx, c, queue)
			endings <- ending{answers, err}
		}()
	}
	for range n {
		e := <-endings
		answers += e.answers
		if err == nil {
			err = e.err
		}
	}
	return answers, err
}

// drain sends one object after the other until the association is lost or none is left.
func (s *sending) drain(ctx context.Context, c *scu.Client, queue <-chan *object) (answers int, err error) {
	for o := range queue {
		if err := s.send(ctx, c, o); err != nil {
			return answers, err
		}
		answers++
	}
	return answers, ctx.Err()
}

// send sends one object. Only what ends the association is an error; the rest is noted.
func (s *sending) send(ctx context.Context, c *scu.Client, o *object) error {
	number, part := s.begin(), s.progress.object(o.size)
	defer part.end()
	syntax, ok := agreed(c.Assoc(), o)
	if !ok {
		s.fail(o, "", "the peer does not take "+keyword(o.class)+" in "+keyword(o.syntax.UID))
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
		SOPClassUID: o.class, SOPInstanceUID: o.instance, TransferSyntax: syntax, Data: part.reader(data),
	})
	closeErr := data.Close()
	var source *dul.SourceError
	switch {
	case errors.As(err, &source):
		s.fail(o, "", reason(source.Err))
		if source.Sent { // the association had to be aborted, lest the part be taken for the whole
			return err
		}
	case err != nil:
		s.lose(o, number, err)
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
}

// begin numbers the objects as they are sent.
func (s *sending) begin() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	return s.begun
}

// lose notes an object that no answer came for.
func (s *sending) lose(o *object, number int, err error) {
	s.fail(o, "", "no answer: "+reason(err))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost.object == nil || number < s.lost.number {
		s.lost = lostObject{o, number, err}
	}
}

func (s *sending) fail(o *object, status, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = append(s.failed, failedObject{Path: o.path, SOPInstanceUID: o.instance, Status: status, Reason: why})
}

// keyword names a UID as the standard does, or else by itself.
func keyword(uid dicom.UID) string {
	if e, ok := dict.LookupUID(uid); ok && e.Keyword != "" {
		return e.Keyword
	}
	return string(uid)
}
