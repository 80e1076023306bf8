package rest

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// originGuard keeps web pages in a browser on this machine from using the API behind their user's back.
// A page can point a name of its own at 127.0.0.1, so while only loopback is served the Host has to be a loopback
// name or a listed one; and whatever changes something must not come from another site.
type originGuard struct {
	anyHost   bool     // RemoteAccessAllowed: names of this machine are not ours to know
	hosts     []string // HttpAllowedHosts
	crossSite *http.CrossOriginProtection
}

func newOriginGuard(remoteAccess bool, hosts []string) *originGuard {
	return &originGuard{anyHost: remoteAccess, hosts: hosts, crossSite: http.NewCrossOriginProtection()}
}

// check returns an error if the request must not be served.
func (g *originGuard) check(r *http.Request) error {
	if !g.anyHost && !g.knownHost(r.Host) {
		return &apiError{HTTP: http.StatusForbidden, Code: statusForbidden,
			Details: "This Host is neither a loopback name nor listed in HttpAllowedHosts"}
	}
	if err := g.crossSite.Check(r); err != nil {
		return &apiError{HTTP: http.StatusForbidden, Code: statusForbidden,
			Details: "A page of another site must not change anything here", Err: err}
	}
	return nil
}

func (g *originGuard) knownHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback() || slices.Contains(g.hosts, host)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(g.hosts, func(known string) bool { return strings.EqualFold(known, host) })
}

// isLoopback reports whether a request came from this machine. An address that is not understood did not.
func isLoopback(remoteAddr string) bool {
	addr, err := netip.ParseAddrPort(remoteAddr)
	return err == nil && addr.Addr().Unmap().IsLoopback()
}
