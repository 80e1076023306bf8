package services

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/scp"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// Store takes an object into the store. It returns success when the object is durable and findable, else
// A700H (no space, or writing has stopped), A900H (the data set is not what was announced), C000H (it cannot be read),
// 0124H (the caller may not) or 0110H.
func (s *Services) Store(ctx context.Context, rq *scp.StoreRequest) error {
	if !s.mayStore(rq.Peer) {
		return s.notAuthorised(rq.Peer, "C-STORE")
	}
	result, err := s.deps.Store.Put(ctx, &storage.PutRequest{
		Data: rq.Data, Received: true,
		SOPClassUID: rq.SOPClassUID, SOPInstanceUID: rq.SOPInstanceUID, TransferSyntax: rq.TransferSyntax,
		Origin: index.Origin{
			Source: "DicomProtocol", RemoteAET: rq.Peer.CallingAET, RemoteIP: hostOf(rq.Peer.RemoteAddr), CalledAET: rq.Peer.CalledAET,
		},
	})
	if err != nil {
		err = storeStatus(err)
		level := slog.LevelWarn
		if status := dimse.StatusOf(err); status == dimse.StatusOutOfResources || status == dimse.StatusProcessingFailure {
			level = slog.LevelError
		}
		s.log.Log(ctx, level, "object not stored", append(rq.Peer.LogAttrs(), "instance", rq.SOPInstanceUID, "error", err)...)
		return err
	}
	s.log.Debug("object stored", append(rq.Peer.LogAttrs(), "instance", rq.SOPInstanceUID, "result", result.Status)...)
	return nil
}

// storeStatus gives an error of the store its status (PS3.4 B.2.3).
func storeStatus(err error) error {
	var mismatch *storage.MismatchError
	var bad *storage.BadObjectError
	var limit *codec.LimitError
	wrap := func(status dimse.Status, comment string) error {
		return &dimse.StatusError{Status: status, Comment: comment, Err: err}
	}
	switch {
	case errors.Is(err, storage.ErrFull):
		return wrap(dimse.StatusOutOfResources, "no space left")
	case errors.Is(err, storage.ErrReadOnly), errors.Is(err, storage.ErrWriteStopped):
		return wrap(dimse.StatusOutOfResources, "the store takes no objects at present")
	case errors.As(err, &mismatch):
		return wrap(dimse.StatusDataSetMismatch, "data set and request differ in "+mismatch.Tag.String())
	case errors.As(err, &bad) && bad.Tag != 0:
		return wrap(dimse.StatusDataSetMismatch, bad.Name+" missing or wrong")
	case errors.As(err, &limit):
		return wrap(dimse.StatusCannotUnderstand, "the data set is beyond our limits")
	case errors.As(err, &bad):
		return wrap(dimse.StatusCannotUnderstand, "the data set cannot be read")
	}
	return wrap(dimse.StatusProcessingFailure, "not stored")
}

func hostOf(addr net.Addr) string {
	if addr == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return host
}
