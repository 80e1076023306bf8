package dul_test

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"

	"gantry/internal/dul"
)

// countingConn counts the writes on a connection.
type countingConn struct {
	net.Conn
	writes atomic.Int64
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// As many PDUs as fit leave in one write, command and data set together.
func TestWritesPerMessage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size      int
		maxLength uint32
		writes    int64
	}{
		{0, 131072, 1}, {3_000, 131072, 1}, {3_000, 16384, 1}, {131_066, 131072, 1},
		{528_000, 131072, 5}, {528_000, 16384, 5}, {528_000, 0, 5},
	} {
		ours, theirs := pipe(t)
		conn, p := &countingConn{Conn: ours}, peer{theirs, t}
		go func() {
			rq := request()
			rq.UserInfo.MaxLength = c.maxLength
			p.sendPDU(rq)
			drain(p)
		}()
		a, err := dul.Accept(t.Context(), conn, policy())
		if err != nil {
			t.Fatal(err)
		}
		before := conn.writes.Load()
		if err := a.WriteMessage(t.Context(), 1, make([]byte, 200), bytes.NewReader(make([]byte, c.size))); err != nil {
			t.Fatal(err)
		}
		if writes := conn.writes.Load() - before; writes != c.writes {
			t.Errorf("%d bytes, maximum %d: %d writes, want %d", c.size, c.maxLength, writes, c.writes)
		}
		_ = p.Close()
	}
}
