package main

import (
	"context"
	"math/rand/v2"
	"net"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

// inbox takes the N-EVENT-REPORTs.
type inbox struct {
	listener net.Listener
	server   *scp.Server
	reported func(transaction dicom.UID)
}

func openInbox(ctx context.Context) (*inbox, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	in := &inbox{listener: listener}
	in.server = scp.NewServer(scp.Config{Handler: in,
		Accept: func(_ *scp.Peer, _ dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
			return proposed[0], scp.Accepted
		}})
	go func() { _ = in.server.Serve(ctx, listener) }()
	return in, nil
}

func (in *inbox) port() int { return in.listener.Addr().(*net.TCPAddr).Port }

func (in *inbox) close() error { return in.listener.Close() }

// EventReport notes a report (PS3.4 J.3.3).
func (in *inbox) EventReport(_ context.Context, rq *scp.EventReportRequest) error {
	ds, err := rq.Dataset(codec.DefaultLimits())
	if err != nil {
		return err
	}
	in.reported(ds.UID(dicom.TagTransactionUID))
	return nil
}

// askForCommitment asks for the commitment of studies that are stored.
func (l *load) askForCommitment(ctx context.Context) {
	for pause(ctx, 300*time.Millisecond) {
		s := l.ledger.borrow(rand.Int())
		if s == nil {
			continue
		}
		if err := l.commit(ctx, s); err != nil {
			l.ledger.count("commitment requests broken off", 1)
		}
		l.ledger.giveBack(s)
	}
}

func (l *load) commit(ctx context.Context, s *study) error {
	client, err := l.dial(ctx, dicom.StorageCommitmentPushModel, l.inbox)
	if err != nil {
		return err
	}
	defer func() { _ = client.Release(ctx) }()
	transaction := dicom.NewUID()
	ds := &dicom.Dataset{}
	ds.SetString(dicom.TagTransactionUID, dicom.VRUI, string(transaction))
	items := make([]*dicom.Dataset, len(s.instances))
	for i, uid := range s.instances {
		items[i] = &dicom.Dataset{}
		items[i].SetString(dicom.TagReferencedSOPClassUID, dicom.VRUI, string(dicom.CTImageStorage))
		items[i].SetString(dicom.TagReferencedSOPInstanceUID, dicom.VRUI, string(uid))
	}
	ds.SetItems(dicom.TagReferencedSOPSequence, items...)
	response, err := client.Action(ctx, &scu.ActionRequest{SOPClassUID: dicom.StorageCommitmentPushModel,
		SOPInstanceUID: dicom.StorageCommitmentPushModelInstance, ActionTypeID: 1, Dataset: ds})
	if err != nil {
		return err
	}
	if err := response.Err(); err != nil {
		l.ledger.problem("a commitment request was refused: %v", err)
		return err
	}
	l.ledger.asked(transaction, len(items))
	return nil
}
