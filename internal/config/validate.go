package config

import (
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
)

// validate checks what no option can tell alone.
func (c *Config) validate() error {
	switch {
	case !c.HttpServerEnabled && !c.DicomServerEnabled:
		return &Error{Option: "HttpServerEnabled, DicomServerEnabled", Message: "both are false, there would be nothing to serve"}
	case c.DicomTlsEnabled && (c.DicomTlsCertificate == "" || c.DicomTlsPrivateKey == ""):
		return &Error{Option: "DicomTlsEnabled", Message: "needs DicomTlsCertificate and DicomTlsPrivateKey"}
	case c.DicomTlsEnabled && c.DicomTlsRemoteCertificateRequired && c.DicomTlsTrustedCertificates == "":
		return &Error{Option: "DicomTlsRemoteCertificateRequired", Message: "needs DicomTlsTrustedCertificates; set one or the other"}
	case len(c.Faults) > 0 && !c.FaultsEnabled:
		return &Error{Option: "Faults", Message: "are given, but FaultsEnabled is false: set it only where nothing that counts is kept"}
	}
	if err := c.validateUserTypes(); err != nil {
		return err
	}
	return c.validateAccess()
}

// validateAccess refuses a server that is open to the network without a login, unless that is said plainly.
func (c *Config) validateAccess() error {
	if !c.HttpServerEnabled || !c.RemoteAccessAllowed || !c.Authentication() || len(c.RegisteredUsers) > 0 {
		return nil
	}
	return &Error{
		Option: "RemoteAccessAllowed",
		Message: `is true and nobody could log in: add "RegisteredUsers": {"name": "password"}, ` +
			`or set "AuthenticationEnabled": false if really everybody may read and delete`,
	}
}

// Authentication reports whether HTTP requests need a login: AuthenticationEnabled, or RemoteAccessAllowed if that is unset.
func (c *Config) Authentication() bool {
	if c.AuthenticationEnabled != nil {
		return *c.AuthenticationEnabled
	}
	return c.RemoteAccessAllowed
}

// exposure warns about objects that are not safe, and addresses of the HTTP server that nobody will reach.
func (c *Config) exposure() []Warning {
	var warnings []Warning
	if !c.SyncStorageArea {
		warnings = append(warnings, Warning{
			Option: "SyncStorageArea", Message: "is false: what was answered with success may be lost when the power fails",
		})
	}
	if c.handlerInClear() {
		warnings = append(warnings, Warning{
			Option: "StorageCommitmentHandler", Message: "what it is asked, and its login, cross the network in clear text: use https",
		})
	}
	for _, h := range c.HttpBindAddresses {
		if !c.RemoteAccessAllowed && !isLoopback(h) {
			warnings = append(warnings, Warning{
				Option: "HttpBindAddresses", Message: h + " is not listened on while RemoteAccessAllowed is false",
			})
		}
	}
	return warnings
}

// handlerInClear tells whether the handler of storage commitment requests is reached over the network without TLS.
func (c *Config) handlerInClear() bool {
	u, err := url.Parse(c.StorageCommitmentHandler)
	return err == nil && u.Scheme == "http" && !isLoopback(u.Hostname())
}

// HTTPAddresses returns the host:port pairs the REST API listens on: those of HttpBindAddresses, only loopback ones
// unless RemoteAccessAllowed. An empty host means all addresses.
func (c *Config) HTTPAddresses() []string {
	hosts := c.HttpBindAddresses
	if len(hosts) == 0 && c.RemoteAccessAllowed {
		hosts = []string{""}
	}
	if !c.RemoteAccessAllowed {
		hosts = loopback(hosts)
	}
	return join(hosts, c.HttpPort)
}

// loopback keeps the loopback addresses; none left means IPv4's.
func loopback(hosts []string) []string {
	var kept []string
	for _, h := range hosts {
		if isLoopback(h) {
			kept = append(kept, h)
		}
	}
	if len(kept) == 0 {
		return []string{"127.0.0.1"}
	}
	return kept
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// DICOMAddresses returns the host:port pairs the DICOM server listens on. An empty host means all addresses.
func (c *Config) DICOMAddresses() []string {
	if len(c.DicomBindAddresses) == 0 {
		return join([]string{""}, c.DicomPort)
	}
	return join(c.DicomBindAddresses, c.DicomPort)
}

func join(hosts []string, port int) []string {
	list := make([]string, len(hosts))
	for i, h := range hosts {
		list[i] = net.JoinHostPort(h, strconv.Itoa(port))
	}
	return list
}

// field returns a pointer to the field of an option.
func field(c *Config, name string) any {
	return reflect.ValueOf(c).Elem().FieldByName(name).Addr().Interface()
}
