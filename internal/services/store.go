package services

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/metrics"
	"gantry/internal/scp"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// Store takes an object into the store. It returns success when the object is durable and findable, else
// 0122H (the SOP class is not taken), A700H (no space, or writing has stopped), A900H (the data set is not what was announced), C000H (it cannot be read),
// 0124H (the caller may not) or 0110H.
func (s *Services) Store(ctx context.Context, rq *scp.StoreRequest) error {
	if !s.mayStore(rq.Peer) {
		return notAuthorised("C-STORE")
	}
	if err := s.checkClass(rq); err != nil {
		return err
	}
	result, err := s.deps.Store.Put(ctx, &storage.PutRequest{
		Data: rq.Data, Received: true,
		SOPClassUID: rq.SOPClassUID, SOPInstanceUID: rq.SOPInstanceUID, TransferSyntax: rq.TransferSyntax,
		Origin: index.Origin{
			Source: "DicomProtocol", RemoteAET: rq.Peer.CallingAET, RemoteIP: hostOf(rq.Peer.RemoteAddr), CalledAET: rq.Peer.CalledAET,
		},
	})
	if err != nil {
		if limit := new(codec.LimitError); errors.As(err, &limit) {
			s.deps.Metrics.Refused(metrics.LimitDataset)
		}
		return storeStatus(err)
	}
	if s.log.Enabled(ctx, slog.LevelDebug) {
		id, name := s.patient(ctx, result.PatientID)
		s.log.Debug("object stored", append(rq.Peer.LogAttrs(), "instance", rq.SOPInstanceUID, "patient", id, "name", name, "result", result.Status)...)
	}
	return nil
}

// checkClass refuses what is not to be stored, whatever was negotiated for the presentation context it came on (PS3.4
// B.2.3). A SOP class that is stored, but is not that of the context, is let through: real senders do that.
func (s *Services) checkClass(rq *scp.StoreRequest) error {
	for _, class := range []dicom.UID{rq.AbstractSyntax, rq.SOPClassUID} {
		if !s.acceptance.SOPClass(class) {
			err := dimse.Errorf(dimse.StatusSOPClassNotSupported, "SOP class %.64s is not stored here", class)
			err.Next = "to take its objects, see AcceptedSopClasses and RejectedSopClasses"
			return err
		}
	}
	return nil
}

// masked stands for what names a patient (option DeidentifyLogs).
const masked = "***"

// patient returns id and name of a stored patient for the log.
func (s *Services) patient(ctx context.Context, key index.ID) (id, name string) {
	if s.deps.Config.DeidentifyLogs {
		return masked, masked
	}
	err := s.deps.Store.View(ctx, func(tx index.ReadTx) error {
		row, err := tx.Patient(key)
		if err == nil {
			id, _ = row.Tags.Get(dicom.TagPatientID)
			name, _ = row.Tags.Get(dicom.TagPatientName)
		}
		return err
	})
	if err != nil { // deleted since
		return "", ""
	}
	return id, name
}

// storeStatus gives an error of the store its status (PS3.4 B.2.3).
func storeStatus(err error) error {
	var mismatch *storage.MismatchError
	var bad *storage.BadObjectError
	var limit *codec.LimitError
	wrap := func(status dimse.Status, comment, next string) error {
		return &dimse.StatusError{Status: status, Comment: comment, Err: err, Next: next}
	}
	const atSender = "correct the object at its sender"
	switch {
	case errors.Is(err, storage.ErrFull):
		return wrap(dimse.StatusOutOfResources, "no space left", "make room on the disk, or raise MaximumStorageSize or MaximumPatientCount")
	case errors.Is(err, storage.ErrReadOnly):
		return wrap(dimse.StatusOutOfResources, noneTaken, "let the server write to the data folder")
	case errors.Is(err, storage.ErrFrozen):
		return wrap(dimse.StatusOutOfResources, noneTaken, "start the server without ReadOnly to store objects")
	case errors.Is(err, storage.ErrWriteStopped):
		return wrap(dimse.StatusOutOfResources, noneTaken, "see to the disk, then restart the server")
	case errors.As(err, &mismatch):
		return wrap(dimse.StatusDataSetMismatch, "data set and request differ in "+mismatch.Tag.String(), atSender)
	case errors.As(err, &bad) && bad.Tag != 0:
		return wrap(dimse.StatusDataSetMismatch, bad.Name+" missing or wrong", atSender)
	case errors.As(err, &limit):
		return wrap(dimse.StatusCannotUnderstand, "the data set is beyond our limits", atSender)
	case errors.As(err, &bad):
		return wrap(dimse.StatusCannotUnderstand, "the data set cannot be read", atSender)
	}
	return wrap(dimse.StatusProcessingFailure, "not stored", "have it sent again when the reason is gone")
}

// noneTaken is what a peer is told while nothing is stored.
const noneTaken = "the store takes no objects at present"

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
