package services

import (
	"context"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/scp"
)

// Action takes a storage commitment request (PS3.4 J.3.2). Success says that the request is kept and will be reported
// on, not that anything is committed. Refusals: 0124H (the caller is unknown or may not), 0118H, 0112H (not the push
// model's SOP class or instance), 0123H (action type), 0115H (data set), 0213H (too many references), 0110H.
func (s *Services) Action(ctx context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
	if err := s.checkRequest(rq); err != nil {
		return nil, err
	}
	taken, err := s.deps.Peers.TakeRequest(ctx, &jobkinds.Incoming{
		Peer: rq.Peer, Association: rq.Association, Data: rq.Data, TransferSyntax: rq.TransferSyntax,
	})
	if err != nil {
		return nil, err
	}
	s.log.With(rq.Peer.LogAttrs()...).Info("storage commitment request", "transaction", taken.TransactionUID, "instances", taken.References)
	return &scp.ActionResult{After: func(context.Context) { taken.Answered() }}, nil
}

// checkRequest looks at what a request says before its action information.
func (s *Services) checkRequest(rq *scp.ActionRequest) error {
	switch {
	case !s.mayAskCommitment(rq.Peer):
		return notAuthorised("storage commitment")
	case rq.SOPClassUID != dicom.StorageCommitmentPushModel, rq.AbstractSyntax != dicom.StorageCommitmentPushModel:
		return dimse.Errorf(dimse.StatusNoSuchSOPClass, "not the Storage Commitment Push Model")
	case rq.SOPInstanceUID != dicom.StorageCommitmentPushModelInstance:
		return dimse.Errorf(dimse.StatusNoSuchSOPInstance, "not the well-known SOP instance")
	case rq.ActionTypeID != 1:
		return dimse.Errorf(dimse.StatusNoSuchActionType, "action type is 1")
	case !rq.HasDataset:
		return dimse.Errorf(dimse.StatusInvalidArgument, "action information missing")
	}
	return nil
}

// EventReport takes the report of a storage commitment that we asked for; see jobkinds.Deps.EventReport. 0124H is for a
// caller that is unknown or may not.
func (s *Services) EventReport(ctx context.Context, rq *scp.EventReportRequest) error {
	if !s.mayReport(ctx, rq.Peer) {
		return notAuthorised("N-EVENT-REPORT")
	}
	return s.deps.Peers.EventReport(ctx, rq)
}
