package media

import (
	"strings"

	"gantry/internal/dicom"
)

// recordKind is a type of directory record (PS3.3 F.5) with the attributes that it has to have.
type recordKind struct {
	name string
	root bool // it stands beside the patients, not below a series
	keys []key
}

// key is an attribute of a record.
type key struct {
	tag dicom.Tag
	vr  dicom.VR
	use requirement
}

// requirement is the type of an attribute (PS3.5 7.4), and what stands there if an object does not have it.
type requirement uint8

const (
	optional   requirement = iota // types 1C and 3: only where the object has it
	mayEmpty                      // type 2
	clinical                      // type 1; left empty rather than made up, for it says something about the patient
	aDate                         // type 1; the nearest date of the object
	aTime                         // type 1; the nearest time of the object
	aNumber                       // type 1; the number within the parent
	aLabel                        // type 1; UNKNOWN
	aPatientID                    // type 1; UNKNOWN with a number: nobody's
	aModality                     // type 1; OT
)

var (
	patientKeys = []key{{dicom.TagPatientName, dicom.VRPN, mayEmpty}, {dicom.TagPatientID, dicom.VRLO, aPatientID}}
	studyKeys   = []key{
		{dicom.TagStudyDate, dicom.VRDA, aDate}, {dicom.TagStudyTime, dicom.VRTM, aTime},
		{dicom.TagAccessionNumber, dicom.VRSH, mayEmpty}, {dicom.TagStudyDescription, dicom.VRLO, mayEmpty},
		{dicom.TagStudyInstanceUID, dicom.VRUI, clinical}, {dicom.TagStudyID, dicom.VRSH, aNumber},
	}
	seriesKeys = []key{
		{dicom.TagModality, dicom.VRCS, aModality}, {dicom.TagSeriesInstanceUID, dicom.VRUI, clinical},
		{dicom.TagSeriesNumber, dicom.VRIS, aNumber},
	}
	extendedSeriesKeys = []key{seriesKeys[0], {dicom.TagSeriesDescription, dicom.VRLO, optional}, seriesKeys[1], seriesKeys[2]}
)

// Attributes that several kinds of record share, in ascending order.
var (
	instanceNumber = []key{{dicom.TagInstanceNumber, dicom.VRIS, aNumber}}
	contentDate    = []key{{dicom.TagContentDate, dicom.VRDA, aDate}, {dicom.TagContentTime, dicom.VRTM, aTime}}
	contentName    = []key{{0x00700080, dicom.VRCS, aLabel}, {0x00700081, dicom.VRLO, mayEmpty}, {0x00700084, dicom.VRPN, mayEmpty}}
	identified     = keys(contentDate, instanceNumber, contentName)
	dated          = keys(contentDate, instanceNumber)
	documentTitle  = key{0x0040A043, dicom.VRSQ, clinical}
	contentItems   = key{tagContentSequence, dicom.VRSQ, optional}
)

func keys(lists ...[]key) []key {
	var all []key
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

var image = &recordKind{name: "IMAGE", keys: keys([]key{{0x00080008, dicom.VRCS, optional}}, instanceNumber)}

// Kinds of record other than IMAGE.
var (
	rtDose         = &recordKind{name: "RT DOSE", keys: keys(instanceNumber, []key{{0x3004000A, dicom.VRCS, clinical}})}
	rtStructureSet = &recordKind{name: "RT STRUCTURE SET", keys: keys(instanceNumber, []key{{0x30060002, dicom.VRSH, aLabel},
		{0x30060008, dicom.VRDA, mayEmpty}, {0x30060009, dicom.VRTM, mayEmpty}})}
	rtPlan = &recordKind{name: "RT PLAN", keys: keys(instanceNumber, []key{{0x300A0002, dicom.VRSH, aLabel},
		{0x300A0006, dicom.VRDA, mayEmpty}, {0x300A0007, dicom.VRTM, mayEmpty}})}
	rtTreatRecord = &recordKind{name: "RT TREAT RECORD", keys: keys(instanceNumber, []key{{0x30080250, dicom.VRDA, mayEmpty},
		{0x30080251, dicom.VRTM, mayEmpty}})}
	presentation = &recordKind{name: "PRESENTATION", keys: keys([]key{{0x00081115, dicom.VRSQ, optional}}, instanceNumber,
		[]key{{0x00700080, dicom.VRCS, aLabel}, {0x00700081, dicom.VRLO, mayEmpty}, {0x00700082, dicom.VRDA, aDate},
			{0x00700083, dicom.VRTM, aTime}, {0x00700084, dicom.VRPN, mayEmpty}, {0x00700402, dicom.VRSQ, optional}})}
	waveform   = &recordKind{name: "WAVEFORM", keys: dated}
	srDocument = &recordKind{name: "SR DOCUMENT", keys: keys(dated, []key{{tagVerificationDateTime, dicom.VRDT, optional},
		documentTitle, {0x0040A491, dicom.VRCS, clinical}, {0x0040A493, dicom.VRCS, clinical}, contentItems})}
	keyObject    = &recordKind{name: "KEY OBJECT DOC", keys: keys(dated, []key{documentTitle, contentItems})}
	spectroscopy = &recordKind{name: "SPECTROSCOPY", keys: keys([]key{{0x00080008, dicom.VRCS, clinical}}, dated,
		[]key{{0x00280008, dicom.VRIS, clinical}, {0x00280010, dicom.VRUS, clinical}, {0x00280011, dicom.VRUS, clinical},
			{0x00289001, dicom.VRUL, clinical}, {0x00289002, dicom.VRUL, clinical}})}
	rawData      = &recordKind{name: "RAW DATA", keys: keys(contentDate, []key{{dicom.TagInstanceNumber, dicom.VRIS, mayEmpty}})}
	registration = &recordKind{name: "REGISTRATION", keys: identified}
	fiducial     = &recordKind{name: "FIDUCIAL", keys: identified}
	valueMap     = &recordKind{name: "VALUE MAP", keys: identified}
	surface      = &recordKind{name: "SURFACE", keys: identified}
	tract        = &recordKind{name: "TRACT", keys: identified}
	annotation   = &recordKind{name: "ANNOTATION", keys: identified}
	surfaceScan  = &recordKind{name: "SURFACE SCAN", keys: contentDate}
	measurement  = &recordKind{name: "MEASUREMENT", keys: identified}
	stereometric = &recordKind{name: "STEREOMETRIC"}
	encapDoc     = &recordKind{name: "ENCAP DOC", keys: []key{{dicom.TagContentDate, dicom.VRDA, mayEmpty},
		{dicom.TagContentTime, dicom.VRTM, mayEmpty}, {dicom.TagInstanceNumber, dicom.VRIS, aNumber},
		{0x0040A043, dicom.VRSQ, mayEmpty}, {0x0040E001, dicom.VRST, optional}, {0x00420010, dicom.VRST, mayEmpty},
		{0x00420012, dicom.VRLO, clinical}}}
	assessment = &recordKind{name: "ASSESSMENT", keys: keys([]key{{0x00080012, dicom.VRDA, aDate},
		{0x00080013, dicom.VRTM, mayEmpty}}, instanceNumber)}
	plan         = &recordKind{name: "PLAN"}
	radiotherapy = &recordKind{name: "RADIOTHERAPY", keys: keys(instanceNumber, []key{{0x00700081, dicom.VRLO, mayEmpty},
		{0x00700084, dicom.VRPN, mayEmpty}, {0x30100033, dicom.VRSH, optional}, {0x30100034, dicom.VRLO, optional}})}

	hangingProtocol = &recordKind{name: "HANGING PROTOCOL", root: true, keys: []key{{0x00720002, dicom.VRSH, aLabel},
		{0x00720004, dicom.VRLO, clinical}, {0x00720006, dicom.VRCS, clinical}, {0x00720008, dicom.VRLO, clinical},
		{0x0072000A, dicom.VRDT, clinical}, {0x0072000C, dicom.VRSQ, clinical}, {0x0072000E, dicom.VRSQ, mayEmpty},
		{0x00720014, dicom.VRUS, clinical}}}
	palette = &recordKind{name: "PALETTE", root: true, keys: []key{{0x00700080, dicom.VRCS, aLabel}, {0x00700081, dicom.VRLO, mayEmpty}}}
	implant = &recordKind{name: "IMPLANT", root: true, keys: []key{{0x00080070, dicom.VRLO, clinical},
		{0x00221095, dicom.VRLO, clinical}, {0x00221097, dicom.VRLO, clinical}, {0x00686210, dicom.VRLO, optional}}}
	implantAssembly = &recordKind{name: "IMPLANT ASSY", root: true, keys: []key{{0x00080070, dicom.VRLO, clinical},
		{0x00760001, dicom.VRLO, clinical}, {0x00760020, dicom.VRSQ, clinical}}}
	implantGroup = &recordKind{name: "IMPLANT GROUP", root: true, keys: []key{{0x00780001, dicom.VRLO, clinical},
		{0x00780020, dicom.VRLO, clinical}}}
)

// storageClasses is what the UIDs of storage SOP classes begin with.
const storageClasses = "1.2.840.10008.5.1.4.1.1."

// byClass finds the kind by the rest of the SOP Class UID (PS3.4 I.4, PS3.3 F.4); an entry that ends with a dot stands for
// all that begin so.
var byClass = map[string]*recordKind{
	"481.2": rtDose, "481.3": rtStructureSet, "481.5": rtPlan, "481.8": rtPlan,
	"481.4": rtTreatRecord, "481.6": rtTreatRecord, "481.7": rtTreatRecord, "481.9": rtTreatRecord,
	"481.10": radiotherapy, "481.11": radiotherapy, "481.12": radiotherapy, "481.13": radiotherapy, "481.14": radiotherapy,
	"481.15": radiotherapy, "481.16": radiotherapy, "481.17": radiotherapy, "481.18": radiotherapy, "481.19": radiotherapy,
	"481.20": radiotherapy, "481.21": radiotherapy, "481.22": radiotherapy, "481.25": radiotherapy,
	"11.": presentation, "131": presentation, "9.": waveform, "88.": srDocument, "88.59": keyObject, "79.1": srDocument, "78.6": srDocument,
	"4.2": spectroscopy, "66": rawData, "66.1": registration, "66.3": registration, "66.2": fiducial, "66.5": surface,
	"66.6": tract, "67": valueMap, "68.": surfaceScan, "77.1.5.3": stereometric, "78.": measurement, "80.1": measurement,
	"104.": encapDoc, "90.1": assessment, "91.1": annotation,
}

// beside are the kinds of SOP classes that do not begin with storageClasses.
var beside = map[dicom.UID]*recordKind{
	"1.2.840.10008.5.1.4.38.1": hangingProtocol, "1.2.840.10008.5.1.4.39.1": palette, "1.2.840.10008.5.1.4.43.1": implant,
	"1.2.840.10008.5.1.4.44.1": implantAssembly, "1.2.840.10008.5.1.4.45.1": implantGroup,
	"1.2.840.10008.5.1.4.34.7": plan, "1.2.840.10008.5.1.4.34.10": plan,
}

// kindOf returns the kind of record for a SOP class: IMAGE for all that has no other one.
func kindOf(class dicom.UID) *recordKind {
	if kind := beside[class]; kind != nil {
		return kind
	}
	rest, found := strings.CutPrefix(string(class), storageClasses)
	if !found {
		return image
	}
	if kind := byClass[rest]; kind != nil {
		return kind
	}
	head, _, _ := strings.Cut(rest, ".")
	if kind := byClass[head+"."]; kind != nil && head != rest {
		return kind
	}
	return image
}
