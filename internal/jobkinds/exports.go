package jobkinds

import (
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// NotesExports reports whether what is sent to peers is noted (option LogExportedResources).
func (d *Deps) NotesExports() bool { return d.Config.LogExportedResources && !d.Config.ReadOnly }

// NoteExports notes resources that are going to be sent to a peer, if that is wanted. Like Orthanc it does so once, when the
// sending is asked for: not when a job is run again. What has been deleted meanwhile is left out.
func (d *Deps) NoteExports(tx index.Tx, modality string, ids []index.ID) error {
	if !d.NotesExports() {
		return nil
	}
	now := time.Now()
	for _, id := range ids {
		level, err := tx.Resource(id)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		e := index.Export{Resource: index.Resource{Level: level, ID: id}, Modality: modality, Time: now}
		if err := identify(tx, &e); err != nil {
			return err
		}
		if err := tx.PutExport(e); err != nil {
			return err
		}
	}
	return nil
}

// identify fills in the identifiers of a resource and of those above it.
func identify(tx index.ReadTx, e *index.Export) error {
	at := e.Resource
	if at.Level == index.Instance {
		row, err := tx.Instance(at.ID)
		if err != nil {
			return err
		}
		e.SOPInstanceUID = string(row.SOPInstanceUID)
		at = index.Resource{Level: index.Series, ID: row.Series}
	}
	if at.Level == index.Series {
		row, err := tx.Series(at.ID)
		if err != nil {
			return err
		}
		e.SeriesUID, _ = row.Tags.Get(dicom.TagSeriesInstanceUID)
		at = index.Resource{Level: index.Study, ID: row.Study}
	}
	if at.Level == index.Study {
		row, err := tx.Study(at.ID)
		if err != nil {
			return err
		}
		e.StudyUID, _ = row.Tags.Get(dicom.TagStudyInstanceUID)
		at = index.Resource{Level: index.Patient, ID: row.Patient}
	}
	row, err := tx.Patient(at.ID)
	if err != nil {
		return err
	}
	e.PatientID, _ = row.Tags.Get(dicom.TagPatientID)
	return nil
}
