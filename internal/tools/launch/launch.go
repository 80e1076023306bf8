// Package launch starts what the measuring programs need: the gantry of this tree, and ports for servers that cannot
// choose one by themselves.
package launch

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds ./cmd/gantry into a folder, without cgo as releases are, and returns the path of the binary. It has to be
// called in the module's root.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "gantry")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/gantry")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("building ./cmd/gantry (run this from the module's root): %w", err)
	}
	return binary, nil
}

// FreePort returns a port of loopback that nobody listened on a moment ago, 0 if there is none.
func FreePort() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}
