package daemon

import (
	"context"
	"time"

	"gantry/internal/dicom/codec"
	"gantry/internal/loglevel"
	"gantry/internal/scp"
	"gantry/internal/services"
)

// asyncWindow is how many operations one association may have in progress at once, where its peer asks for it.
const asyncWindow = 16

func (d *Daemon) startDICOM(ctx context.Context, handlers *services.Services) (err error) {
	if !d.cfg.DicomServerEnabled {
		return nil
	}
	if d.dicomListeners, err = listen(ctx, d.cfg.DICOMAddresses(), "DicomPort"); err != nil {
		return err
	}
	server := scp.Config{
		Handler: handlers, Access: handlers.Access, Accept: handlers.Accept, Observer: handlers.Observer(),
		MaxAssociations: d.cfg.MaximumAssociations, Operations: d.cfg.DicomThreadsCount, AsyncWindow: asyncWindow,
		MaxPDULength:           uint32(d.cfg.MaximumPduLength),
		ImplementationClassUID: string(codec.ImplementationClassUID), ImplementationVersionName: codec.ImplementationVersionName,
		TLS: d.tls.server, ACSETimeout: seconds(d.cfg.DicomAcseTimeout), IdleTimeout: seconds(d.cfg.DicomScpTimeout),
		DIMSETimeout: seconds(d.cfg.DicomScpTimeout), Logger: d.logger(loglevel.DICOM),
	}
	if d.injector != nil {
		d.injector.Install(&server)
	}
	d.dicom = scp.NewServer(server)
	for _, l := range d.dicomListeners {
		d.log.Info("DICOM server listening", "address", l.Addr().String(), "aet", d.cfg.DicomAet, "tls", d.tls.server != nil)
		d.serve("DICOM", func() error { return d.dicom.Serve(ctx, l) })
	}
	return nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
