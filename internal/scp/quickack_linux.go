package scp

import (
	"net"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// promptly returns a connection that acknowledges what it receives at once. A peer that does not set TCP_NODELAY, as
// DCMTK by default, waits for the acknowledgement of one write before it sends the next, and the kernel delays it by 40 ms
// in the hope of a reply to send it with: a C-STORE would take that long.
func promptly(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	return &promptConn{TCPConn: tcp, raw: raw}
}

type promptConn struct {
	*net.TCPConn
	raw   syscall.RawConn
	heard atomic.Bool // something came after the last that was sent
}

// Read asks for prompt acknowledgement where more is awaited of a message. One that comes in one piece is acknowledged
// with the answer to it. The kernel has to be asked each time: it falls back when something is sent.
func (c *promptConn) Read(p []byte) (int, error) {
	if c.heard.Load() {
		_ = c.raw.Control(acknowledge) // a wish that may be refused
	}
	n, err := c.TCPConn.Read(p)
	c.heard.Store(n > 0)
	return n, err
}

// Write notes that an acknowledgement goes with what is sent.
func (c *promptConn) Write(p []byte) (int, error) {
	c.heard.Store(false)
	return c.TCPConn.Write(p)
}

func acknowledge(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) // a wish that may be refused
}
