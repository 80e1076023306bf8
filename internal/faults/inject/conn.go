package inject

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// errPeerGone ends a delay whose peer no longer waits for the answer.
var errPeerGone = errors.New("inject: the peer has gone during a delay")

// conn is a connection that can break at a chosen place, and that can be watched for the end of its peer while nobody
// reads it.
type conn struct {
	net.Conn

	mu       sync.Mutex
	reading  int       // Reads under way
	deadline time.Time // of Reads
	watched  *watcher
	ahead    []byte // read by a watcher, not given to anybody yet
	aheadErr error
	cut      func() // breaks the connection in the middle of the next Write; nil: it goes through
}

func newConn(c net.Conn) net.Conn { return &conn{Conn: c} }

// connOf returns the connection as it was given to the server; nil in its absence, which every method bears.
func connOf(c net.Conn) *conn {
	ours, _ := c.(*conn)
	return ours
}

// abortPDU is the type of an A-ABORT (PS3.8 9.3.8).
const abortPDU = 7

// watcher reads ahead, as far as its buffer goes.
type watcher struct {
	buf  [4096]byte
	n    int
	err  error
	gone chan struct{} // closed when the peer has aborted or closed the connection
	done chan struct{}
}

// watch returns a channel that is closed when the peer aborts or closes while nobody reads. Nil: somebody does read, and
// will notice.
func (c *conn) watch() <-chan struct{} {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reading > 0 || c.watched != nil || len(c.ahead) > 0 || c.aheadErr != nil {
		return nil
	}
	if c.Conn.SetReadDeadline(time.Time{}) != nil {
		return nil
	}
	w := &watcher{gone: make(chan struct{}), done: make(chan struct{})}
	c.watched = w
	go w.run(c.Conn)
	return w.gone
}

func (w *watcher) run(c net.Conn) {
	defer close(w.done)
	for w.n < len(w.buf) && w.err == nil {
		var n int
		n, w.err = c.Read(w.buf[w.n:])
		w.n += n
		if w.n > 0 && w.buf[0] == abortPDU {
			break
		}
	}
	if w.n > 0 && w.buf[0] == abortPDU || w.err != nil && !errors.Is(w.err, os.ErrDeadlineExceeded) {
		close(w.gone)
	}
}

// unwatch ends watch. What was read meanwhile comes with the next Read.
func (c *conn) unwatch() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endWatch()
}

// endWatch is unwatch; mu is held.
func (c *conn) endWatch() {
	w := c.watched
	if w == nil {
		return
	}
	c.watched = nil
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // ends the read of the watcher, if only by an error
	<-w.done
	_ = c.Conn.SetReadDeadline(c.deadline)
	c.ahead = append(c.ahead, w.buf[:w.n]...)
	if !errors.Is(w.err, os.ErrDeadlineExceeded) {
		c.aheadErr = w.err
	}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	c.endWatch()
	if len(c.ahead) > 0 || c.aheadErr != nil {
		defer c.mu.Unlock()
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		if n == 0 {
			return 0, c.aheadErr
		}
		return n, nil
	}
	c.reading++
	c.mu.Unlock()
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	c.reading--
	c.mu.Unlock()
	return n, err
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.watched != nil {
		return nil // it counts from the end of the watch
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	cut := c.cut
	c.mu.Unlock()
	if cut == nil {
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:len(p)/2])
	cut()
	return n, errors.Join(err, net.ErrClosed)
}

// end closes the connection, or resets it.
func (c *conn) end(reset bool) {
	if c == nil {
		return
	}
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok && reset {
		_ = tcp.SetLinger(0) // then closing sends a RST
	}
	_ = c.Close() // it is meant to break
}

// cutNext has the next Write end the connection half way.
func (c *conn) cutNext(reset bool) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = func() { c.end(reset) }
}
