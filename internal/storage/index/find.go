package index

import (
	"time"

	"gantry/internal/dicom"
)

// Find says which resources of a level are wanted. All that it says holds at once; a field left zero asks nothing.
// It knows the index alone: what only the stored files can tell is for the caller.
type Find struct {
	Level     Level
	Within    []Resource // at or below each of these; none of them is below Level
	Criteria  []Criterion
	Metadata  []MetadataCriterion
	Labels    []string
	LabelRule LabelRule
	Order     []Order // before the order of arrival, which decides between equals
}

// Plain reports whether a Find gives all resources of its level in order of arrival.
func (f *Find) Plain() bool {
	return len(f.Within)+len(f.Criteria)+len(f.Metadata)+len(f.Labels)+len(f.Order) == 0 && f.LabelRule != NoLabel
}

// Criterion is a condition on a main DICOM tag, or on one of the computed tags (Computed).
type Criterion struct {
	Level Level // whose tag it is. Below Find.Level it is enough that one resource there meets it
	Tag   dicom.Tag
	Match
}

// MetadataCriterion is a condition on metadata of the resource itself.
type MetadataCriterion struct {
	Number int
	Match
}

// Kind says how a Match compares.
type Kind uint8

// The kinds of a Match (PS3.4 C.2.2.2).
const (
	Equal   Kind = iota + 1 // to one of Values
	Wild                    // one of Values, in which * stands for any text and ? for any character
	Between                 // from Low to High, both included, in the order of bytes; "" is no bound
	Present                 // the tag is there, with whatever value
)

// Match is a condition on a text.
type Match struct {
	Kind          Kind
	Values        []string
	Low, High     string
	CaseSensitive bool // else neither case nor accents count (package charset, Fold)
}

// LabelRule says what is asked of Find.Labels.
type LabelRule uint8

// The rules of Orthanc's LabelsConstraint. Without Find.Labels the first two ask nothing, and NoLabel asks for resources
// that have no label at all.
const (
	AllLabels LabelRule = iota
	AnyLabel
	NoLabel
)

// Order is a key to sort by. A resource without a value comes last by the last key; by the others, as
// in Orthanc, it counts as the least.
type Order struct {
	Level    Level     // whose tag it is, at or above Find.Level
	Tag      dicom.Tag // 0: Metadata
	Metadata int       // number of metadata of the resource itself
	As       Sort
	Desc     bool
}

// Sort is how the values of an Order compare.
type Sort uint8

// The ways to compare: as text without regard to case and accents, or as numbers; text that is none counts as 0.
const (
	AsText Sort = iota
	AsInt
	AsFloat
)

// Cursor stands behind a result of a Find; the zero Cursor before the first.
type Cursor struct {
	key   int64
	order []any
}

// NewCursor is for implementations of ReadTx: the key of a row and what it is sorted by.
func NewCursor(key int64, order []any) Cursor { return Cursor{key: key, order: order} }

// Position is for implementations of ReadTx.
func (c Cursor) Position() (key int64, order []any) { return c.key, c.order }

// Finder is the part of a ReadTx that answers a Find.
type Finder interface {
	// Find gives the keys of up to limit resources behind a cursor, and the cursor behind the last of them.
	Find(f *Find, after Cursor, limit int) (keys []int64, next Cursor, err error)
	// Skip gives the cursor behind the first n results; ErrNotFound if there are fewer.
	Skip(f *Find, n int) (Cursor, error)
	// Count tells how many resources a Find gives.
	Count(f *Find) (int64, error)
	// Records reads the resources with these keys, in their order. Those that are gone are left out.
	Records(level Level, keys []int64, want Want) ([]Record, error)
	// Key gives the key of a resource; ErrNotFound if it is not there.
	Key(level Level, id ID) (int64, error)
}

// Want says what Records is to read beside keys and ids.
type Want uint16

// What can be wanted.
const (
	WantTags   Want = 1 << iota // and the patient's of a study
	WantParent                  // the id of the resource above
	WantAbove                   // the tags of all levels above
	WantChildren
	WantLabels
	WantUpdate // when it was last updated, whether it is stable and protected
	WantMetadata
	WantAttachments
	WantInstance // of an instance: all that InstanceRow holds; else: one of the instances below, without its tags
	WantCounts   // of what lies below
	WantStatus   // of a series: how many instances are due, and whether all are there
	WantModalities
	WantClasses
)

// Record is what the index knows of one resource; fields that were not wanted are zero.
type Record struct {
	Key         int64
	ID          ID
	Parent      ID // zero for a patient
	Tags        Tags
	Above       [Instance]Tags // tags of the levels above, by Level
	LastUpdate  time.Time
	Stable      bool
	Protected   bool
	RemoteAET   string // of a series: who sent its first instance
	Children    []ID   // in order of arrival
	Labels      []string
	Metadata    []Metadata // set by users
	Signature   string     // the tags it was indexed with, "" for Orthanc's main tags
	Attachments []Attachment
	Instance    *InstanceRow
	Counts      Statistics
	Expected    int64    // instances that are due in a series, 0 if it does not say
	Status      string   // of a series, as Orthanc spells it: Unknown, Complete, Missing, Inconsistent
	Modalities  []string // Modalities in Study, sorted
	Classes     []string // SOP Classes in Study, sorted
}

// Computed tags are answered and matched from what lies below a resource (PS3.4 C.6.1.1.3, C.3.4).
const (
	TagModalitiesInStudy               dicom.Tag = 0x00080061
	TagSOPClassesInStudy               dicom.Tag = 0x00080062
	TagNumberOfPatientRelatedStudies   dicom.Tag = 0x00201200
	TagNumberOfPatientRelatedSeries    dicom.Tag = 0x00201202
	TagNumberOfPatientRelatedInstances dicom.Tag = 0x00201204
	TagNumberOfStudyRelatedSeries      dicom.Tag = 0x00201206
	TagNumberOfStudyRelatedInstances   dicom.Tag = 0x00201208
	TagNumberOfSeriesRelatedInstances  dicom.Tag = 0x00201209
	TagSOPClassUID                     dicom.Tag = 0x00080016
)

// Computed tells the level of a computed tag. SOP Class UID is one: the index knows it of every instance.
func Computed(t dicom.Tag) (Level, bool) {
	switch t {
	case TagNumberOfPatientRelatedStudies, TagNumberOfPatientRelatedSeries, TagNumberOfPatientRelatedInstances:
		return Patient, true
	case TagModalitiesInStudy, TagSOPClassesInStudy, TagNumberOfStudyRelatedSeries, TagNumberOfStudyRelatedInstances:
		return Study, true
	case TagNumberOfSeriesRelatedInstances:
		return Series, true
	case TagSOPClassUID:
		return Instance, true
	}
	return 0, false
}

// The numbers of the metadata that the index derives, Orthanc's.
const (
	MetaIndexInSeries             = 1
	MetaReceptionDate             = 2
	MetaRemoteAET                 = 3
	MetaExpectedNumberOfInstances = 4
	MetaModifiedFrom              = 5
	MetaAnonymizedFrom            = 6
	MetaLastUpdate                = 7
	MetaOrigin                    = 8
	MetaTransferSyntax            = 9
	MetaSopClassUid               = 10 //nolint:revive // Orthanc's own name
	MetaRemoteIP                  = 11
	MetaCalledAET                 = 12
	MetaHttpUsername              = 13 //nolint:revive // Orthanc's own name
	MetaPixelDataOffset           = 14
	MetaMainDicomTagsSignature    = 15
	MetaMainDicomSequences        = 16
	MetaPixelDataVR               = 17
	FirstUserMetadata             = 1024
)
