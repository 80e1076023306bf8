package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gantry/internal/apiclient"
	"gantry/internal/dicom/dict"

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

type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completionLimit is how long a shell waits for the daemon.
const completionLimit = 300 * time.Millisecond

// completePeer offers the peers of the running daemon for argument number at; files for those after it.
func completePeer(env *Env, at int) completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) != at {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return peers(cmd, env)
	}
}

// completeReference offers peers for the first argument, then storage SOP classes for CLASS=UID where a capital letter
// has been typed and no file has such a name; else files.
func completeReference(env *Env) completion {
	peer := completePeer(env, 0)
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 || typed == "" || typed[0] < 'A' || typed[0] > 'Z' {
			return peer(cmd, args, typed)
		}
		if files, err := filepath.Glob(typed + "*"); err == nil && len(files) > 0 {
			return peer(cmd, args, typed)
		}
		var offers []string
		for _, uid := range dict.StorageSOPClasses() {
			if name := keyword(uid); strings.HasPrefix(name, typed) {
				offers = append(offers, name+"=")
			}
		}
		return offers, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
}

// completePeerFlag offers them as the value of a flag.
func completePeerFlag(env *Env) completion {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return peers(cmd, env)
	}
}

func peers(cmd *cobra.Command, env *Env) ([]string, cobra.ShellCompDirective) {
	o := daemonOptions{env: env}
	c, err := o.clientWithin(completionLimit)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	modalities, err := c.Modalities(commandContext(cmd))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var offers []string
	for name, m := range modalities {
		t := target{aet: m.AET, address: joinAddress(m.Host, m.Port)}
		offers = append(offers, t.String()+"\t"+name)
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// completeTransaction offers the transaction UIDs the running daemon remembers.
func completeTransaction(env *Env) completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		o := daemonOptions{env: env}
		c, err := o.clientWithin(completionLimit)
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		reports, _ := c.Commitments(commandContext(cmd)) // without an answer there is nothing to offer
		var offers []string
		for _, r := range reports {
			offers = append(offers, r.ID+"\t"+r.Status+" "+r.RemoteAET)
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

func commandContext(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
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
