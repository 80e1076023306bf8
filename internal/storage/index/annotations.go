package index

import "time"

// Attachment is what a user has attached to a resource.
type Attachment struct {
	Number   int // 1024 and above for users
	Blob     Blob
	Revision int64
}

// Export is an entry of the log of what was sent to others.
type Export struct {
	Seq int64
	Resource
	Modality                            string // symbolic name of the peer
	Time                                time.Time
	PatientID                           string
	StudyUID, SeriesUID, SOPInstanceUID string // "" below the level
}

// ChangeQuery asks for a part of the change log.
type ChangeQuery struct {
	Since  int64        // changes above this number
	To     int64        // up to this number; negative: to the end
	Types  []ChangeType // empty: all
	Limit  int          // negative: none
	Newest bool         // the last ones of those asked for, rather than the first
}

// Unstable is a resource that instances have come to, and of which it was not noted yet that no more came.
type Unstable struct {
	Resource
	Since time.Time // the last arrival
}
