package daemon_test

import (
	"net"
	"strconv"
	"testing"

	"gantry/internal/testkit"
)

// freePort is a port as text.
func freePort(t testing.TB) string {
	t.Helper()
	return strconv.Itoa(testkit.FreePort(t))
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
