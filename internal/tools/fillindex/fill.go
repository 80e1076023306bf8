// Fillindex fills an index with synthetic rows, without objects behind them, to measure searches over a large store.
package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// shape says how many of each there are.
type shape struct {
	studies, series, instances int // in all, in a study, in a series
	perPatient                 int // studies of a patient
}

// perTransaction is how many rows are written at once, as many as the store writes when much arrives.
const perTransaction = 256

// fill writes the rows and reports how long each block of them took.
func fill(ctx context.Context, x index.Index, s shape, every int, report func(instances int, took time.Duration)) error {
	began := time.Now()
	var rows []*index.NewInstance
	n := 0
	flush := func() error {
		err := x.Derive(ctx, func(tx index.Tx) error {
			for _, r := range rows {
				if err := tx.PutInstance(r, false); err != nil {
					return err
				}
			}
			return nil
		})
		rows = rows[:0]
		return err
	}
	for study := range s.studies {
		for series := range s.series {
			for instance := range s.instances {
				rows = append(rows, row(s, study, series, instance))
				if n++; len(rows) == perTransaction {
					if err := flush(); err != nil {
						return err
					}
				}
				if n%every == 0 {
					report(n, time.Since(began))
					began = time.Now()
				}
			}
		}
	}
	return flush()
}

var (
	surnames = []string{"Müller", "Smith", "Garcia", "Dupont", "Rossi", "Nguyen", "Kowalski", "Ivanova", "Tanaka", "Øberg"}
	givens   = []string{"Anna", "Bernd", "Carla", "Denis", "Éric", "Fatima", "Georg", "Hanna", "Igor", "Jana"}
	regions  = []string{"CHEST", "HEAD", "ABDOMEN", "KNEE", "SPINE"}
	kinds    = []string{"CT", "MR", "CR", "US", "PT"}
)

// row is one instance. All text depends on the numbers alone, so that a search finds the same in every run.
func row(s shape, study, series, instance int) *index.NewInstance {
	patient := study / s.perPatient
	patientID := fmt.Sprintf("PID%07d", patient)
	studyUID := fmt.Sprintf("1.2.826.0.1.3680043.10.1.%d", study+1)
	seriesUID := studyUID + "." + strconv.Itoa(series+1)
	sop := seriesUID + "." + strconv.Itoa(instance+1)
	number, seriesNumber := strconv.Itoa(instance+1), strconv.Itoa(series+1)
	n := &index.NewInstance{}
	n.Patient, n.Study, n.Series, n.ID = index.IDs(patientID, studyUID, seriesUID, sop)
	n.SOPClassUID, n.SOPInstanceUID = dicom.CTImageStorage, dicom.UID(sop)
	n.TransferSyntax, n.IndexInSeries = dicom.ExplicitVRLittleEndian, number
	day := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, study%3650)
	n.Received = day.Add(time.Duration(instance) * time.Second)
	n.Origin = index.Origin{Source: "DicomProtocol", RemoteAET: "MODALITY" + seriesNumber, RemoteIP: "192.0.2.1", CalledAET: "GANTRY"}
	n.PixelDataAt, n.PixelDataVR = 1500, dicom.VROW
	n.Blob = index.Blob{Seq: uint64(instance), Size: 528 << 10, CRC32C: uint32(study)}
	copy(n.Blob.Key[:], n.ID[:])
	date := day.Format("20060102")
	n.PatientTags = index.Tags{{Tag: dicom.TagPatientName, Value: surnames[patient%10] + strconv.Itoa(patient) + "^" + givens[patient/10%10]},
		{Tag: dicom.TagPatientID, Value: patientID}, {Tag: dicom.TagPatientBirthDate, Value: fmt.Sprintf("19%02d0%d1%d", patient%100, patient%9+1, patient%10)},
		{Tag: dicom.TagPatientSex, Value: "MF"[patient%2 : patient%2+1]}}
	n.StudyTags = index.Tags{{Tag: dicom.TagStudyDate, Value: date}, {Tag: dicom.TagStudyTime, Value: "101112"},
		{Tag: dicom.TagAccessionNumber, Value: fmt.Sprintf("ACC%08d", study)}, {Tag: dicom.TagInstitutionName, Value: "General Hospital"},
		{Tag: dicom.TagReferringPhysicianName, Value: surnames[study/7%10] + "^" + givens[study%10]},
		{Tag: dicom.TagStudyDescription, Value: kinds[study%5] + " " + regions[study/5%5] + " follow-up " + strconv.Itoa(study%97)},
		{Tag: dicom.TagStudyInstanceUID, Value: studyUID}, {Tag: dicom.TagStudyID, Value: strconv.Itoa(study)}}
	n.SeriesTags = index.Tags{{Tag: dicom.TagSeriesDate, Value: date}, {Tag: dicom.TagModality, Value: kinds[study%5]},
		{Tag: dicom.TagManufacturer, Value: "Phantom Works"}, {Tag: dicom.TagSeriesDescription, Value: "Series " + seriesNumber},
		{Tag: dicom.TagBodyPartExamined, Value: regions[study/5%5]}, {Tag: dicom.TagSeriesInstanceUID, Value: seriesUID},
		{Tag: dicom.TagSeriesNumber, Value: seriesNumber}, {Tag: 0x00200037, Value: `1\0\0\0\1\0`}}
	n.Tags = index.Tags{{Tag: dicom.TagInstanceCreationDate, Value: date}, {Tag: dicom.TagSOPInstanceUID, Value: sop},
		{Tag: dicom.TagInstanceNumber, Value: number}, {Tag: dicom.TagImagePositionPatient, Value: `-158.1\-179.0\` + number},
		{Tag: 0x00200037, Value: `1\0\0\0\1\0`}}
	return n
}
