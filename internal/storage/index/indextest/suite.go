// Package indextest is the conformance suite of the index: every implementation runs it.
package indextest

import (
	"context"
	"testing"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// Opener opens a new, empty index, or the one in dir again.
type Opener func(t testing.TB, dir string) index.Index

// Run runs the suite.
func Run(t *testing.T, open Opener) {
	for name, fn := range map[string]func(*testing.T, Opener){
		"resources":      testResources,
		"tags":           testTags,
		"replace":        testReplace,
		"delete":         testDelete,
		"pages":          testPages,
		"find":           testFind,
		"findLabels":     testFindLabels,
		"findOrder":      testFindOrder,
		"skip":           testSkip,
		"records":        testRecords,
		"ownPatient":     testOwnPatient,
		"references":     testReferences,
		"identify":       testIdentify,
		"rollback":       testRollback,
		"isolation":      testIsolation,
		"reopen":         testReopen,
		"rebuild":        testRebuild,
		"changes":        testChanges,
		"annotations":    testAnnotations,
		"committed":      testCommitted,
		"reclaims":       testReclaims,
		"jobs":           testJobs,
		"commitRequests": testCommitRequests,
		"commitReports":  testCommitReports,
		"properties":     testProperties,
		"backup":         testBackup,
		"closed":         testClosed,
		"concurrent":     testConcurrent,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); fn(t, open) })
	}
}

// Made is the time at which made instances were received.
var made = time.Date(2026, 11, 21, 9, 30, 0, 123456000, time.UTC)

// Make builds instance number of a series, study and patient; names are short texts of the caller's choice.
func Make(patient, study, series, number string) *index.NewInstance {
	studyUID, seriesUID := "1.2.826.0.1.3680043.1."+study, "1.2.826.0.1.3680043.1."+study+"."+series
	sop := seriesUID + "." + number
	n := &index.NewInstance{}
	n.Patient, n.Study, n.Series, n.ID = index.IDs(patient, studyUID, seriesUID, sop)
	n.SOPClassUID, n.SOPInstanceUID = dicom.CTImageStorage, dicom.UID(sop)
	n.TransferSyntax = dicom.ExplicitVRLittleEndian
	n.Received, n.IndexInSeries = made, number
	n.Origin = index.Origin{Source: "DicomProtocol", RemoteAET: "CT01", RemoteIP: "192.0.2.1", CalledAET: "GANTRY"}
	n.PixelDataAt, n.PixelDataVR = 1234, dicom.VROW
	n.Blob = index.Blob{Seq: 7, Size: 1000, CRC32C: 0xfffffff0}
	copy(n.Blob.Key[:], n.ID[:])
	n.PatientTags = index.Tags{{Tag: dicom.TagPatientName, Value: "Müller^Änne"}, {Tag: dicom.TagPatientID, Value: patient},
		{Tag: dicom.TagPatientBirthDate, Value: ""}}
	n.StudyTags = index.Tags{{Tag: dicom.TagStudyDate, Value: "20261121"}, {Tag: dicom.TagAccessionNumber, Value: "A" + study},
		{Tag: dicom.TagStudyInstanceUID, Value: studyUID}}
	n.SeriesTags = index.Tags{{Tag: dicom.TagModality, Value: "CT"}, {Tag: dicom.TagContrastBolusAgent, Value: `say "no"` + "\t\\"},
		{Tag: dicom.TagSeriesInstanceUID, Value: seriesUID}, {Tag: dicom.TagSeriesNumber, Value: series}}
	n.Tags = index.Tags{{Tag: dicom.TagInstanceCreationDate, Value: "20261120"}, {Tag: dicom.TagSOPInstanceUID, Value: sop},
		{Tag: dicom.TagInstanceNumber, Value: number}, {Tag: dicom.TagImagePositionPatient, Value: `-1.5\2\3`}}
	return n
}

func derive(t testing.TB, x index.Index, fn func(index.Tx) error) {
	t.Helper()
	if err := x.Derive(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func update(t testing.TB, x index.Index, fn func(index.Tx) error) {
	t.Helper()
	if err := x.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, x index.Index, fn func(index.ReadTx) error) {
	t.Helper()
	if err := x.View(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, x index.Index, ns ...*index.NewInstance) {
	t.Helper()
	derive(t, x, func(tx index.Tx) error {
		for _, n := range ns {
			if err := tx.PutInstance(n, false); err != nil {
				return err
			}
		}
		return nil
	})
}

func statistics(t testing.TB, x index.Index) (st index.Statistics) {
	t.Helper()
	view(t, x, func(r index.ReadTx) (err error) { st, err = r.Statistics(); return err })
	return st
}
