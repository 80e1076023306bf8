package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// refresh is the shortest time between two looks of a progress bar, and the time its first rate is measured over.
const refresh = 200 * time.Millisecond

// progress shows how far a transfer is, on a terminal only; elsewhere it does nothing.
type progress struct {
	bar   *progressbar.ProgressBar // draws into the void, so that count and percentage are shown at once
	w     io.Writer
	wide  int // columns of the terminal
	total int
	now   func() time.Time

	mu    sync.Mutex
	done  int   // objects
	bytes int64 // not shown yet
	shown time.Time
}

func newProgress(o *clientOptions, bytes int64, objects int) *progress {
	if !shows(o) {
		return &progress{}
	}
	columns, _ := o.env.Terminal(o.env.Stderr)
	return &progress{w: o.env.Stderr, wide: columns, total: objects, now: o.env.Now, bar: progressbar.NewOptions64(bytes,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetWidth(max(10, min(40, columns-60))),
	)}
}

// shows tells whether somebody looks at standard error.
func shows(o *clientOptions) bool {
	if o.env == nil || o.env.Terminal == nil || o.quiet || o.json {
		return false
	}
	_, terminal := o.env.Terminal(o.env.Stderr)
	return terminal
}

// add notes bytes and objects that are done. Count and percentage change together.
func (p *progress) add(bytes int64, objects int) {
	if p.bar == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += bytes
	p.done += objects
	if now := p.now(); now.Sub(p.shown) >= refresh {
		p.shown = now
		_ = p.bar.Add64(p.bytes) // it fails only where there is more than was announced
		p.bytes = 0
		p.bar.Describe(fmt.Sprintf("%d/%d", p.done, p.total))
		// A terminal that cannot be written to is no error of the transfer.
		_, _ = fmt.Fprint(p.w, clearLine+cut(strings.TrimSpace(p.bar.String()), p.wide-1))
	}
}

// clearLine goes to the beginning of the line and empties it.
const clearLine = "\r\x1b[K"

func (p *progress) finish() {
	if p.bar != nil {
		_, _ = fmt.Fprint(p.w, clearLine) // see add
	}
}

// share is the part of one object in a transfer.
type share struct {
	p           *progress
	left        int64
	transferred io.Reader
}

// object begins one of size bytes.
func (p *progress) object(size int64) *share {
	if p.bar != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.bar.IsStarted() { // the first rate is measured from here
			p.bar.StartWithoutRender()
			p.shown = p.now()
		}
	}
	return &share{p: p, left: size}
}

// reader counts what is read from r, up to the size of the object.
func (s *share) reader(r io.Reader) io.Reader {
	if s.p.bar == nil {
		return r
	}
	s.transferred = r
	return s
}

// Read implements io.Reader.
func (s *share) Read(b []byte) (int, error) {
	n, err := s.transferred.Read(b)
	counted := min(int64(n), s.left)
	s.left -= counted
	s.p.add(counted, 0)
	return n, err
}

// end counts the object as done, whatever became of it.
func (s *share) end() { s.p.add(s.left, 1) }

// notice is a line on a terminal that says what is going on and goes away again.
type notice struct {
	w     io.Writer // nil: nobody looks
	wide  int       // columns of the terminal: a longer line could not be taken back
	now   func() time.Time
	shown time.Time
	began bool
}

func newNotice(o *clientOptions) *notice {
	if !shows(o) {
		return &notice{}
	}
	columns, _ := o.env.Terminal(o.env.Stderr)
	return &notice{w: o.env.Stderr, wide: columns, now: o.env.Now}
}

// show replaces the line, but not more often than one can read.
func (n *notice) show(format string, args ...any) {
	if n.w == nil || n.began && n.now().Sub(n.shown) < refresh {
		return
	}
	n.began, n.shown = true, n.now()
	_, _ = fmt.Fprint(n.w, clearLine+cut(fmt.Sprintf(format, args...), n.wide-1)) // see add
}

func (n *notice) clear() {
	if n.began {
		_, _ = fmt.Fprint(n.w, clearLine) // see add
	}
}
