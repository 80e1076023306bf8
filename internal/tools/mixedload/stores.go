package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/scu"
	"gantry/internal/tools/phantom"
)

const instancesOfStudy = 20

// storeStudies sends one study after the other, with a breath between them.
func (l *load) storeStudies(ctx context.Context) {
	for pause(ctx, 200*time.Millisecond) {
		s := &study{uid: dicom.NewUID(), patient: fmt.Sprintf("LOAD%06d", rand.IntN(1_000_000))}
		if err := l.storeStudy(ctx, s); err != nil {
			l.ledger.count("stores broken off", 1)
		}
		if len(s.instances) > 0 {
			l.ledger.add(s)
		}
	}
}

// storeStudy sends the instances of a study over one association and notes those that were answered with success.
func (l *load) storeStudy(ctx context.Context, s *study) error {
	client, err := l.dial(ctx, dicom.CTImageStorage, nil)
	if err != nil {
		return err
	}
	defer func() { _ = client.Release(ctx) }()
	series := dicom.NewUID()
	for i := range instancesOfStudy {
		instance := dicom.NewUID()
		data, err := phantom.Image{Study: s.uid, Series: series, Instance: instance, PatientID: s.patient, Number: i + 1,
			Side: phantom.SideFor(36_000)}.Dataset()
		if err != nil {
			return err
		}
		response, err := client.Store(ctx, &scu.StoreRequest{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: instance,
			TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(data)})
		if err != nil {
			return err
		}
		if err := response.Err(); err != nil {
			return err
		}
		s.instances = append(s.instances, instance)
	}
	return nil
}

func (l *load) dial(ctx context.Context, class dicom.UID, handler any) (*scu.Client, error) {
	return scu.Dial(ctx, scu.Config{Addr: l.daemon.address(), CallingAET: peerAET, CalledAET: "GANTRY", Handler: handler,
		ConnectTimeout: 5 * time.Second, ACSETimeout: 10 * time.Second, DIMSETimeout: 30 * time.Second,
		Contexts: []dul.ProposedContext{{AbstractSyntax: string(class),
			TransferSyntaxes: []string{string(dicom.ExplicitVRLittleEndian)}}}})
}

// deleteOldest keeps the number of studies in bounds.
func (l *load) deleteOldest(ctx context.Context) {
	for pause(ctx, 20*time.Millisecond) {
		s := l.ledger.oldest(l.opt.studies)
		if s == nil {
			continue
		}
		id, err := l.publicID(ctx, s)
		if err != nil {
			continue // it is asked for again
		}
		if id == "" {
			l.ledger.forget(s) // an earlier deletion whose answer was lost
			continue
		}
		if err := l.daemon.api.Delete(ctx, "/studies/"+id); err == nil {
			l.ledger.forget(s)
			l.ledger.count("studies deleted", 1)
		}
	}
}

// publicID finds a study by its UID, "" if it is not there.
func (l *load) publicID(ctx context.Context, s *study) (string, error) {
	var found []struct{ ID, Type string }
	if err := l.post(ctx, "/tools/lookup", string(s.uid), &found); err != nil {
		return "", err
	}
	for _, resource := range found {
		if resource.Type == "Study" {
			return resource.ID, nil
		}
	}
	return "", nil
}
