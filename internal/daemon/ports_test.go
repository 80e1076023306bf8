package daemon_test

import (
	"net"
	"strconv"
	"testing"
)

// freePort returns a port for a foreign program that cannot choose one by itself.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
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
