package jobkinds

import (
	"context"
	"errors"
	"fmt"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scu"
	"gantry/internal/storage/index"
)

// maxContexts is how many presentation contexts one association can propose (PS3.8 9.3.2.2).
const maxContexts = 128

// sendLink is the association of a sendJob.
type sendLink struct {
	job      *sendJob
	client   *scu.Client
	proposed map[kindOfObject]bool
	broken   bool // the association is of no more use
}

// kindOfObject is what a presentation context is for.
type kindOfObject struct{ class, syntax dicom.UID }

// reconnectError means that an object needs a presentation context that this association did not propose.
type reconnectError struct{ kindOfObject }

func (e *reconnectError) Error() string {
	return fmt.Sprintf("jobkinds: no presentation context was proposed for %s in %s", e.class, e.syntax)
}

// connect opens an association with the presentation contexts of the instances that are left, as many as fit.
func (j *sendJob) connect(ctx context.Context) (*sendLink, error) {
	m, ok := j.deps.Modalities.Get(j.Options.Modality)
	if !ok {
		return nil, &UnknownModalityError{j.Options.Modality}
	}
	link := &sendLink{job: j, proposed: map[kindOfObject]bool{}}
	contexts, err := link.contexts(ctx, j.Instances[j.Position:])
	if err != nil {
		return nil, err
	}
	o := j.Options
	link.client, err = j.deps.Dial(ctx, m, Call{
		LocalAET: j.LocalAET, CalledAET: o.CalledAET, Host: o.Host, Port: o.Port, Timeout: o.Timeout, Contexts: contexts,
	})
	if err != nil {
		return nil, err
	}
	return link, nil
}

func (l *sendLink) contexts(ctx context.Context, ids []index.ID) (contexts []dul.ProposedContext, err error) {
	err = l.job.deps.eachInstance(ctx, ids, func(row *index.InstanceRow) bool {
		kind := kindOfObject{row.SOPClassUID, row.TransferSyntax}
		if !l.proposed[kind] {
			l.proposed[kind] = true
			contexts = append(contexts, dul.ProposedContext{
				AbstractSyntax: string(kind.class), TransferSyntaxes: []string{string(kind.syntax)},
			})
		}
		return len(contexts) < maxContexts
	})
	if err == nil && len(contexts) == 0 { // everything that is left was deleted: an association all the same
		contexts = []dul.ProposedContext{{AbstractSyntax: string(dicom.VerificationSOPClass), TransferSyntaxes: uncompressed}}
	}
	return contexts, err
}

// send streams one instance from the store to the peer.
func (l *sendLink) send(ctx context.Context, id index.ID) error {
	object, err := l.job.deps.Store.OpenInstance(ctx, id)
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }()
	if kind := (kindOfObject{object.SOPClassUID, object.TransferSyntax}); !l.proposed[kind] {
		return &reconnectError{kind}
	}
	data, _, err := object.Dataset()
	if err != nil {
		return err
	}
	rsp, err := l.client.Store(ctx, &scu.StoreRequest{
		SOPClassUID: object.SOPClassUID, SOPInstanceUID: object.SOPInstanceUID, TransferSyntax: object.TransferSyntax,
		Data: data, Priority: dimse.PriorityMedium,
		MoveOriginatorAET: l.job.Options.MoveOriginatorAET, MoveOriginatorMessageID: l.job.Options.MoveOriginatorID,
	})
	if err != nil {
		var none *scu.NoContextError
		l.broken = !errors.As(err, &none)
		return err
	}
	return rsp.Err()
}

func (l *sendLink) release(ctx context.Context) {
	if err := l.client.Release(ctx); err != nil {
		l.job.deps.log().Debug("release after C-STORE", "error", err)
	}
}

func (l *sendLink) abort() { l.client.Abort() }
