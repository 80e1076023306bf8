package inject

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pair returns both ends of a connection, the first of them wrapped.
func pair(t *testing.T) (*conn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = ours.Close(), peer.Close() })
	return newConn(ours).(*conn), peer
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, r io.Reader, n int) string {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What comes during a watch comes to the next reader, whether the watch was ended first or not.
func TestNothingIsLostToAWatch(t *testing.T) {
	t.Parallel()
	for _, ended := range []bool{true, false} {
		c, peer := pair(t)
		gone := c.watch()
		if c.watch() != nil {
			t.Error("two watches at once")
		}
		write(t, peer, "\x04abc")
		if ended {
			c.unwatch()
		}
		write(t, peer, "def")
		if got := read(t, c, 7); got != "\x04abcdef" {
			t.Errorf("%q", got)
		}
		c.unwatch()
		select {
		case <-gone:
			t.Error("a peer that sends is taken for gone")
		default:
		}
	}
}

func TestWatchSeesThePeerGo(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(net.Conn){
		"abort": func(p net.Conn) { _, _ = p.Write([]byte{7, 0, 0, 0, 0, 4, 0, 0, 0, 0}) },
		"close": func(p net.Conn) { _ = p.Close() },
		"reset": func(p net.Conn) { _ = p.(*net.TCPConn).SetLinger(0); _ = p.Close() },
	} {
		c, peer := pair(t)
		gone := c.watch()
		leave(peer)
		<-gone
		c.unwatch()
		b := make([]byte, 16)
		n, err := c.Read(b)
		if name == "abort" && (n == 0 || b[0] != 7) || name != "abort" && err == nil {
			t.Errorf("%s: the reader gets %d bytes, %v", name, n, err)
		}
	}
}

// Deadlines are those of the reader, before, during and after a watch.
func TestWatchLeavesDeadlinesAlone(t *testing.T) {
	t.Parallel()
	c, peer := pair(t)
	past := time.Unix(1, 0)
	if err := c.SetReadDeadline(past); err != nil {
		t.Fatal(err)
	}
	gone := c.watch()
	c.unwatch()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the deadline from before is gone: %v", err)
	}
	c.watch()
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	c.unwatch()
	write(t, peer, "x")
	read(t, c, 1)
	c.watch()
	if err := c.SetReadDeadline(past); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the deadline set meanwhile: %v", err)
	}
	select {
	case <-gone:
		t.Error("a deadline is taken for the end of the peer")
	default:
	}
}

func TestCutInTheMiddle(t *testing.T) {
	t.Parallel()
	c, peer := pair(t)
	write(t, c, "whole")
	c.cutNext(false)
	if n, err := c.Write([]byte("0123456789")); n != 5 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("%d %v", n, err)
	}
	if got, err := io.ReadAll(peer); err != nil || string(got) != "whole01234" {
		t.Errorf("%q %v", got, err)
	}
}

// A connection of somebody else's making has no faults, and makes no panic.
func TestForeignConnection(t *testing.T) {
	t.Parallel()
	c := connOf(nil)
	if c.watch() != nil {
		t.Error("watched")
	}
	c.unwatch()
	c.cutNext(true)
	c.end(true)
}
