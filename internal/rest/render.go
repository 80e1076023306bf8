package rest

import (
	"time"

	"github.com/google/uuid"

	"gantry/internal/dicom/dict"
	"gantry/internal/storage/index"
)

// The JSON of resources, fields in the order Orthanc gives them.

type patientJSON struct {
	ID            string
	IsProtected   bool
	IsStable      bool
	Labels        []string
	LastUpdate    string
	MainDicomTags map[string]string
	Studies       []index.ID
	Type          string
}

type studyJSON struct {
	ID                   string
	IsStable             bool
	Labels               []string
	LastUpdate           string
	MainDicomTags        map[string]string
	ParentPatient        index.ID
	PatientMainDicomTags map[string]string
	Series               []index.ID
	Type                 string
}

type seriesJSON struct {
	ExpectedNumberOfInstances *int
	ID                        string
	Instances                 []index.ID
	IsStable                  bool
	Labels                    []string
	LastUpdate                string
	MainDicomTags             map[string]string
	ParentStudy               index.ID
	Status                    string
	Type                      string
}

type instanceJSON struct {
	FileSize      int64
	FileUuid      string
	ID            string
	IndexInSeries *int
	Labels        []string
	MainDicomTags map[string]string
	ParentSeries  index.ID
	Type          string
}

// renderer reads resources from one transaction and gives their JSON.
type renderer struct {
	tx        index.ReadTx
	now       time.Time
	stableAge time.Duration
}

func (s *Server) renderer(tx index.ReadTx) *renderer {
	return &renderer{tx: tx, now: time.Now(), stableAge: time.Duration(s.Config.StableAge) * time.Second}
}

// resource returns the JSON of one resource, or index.ErrNotFound.
func (r *renderer) resource(level index.Level, id index.ID) (any, error) {
	switch level {
	case index.Patient:
		return r.patient(id)
	case index.Study:
		return r.study(id)
	case index.Series:
		return r.series(id)
	default:
		return r.instance(id)
	}
}

func (r *renderer) patient(id index.ID) (*patientJSON, error) {
	row, err := r.tx.Patient(id)
	if err != nil {
		return nil, err
	}
	labels, children, err := r.surroundings(index.Patient, id)
	return &patientJSON{ID: id.String(), IsProtected: row.Protected, IsStable: r.stable(row.LastUpdate), Labels: labels,
		LastUpdate: isoTime(row.LastUpdate), MainDicomTags: tagMap(row.Tags), Studies: children, Type: "Patient"}, err
}

func (r *renderer) study(id index.ID) (*studyJSON, error) {
	row, err := r.tx.Study(id)
	if err != nil {
		return nil, err
	}
	patient, err := r.tx.Patient(row.Patient)
	if err != nil {
		return nil, err
	}
	labels, children, err := r.surroundings(index.Study, id)
	return &studyJSON{ID: id.String(), IsStable: r.stable(row.LastUpdate), Labels: labels,
		LastUpdate: isoTime(row.LastUpdate), MainDicomTags: tagMap(row.Tags), ParentPatient: row.Patient,
		PatientMainDicomTags: tagMap(patient.Tags), Series: children, Type: "Study"}, err
}

func (r *renderer) series(id index.ID) (*seriesJSON, error) {
	row, err := r.tx.Series(id)
	if err != nil {
		return nil, err
	}
	labels, children, err := r.surroundings(index.Series, id)
	return &seriesJSON{ID: id.String(), Instances: children, IsStable: r.stable(row.LastUpdate), Labels: labels,
		LastUpdate: isoTime(row.LastUpdate), MainDicomTags: tagMap(row.Tags), ParentStudy: row.Study,
		Status: "Unknown", Type: "Series"}, err
}

func (r *renderer) instance(id index.ID) (*instanceJSON, error) {
	row, err := r.tx.Instance(id)
	if err != nil {
		return nil, err
	}
	labels, err := r.tx.Labels(id)
	return &instanceJSON{FileSize: row.Blob.Size, FileUuid: uuid.UUID(row.Blob.Key).String(), ID: id.String(),
		IndexInSeries: wholeNumber(row.IndexInSeries), Labels: list(labels), MainDicomTags: tagMap(row.Tags),
		ParentSeries: row.Series, Type: "Instance"}, err
}

// surroundings returns the labels and the children of a resource.
func (r *renderer) surroundings(level index.Level, id index.ID) ([]string, []index.ID, error) {
	labels, err := r.tx.Labels(id)
	if err != nil {
		return nil, nil, err
	}
	children := []index.ID{}
	for after := int64(0); ; {
		page, err := r.tx.Children(level, id, after, pageSize)
		if err != nil {
			return nil, nil, err
		}
		for _, entry := range page {
			children = append(children, entry.ID)
			after = entry.Key
		}
		if len(page) < pageSize {
			return list(labels), children, nil
		}
	}
}

func (r *renderer) stable(lastUpdate time.Time) bool { return r.now.Sub(lastUpdate) >= r.stableAge }

// isoTime writes a time the way Orthanc's metadata do: UTC, whole seconds.
func isoTime(t time.Time) string { return t.UTC().Format("20060102T150405") }

// tagMap names main DICOM tags by their keywords.
func tagMap(tags index.Tags) map[string]string {
	named := make(map[string]string, len(tags))
	for _, tag := range tags {
		if entry, ok := dict.Lookup(tag.Tag); ok {
			named[entry.Keyword] = tag.Value
		} else {
			named[tag.Tag.String()] = tag.Value
		}
	}
	return named
}

// list makes an empty list of nil, so that JSON shows [] and not null.
func list(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}
