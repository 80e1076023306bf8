package scp

import (
	"net"
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
	raw syscall.RawConn
}

// Read asks for prompt acknowledgement each time: the kernel falls back when something is sent.
func (c *promptConn) Read(p []byte) (int, error) {
	_ = c.raw.Control(acknowledge) // a wish that may be refused
	return c.TCPConn.Read(p)
}

func acknowledge(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) // a wish that may be refused
}
