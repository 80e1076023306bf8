package daemon_test

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// freePort returns a port for a foreign program that cannot choose one by itself, below those that systems hand out by
// themselves: nobody else takes it before it is used, or between two uses.
func freePort(t testing.TB) string {
	t.Helper()
	var err error
	for range 100 {
		var l net.Listener
		port := strconv.Itoa(12000 + rand.IntN(20000))
		if l, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal(err)
	return ""
}

// waitForPort returns when somebody listens.
func waitForPort(t testing.TB, port string) {
	t.Helper()
	eventually(t, "port "+port+" opens", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}
