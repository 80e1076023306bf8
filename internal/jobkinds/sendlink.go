package jobkinds

import (
	"context"
	"errors"
	"fmt"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
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
	converts bool // to what every peer has to take, where it does not take what is stored
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
	link := &sendLink{job: j, converts: m.AllowTranscoding, proposed: map[kindOfObject]bool{}}
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

// contexts proposes a presentation context for each kind of object, so that the peer's choice is known for each, and one
// that every peer has to take beside those that can be converted to it (PS3.5 10.1).
func (l *sendLink) contexts(ctx context.Context, ids []index.ID) (contexts []dul.ProposedContext, err error) {
	propose := func(kind kindOfObject) {
		if !l.proposed[kind] {
			l.proposed[kind] = true
			contexts = append(contexts, dul.ProposedContext{
				AbstractSyntax: string(kind.class), TransferSyntaxes: []string{string(kind.syntax)},
			})
		}
	}
	err = l.job.deps.eachInstance(ctx, ids, func(row *index.InstanceRow) bool {
		propose(kindOfObject{row.SOPClassUID, row.TransferSyntax})
		if l.converts && codec.Convertible(dicom.LookupTransferSyntax(row.TransferSyntax), everybodys) {
			propose(kindOfObject{row.SOPClassUID, everybodys.UID})
		}
		return len(contexts)+2 <= maxContexts
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
	syntax, err := l.agreed(&object.InstanceRow)
	if err != nil {
		return err
	}
	data, _, err := object.Dataset()
	if err != nil {
		return err
	}
	if syntax.UID != object.TransferSyntax {
		data = codec.Convert(data, object.Syntax(), syntax, codec.Limits{})
	}
	rsp, err := l.client.Store(ctx, &scu.StoreRequest{
		SOPClassUID: object.SOPClassUID, SOPInstanceUID: object.SOPInstanceUID, TransferSyntax: syntax.UID,
		Data: data, Priority: dimse.PriorityMedium,
		MoveOriginatorAET: l.job.Options.MoveOriginatorAET, MoveOriginatorMessageID: l.job.Options.MoveOriginatorID,
	})
	if err != nil {
		var none *scu.NoContextError
		var source *dul.SourceError
		nothingSent := errors.As(err, &none) || errors.As(err, &source) && !source.Sent
		l.broken = !nothingSent
		return err
	}
	return rsp.Err()
}

// everybodys is the transfer syntax that every peer has to take (PS3.5 10.1).
var everybodys = dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian)

// agreed returns the transfer syntax to send an object in: the one it is stored in if the peer takes it.
func (l *sendLink) agreed(o *index.InstanceRow) (dicom.TransferSyntax, error) {
	stored := dicom.LookupTransferSyntax(o.TransferSyntax)
	takes := func(syntax dicom.UID) bool {
		_, ok := l.client.Assoc().FindContext(string(o.SOPClassUID), string(syntax))
		return ok
	}
	switch {
	case takes(stored.UID):
		return stored, nil
	case takes(everybodys.UID) && l.converts && codec.Convertible(stored, everybodys):
		return everybodys, nil
	}
	return stored, &NotTakenError{SOPClassUID: o.SOPClassUID, TransferSyntax: stored.UID, converts: l.converts}
}

func (l *sendLink) release(ctx context.Context) {
	if err := l.client.Release(ctx); err != nil {
		l.job.deps.log().Debug("release after C-STORE", "error", err)
	}
}

func (l *sendLink) abort() { l.client.Abort() }
