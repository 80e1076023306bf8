package cli

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
)

// daemonOptions say which running daemon a command talks to.
type daemonOptions struct {
	env                     *Env
	url, user, passwordFile string
	ca                      string
}

func (o *daemonOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.url, "url", "", "REST API of the daemon (default GANTRY_URL, else "+apiclient.DefaultURL+")")
	f.StringVar(&o.ca, "tls-ca", "", "PEM `file` with the certificates an HTTPS server is checked with (default GANTRY_TLS_CA, else the system's)")
	f.StringVar(&o.user, "user", "", "login (default GANTRY_USER)")
	f.StringVar(&o.passwordFile, "password-file", "", "`file` whose first line is the password, - for standard input (default GANTRY_PASSWORD_FILE, or GANTRY_PASSWORD)")
}

// peerTLS says which certificates the daemon's is checked with; nil: those of the system.
func (o *daemonOptions) peerTLS() (*tls.Config, error) {
	file := first(o.ca, o.env.lookup("GANTRY_TLS_CA"))
	if file == "" {
		return nil, nil
	}
	roots, err := pool(file)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, err
}

func (o *daemonOptions) client() (*apiclient.Client, error) {
	return o.clientWithin(time.Minute)
}

func (o *daemonOptions) clientWithin(limit time.Duration) (*apiclient.Client, error) {
	password, err := o.password()
	if err != nil {
		return nil, err
	}
	tlsConfig, err := o.peerTLS()
	if err != nil {
		return nil, err
	}
	return apiclient.New(apiclient.Config{
		URL: first(o.url, o.env.lookup("GANTRY_URL")), User: first(o.user, o.env.lookup("GANTRY_USER")), Password: password,
		Timeout: limit, TLS: tlsConfig,
	})
}

func (o *daemonOptions) password() (string, error) {
	file := first(o.passwordFile, o.env.lookup("GANTRY_PASSWORD_FILE"))
	if file == "" {
		return o.env.lookup("GANTRY_PASSWORD"), nil
	}
	text, err := readAll(o.env, file)
	if err != nil {
		return "", usagef("--password-file: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

func readAll(env *Env, file string) ([]byte, error) {
	if file == "-" {
		return readLimited(env.Stdin, 64<<10)
	}
	return os.ReadFile(file)
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func joinAddress(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// readLimited reads what must be short.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return b, err
}
