package jobkinds

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"time"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dul"
	"gantry/internal/scu"
)

// Call says how a peer is called; the zero value takes everything from the peer's entry and the configuration.
type Call struct {
	LocalAET  string // calling AE title
	CalledAET string
	Host      string
	Port      int
	Timeout   int // seconds for connecting, associating and each answer; 0: that of the peer, else DicomScuTimeout
	Contexts  []dul.ProposedContext
	Roles     []dul.RoleSelection
	// LenientRoles goes on when the peer does not answer the role selection.
	LenientRoles bool
	Handler      any // serves what the peer asks on our association
}

// uncompressed are the transfer syntaxes proposed for services without pixel data.
var uncompressed = []string{string(dicom.ExplicitVRLittleEndian), string(dicom.ImplicitVRLittleEndian)}

// Dial opens an association to a peer; *DialError.
func (d *Deps) Dial(ctx context.Context, m config.Modality, call Call) (*scu.Client, error) {
	limit := time.Duration(cmp.Or(call.Timeout, m.Timeout, d.Config.DicomScuTimeout)) * time.Second
	cfg := scu.Config{
		Addr:       net.JoinHostPort(cmp.Or(call.Host, m.Host), strconv.Itoa(cmp.Or(call.Port, m.Port))),
		CallingAET: d.localAET(m, call.LocalAET),
		CalledAET:  cmp.Or(call.CalledAET, m.AET),
		Contexts:   call.Contexts, Roles: call.Roles, LenientRoles: call.LenientRoles, Handler: call.Handler,
		ConnectTimeout: limit, ACSETimeout: limit, DIMSETimeout: limit,
		MaxPDULength:           uint32(d.Config.MaximumPduLength), //nolint:gosec // checked by the configuration
		ImplementationClassUID: string(codec.ImplementationClassUID), ImplementationVersionName: codec.ImplementationVersionName,
		Observer: d.observer(m.AET), Logger: d.log(),
	}
	if m.UseDicomTls {
		cfg.TLS = d.tls(cmp.Or(call.Host, m.Host))
	}
	c, err := scu.Dial(ctx, cfg)
	d.called(m.AET, err)
	if err != nil {
		return nil, &DialError{AET: cfg.CalledAET, Addr: cfg.Addr, Err: err}
	}
	return c, nil
}

// Echo associates with a peer and performs C-ECHO; *DialError, or what the peer answered.
func (d *Deps) Echo(ctx context.Context, m config.Modality, call Call) error {
	call.Contexts = []dul.ProposedContext{{AbstractSyntax: string(dicom.VerificationSOPClass), TransferSyntaxes: uncompressed}}
	c, err := d.Dial(ctx, m, call)
	if err != nil {
		return err
	}
	if err := c.Echo(ctx); err != nil {
		c.Abort()
		return err
	}
	if err := c.Release(ctx); err != nil {
		d.log().Debug("release after C-ECHO", "error", err)
	}
	return nil
}

// localAET is the AE title we call a peer with.
func (d *Deps) localAET(m config.Modality, asked string) string {
	return cmp.Or(asked, m.LocalAet, d.Config.DicomAet)
}

func (d *Deps) tls(host string) *tls.Config {
	if d.TLS == nil {
		return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	c := d.TLS.Clone()
	if c.ServerName == "" {
		c.ServerName = host
	}
	return c
}
