package services

import (
	"context"
	"log/slog"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/scp"
)

// Action takes a storage commitment request (PS3.4 J.3.2). Success says that the request is kept and will be reported
// on, not that anything is committed. Refusals: 0124H (the caller is unknown or may not), 0118H, 0112H (not the push
// model's SOP class or instance), 0123H (action type), 0115H (data set), 0213H (too many references), 0110H.
func (s *Services) Action(ctx context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
	data, err := s.readRequest(rq)
	if err != nil {
		s.log.Warn("storage commitment request refused", append(rq.Peer.LogAttrs(), "error", err)...)
		return nil, err
	}
	answered, err := s.deps.Peers.TakeRequest(ctx, &jobkinds.Incoming{
		Peer: rq.Peer, Association: rq.Association, TransactionUID: data.TransactionUID, References: data.References,
	})
	log := s.log.With(rq.Peer.LogAttrs()...).With("transaction", data.TransactionUID)
	if err != nil {
		level := slog.LevelWarn
		if dimse.StatusOf(err) == dimse.StatusProcessingFailure {
			level = slog.LevelError
		}
		log.Log(ctx, level, "storage commitment request not kept", "error", err)
		return nil, err
	}
	log.Info("storage commitment request", "instances", len(data.References))
	return &scp.ActionResult{After: func(context.Context) { answered() }}, nil
}

func (s *Services) readRequest(rq *scp.ActionRequest) (*jobkinds.CommitmentData, error) {
	switch {
	case !s.mayAskCommitment(rq.Peer):
		return nil, s.notAuthorised(rq.Peer, "storage commitment")
	case rq.SOPClassUID != dicom.StorageCommitmentPushModel, rq.AbstractSyntax != dicom.StorageCommitmentPushModel:
		return nil, dimse.Errorf(dimse.StatusNoSuchSOPClass, "not the Storage Commitment Push Model")
	case rq.SOPInstanceUID != dicom.StorageCommitmentPushModelInstance:
		return nil, dimse.Errorf(dimse.StatusNoSuchSOPInstance, "not the well-known SOP instance")
	case rq.ActionTypeID != 1:
		return nil, dimse.Errorf(dimse.StatusNoSuchActionType, "action type is 1")
	case !rq.HasDataset:
		return nil, dimse.Errorf(dimse.StatusInvalidArgument, "action information missing")
	}
	data, err := jobkinds.ReadCommitmentData(rq.Data, rq.TransferSyntax, s.deps.Config.StorageCommitmentMaximumReferences)
	if err != nil {
		return nil, err
	}
	if len(data.References) == 0 {
		return nil, dimse.Errorf(dimse.StatusInvalidArgument, "Referenced SOP Sequence (0008,1199) missing or empty")
	}
	return data, nil
}

// EventReport takes the report of a storage commitment that we asked for; see jobkinds.Deps.EventReport. 0124H is for a
// caller that is unknown or may not.
func (s *Services) EventReport(ctx context.Context, rq *scp.EventReportRequest) error {
	if !s.mayReport(rq.Peer) {
		return s.notAuthorised(rq.Peer, "N-EVENT-REPORT")
	}
	return s.deps.Peers.EventReport(ctx, rq)
}
