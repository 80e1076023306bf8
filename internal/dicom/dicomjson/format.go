package dicomjson

import (
	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
)

// Format is one of the forms in which Orthanc's REST API gives the tags of a data set.
type Format uint8

// The forms. Full names, types and values under "gggg,eeee"; Short has values alone under "gggg,eeee"; Simplified has
// values alone under the keyword (?simplify, /simplified-tags).
const (
	Full Format = iota
	Short
	Simplified
)

// MaximumLength is the length in bytes above which Orthanc leaves a text out ("TooLong").
const MaximumLength = 256

// Options say how the tags are written.
type Options struct {
	Format        Format
	MaximumLength int                    // texts longer than so many bytes of UTF-8 are left out; 0: none is
	Whole         map[dicom.Tag]struct{} // tags whose text is given whatever its length (?ignore-length)
	Charset       string                 // defined term of text for which the data set names none (DefaultEncoding)
	Dictionary    *dict.Dictionary       // nil: the standard's
	// PastPixelData goes on behind the pixel data, to the end of the data set (?whole).
	PastPixelData bool
	// Hold is asked before a value of more than a megabyte is taken into memory, and what it returns is called when the
	// value is written; nil: nobody is asked. Its error ends the writing.
	Hold func(bytes int64) (release func(), err error)
	// Only are the tags of the first level that are written, all of them where it is nil.
	Only func(dicom.Tag) bool
}

// retiredPrefix stands before the keywords of elements that the standard has retired.
const retiredPrefix = "RETIRED_"

// tagOtherPatientIDs is retired and keeps its name in Orthanc, where it is a main DICOM tag.
const tagOtherPatientIDs dicom.Tag = 0x00101000

// unknownName is the name of an element that no dictionary knows, and its key in the simplified form.
const unknownName = "Unknown Tag & Data"
