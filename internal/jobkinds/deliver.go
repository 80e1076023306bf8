package jobkinds

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/jobs"
	"gantry/internal/scp"
	"gantry/internal/storage/index"
)

// Values of StorageCommitmentDelivery.
const (
	deliverNew         = "new"
	deliverSame        = "same"
	deliverSameThenNew = "same-then-new"
)

// These mean that a report has to go out on the association of its request, and that has ended.
var (
	errNoAssociation = errors.New("jobkinds: the association of the request has ended, and the peer has no address in DicomModalities; when it asks again it gets the report")
	errSameOnly      = errors.New("jobkinds: the association of the request has ended, and StorageCommitmentDelivery \"same\" lets its report go out on no other; when the peer asks again it gets the report")
)

// deliver sends the stored report by the peer's delivery policy and notes that it arrived.
func (j *commitmentJob) deliver(ctx context.Context, row *index.CommitRequest) error {
	peer, policy := j.deps.delivery(row)
	// With policy new, too, the report waits until the request was answered: requesters are surprised by the reverse.
	answered := j.stepAside("")
	same := j.deps.live.wait(ctx, j.id())
	answered()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := errNoAssociation
	if peer.Host != "" && peer.Port != 0 {
		err = errSameOnly
	}
	if policy != deliverNew && same != nil {
		if err = j.reportOn(ctx, same, row); errors.Is(err, errTrying) {
			return j.noteAttempt(ctx, err)
		}
	}
	if policy == deliverNew || policy == deliverSameThenNew && err != nil {
		err = j.reportNew(ctx, peer, row)
		if err != nil && ctx.Err() == nil && !refused(err) {
			return j.noteAttempt(ctx, err)
		}
	}
	if err != nil {
		return jobs.Fail(jobs.CodeNetworkProtocol, &plainError{plain(err), err})
	}
	j.log().Info("storage commitment report delivered", "event", row.EventTypeID)
	err = j.deps.updateRequest(context.WithoutCancel(ctx), j.id(), func(row *index.CommitRequest) {
		row.State, row.Delivered, row.LastError = index.CommitReported, time.Now(), ""
	})
	if err != nil { // the same report goes out again, until that can be noted
		return j.retryable(fmt.Errorf("jobkinds: note that the report was delivered: %w", err))
	}
	return nil
}

// delivery returns how the report reaches its peer. A caller without an address gets it on its own association.
func (d *Deps) delivery(row *index.CommitRequest) (config.Modality, string) {
	peer, ok := d.peerEntry(peerOf(row.PeerAET), row.PeerAddr)
	switch {
	case !ok:
		return peer, deliverSame
	case peer.StorageCommitmentDelivery != "":
		return peer, peer.StorageCommitmentDelivery
	case d.Config.StorageCommitmentDelivery != "":
		return peer, d.Config.StorageCommitmentDelivery
	}
	return peer, deliverNew
}

// noteAttempt counts a failed delivery and asks for another, while the time for it lasts.
func (j *commitmentJob) noteAttempt(ctx context.Context, cause error) error {
	if errors.Is(cause, errAway) || errors.Is(cause, errTrying) {
		j.log().Debug("storage commitment report waits", "reason", cause)
		return j.retryable(jobs.Fail(jobs.CodeNetworkProtocol, cause))
	}
	err := j.deps.updateRequest(ctx, j.id(), func(row *index.CommitRequest) {
		row.Attempts++
		row.LastError = plain(cause)
	})
	j.log().Warn("storage commitment report not delivered", "error", cause)
	return j.retryable(jobs.Fail(jobs.CodeNetworkProtocol, errors.Join(cause, err)))
}

// stepAside has the job give its slot to others when what it does now takes long, because the peer at an address, if one is
// given, does not answer. The function that it returns says that it did not.
func (j *commitmentJob) stepAside(addr string) (ended func()) {
	timer := time.AfterFunc(tryingFor, func() {
		j.handle.StepAside()
		if addr != "" {
			j.deps.away.slow(addr, j.id(), j.jobID)
		}
	})
	return func() { timer.Stop() }
}

// reportOn sends a report on the association its request came on, one at a time; errTrying.
func (j *commitmentJob) reportOn(ctx context.Context, assoc *scp.Association, row *index.CommitRequest) error {
	key := "association " + assoc.Peer().ID
	if err := j.deps.away.enter(ctx, key, j.id(), j.jobID, 1); err != nil {
		return err
	}
	defer j.deps.giveUp(key, j.id())
	defer j.stepAside(key)()
	rsp, err := j.deps.sendReport(ctx, row, assoc.EventReport)
	if err != nil {
		return err
	}
	return rsp.Err()
}

// reportNew opens an association to the peer, as SCP of storage commitment under the AE title the peer had called, and
// sends the report on it (PS3.4 J.3.3).
func (j *commitmentJob) reportNew(ctx context.Context, peer config.Modality, row *index.CommitRequest) error {
	addr := addrOf(peer)
	if err := j.deps.away.enter(ctx, addr, j.id(), j.jobID, j.deps.reportSlots()); err != nil {
		return err
	}
	defer j.stepAside(addr)()
	c, err := j.deps.Dial(ctx, peer, Call{
		LocalAET:     row.CalledAET,
		CalledAET:    peerOf(row.PeerAET),
		Contexts:     commitmentContexts(),
		Roles:        []dul.RoleSelection{{SOPClassUID: string(dicom.StorageCommitmentPushModel), SCU: false, SCP: true}},
		LenientRoles: true,
	})
	if err != nil {
		j.notReached(ctx, addr)
		return err
	}
	rsp, err := j.deps.sendReport(ctx, row, func(ctx context.Context, rp *scp.EventReport) (*dimse.Command, error) {
		rsp, err := c.EventReport(ctx, rp)
		if err != nil {
			return nil, err
		}
		return rsp.Command, nil
	})
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			j.notReached(ctx, addr)
		} else { // it may be for this report alone
			j.deps.giveUp(addr, j.id())
		}
		c.Abort()
		return err
	}
	j.deps.away.answered(addr, j.id())
	j.deps.peerIsBack(peer)
	err = rsp.Err()
	if e := c.Release(ctx); e != nil {
		j.log().Debug("release after a report", "error", e)
	}
	return err
}

func (j *commitmentJob) notReached(ctx context.Context, addr string) {
	if ctx.Err() != nil { // given up by us
		j.deps.giveUp(addr, j.id())
		return
	}
	j.deps.away.failed(addr, j.id(), j.jobID)
}

func commitmentContexts() []dul.ProposedContext {
	return []dul.ProposedContext{{AbstractSyntax: string(dicom.StorageCommitmentPushModel), TransferSyntaxes: uncompressed}}
}

// refused reports whether the peer has answered in a way that another attempt would not change.
func refused(err error) bool {
	var status *dimse.StatusError
	if !errors.As(err, &status) {
		return false
	}
	switch status.Status {
	case dimse.StatusProcessingFailure, dimse.StatusResourceLimitation, dimse.StatusOutOfResources:
		return false
	}
	return true
}
