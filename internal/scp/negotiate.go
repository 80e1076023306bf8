package scp

import (
	"context"
	"errors"

	"gantry/internal/dicom"
	"gantry/internal/dul"
)

// negotiate answers a request for an association that the server has room for.
func (s *Server) negotiate(ctx context.Context, rq *dul.Request, peer *Peer) (*dul.Answer, error) {
	if s.cfg.Access != nil {
		if err := s.cfg.Access(ctx, rq); err != nil {
			return nil, rejection(err)
		}
	}
	answer := &dul.Answer{Async: s.window(rq.Async)}
	if s.cfg.Identity != nil && rq.Identity != nil {
		response, err := s.cfg.Identity(ctx, rq)
		if err != nil {
			return nil, rejection(err)
		}
		answer.Identity = response
	}
	accepted := make(map[string]bool)
	for _, pc := range rq.Contexts {
		a := s.choose(peer, pc)
		accepted[pc.AbstractSyntax] = accepted[pc.AbstractSyntax] || a.Result == uint8(Accepted)
		answer.Contexts = append(answer.Contexts, a)
	}
	for _, role := range rq.Roles {
		if accepted[role.SOPClassUID] {
			answer.Roles = append(answer.Roles, s.roles(peer, role))
		}
	}
	if s.cfg.Review != nil {
		if err := s.cfg.Review(ctx, rq, answer); err != nil {
			return nil, rejection(err)
		}
	}
	return answer, nil
}

// choose answers one presentation context.
func (s *Server) choose(peer *Peer, pc dul.RequestedContext) dul.AnsweredContext {
	proposed := make([]dicom.UID, len(pc.TransferSyntaxes))
	for i, ts := range pc.TransferSyntaxes {
		proposed[i] = dicom.UID(ts)
	}
	accept := s.cfg.Accept
	if accept == nil {
		accept = AcceptClasses([]dicom.UID{dicom.VerificationSOPClass}, LittleEndian())
	}
	ts, result := accept(peer, dicom.UID(pc.AbstractSyntax), proposed)
	a := dul.AnsweredContext{ID: pc.ID, Result: uint8(result), TransferSyntax: string(ts)}
	if result != Accepted && len(pc.TransferSyntaxes) > 0 {
		a.TransferSyntax = pc.TransferSyntaxes[0] // not significant, but there has to be one (PS3.8 9.3.3.2)
	}
	return a
}

// roles answers a role selection item; what was not proposed cannot be granted.
func (s *Server) roles(peer *Peer, proposed dul.RoleSelection) dul.RoleSelection {
	granted := proposed
	if s.cfg.Roles != nil {
		granted = s.cfg.Roles(peer, proposed)
	} else if proposed.SOPClassUID != string(dicom.StorageCommitmentPushModel) {
		_, retrieves := s.cfg.Handler.(Retriever)
		granted.SCP = proposed.SCP && retrieves
	}
	return dul.RoleSelection{
		SOPClassUID: proposed.SOPClassUID,
		SCU:         granted.SCU && proposed.SCU,
		SCP:         granted.SCP && proposed.SCP,
	}
}

// window answers an asynchronous operations window (PS3.7 D.3.3.3): what the peer may invoke is limited by the
// configuration, what it is ready to perform is taken as it is offered.
func (s *Server) window(proposed *dul.AsyncWindow) *dul.AsyncWindow {
	if proposed == nil || s.cfg.AsyncWindow <= 1 {
		return nil
	}
	invoked := proposed.Invoked
	if invoked == 0 || invoked > s.cfg.AsyncWindow {
		invoked = s.cfg.AsyncWindow
	}
	return &dul.AsyncWindow{Invoked: invoked, Performed: proposed.Performed}
}

// rejection makes sure that the peer gets an A-ASSOCIATE-RJ, whatever the error, unless it is to get an A-ABORT.
func rejection(err error) error {
	if abort, ok := err.(*dul.AbortError); ok { //nolint:errorlint // wrapped, it is of another association
		return abort
	}
	var rj *dul.Rejection
	if errors.As(err, &rj) {
		return err
	}
	return dul.RejectNoReason()
}

// LittleEndian returns the two transfer syntaxes that every message without pixel data can be sent in.
func LittleEndian() []dicom.UID {
	return []dicom.UID{dicom.ExplicitVRLittleEndian, dicom.ImplicitVRLittleEndian}
}

// AcceptClasses returns a Config.Accept that takes the SOP classes given, in the first of the transfer syntaxes that the
// peer proposes too: the order given is the order of preference.
func AcceptClasses(classes, syntaxes []dicom.UID) func(*Peer, dicom.UID, []dicom.UID) (dicom.UID, ContextResult) {
	known := make(map[dicom.UID]bool, len(classes))
	for _, c := range classes {
		known[c] = true
	}
	return func(_ *Peer, class dicom.UID, proposed []dicom.UID) (dicom.UID, ContextResult) {
		if !known[class] {
			return "", AbstractSyntaxNotSupported
		}
		for _, ts := range syntaxes {
			for _, p := range proposed {
				if p == ts {
					return ts, Accepted
				}
			}
		}
		return "", TransferSyntaxesNotSupported
	}
}
