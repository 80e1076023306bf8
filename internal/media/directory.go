package media

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/storage/index"
)

// maxMediaFiles is how many file ids of eight characters IMAGES has room for.
const maxMediaFiles = 1_000_000

// mediaFile is the name of a file on a medium, as Orthanc has it. PS3.10 8.5: components of eight capital letters,
// digits and underscores.
func mediaFile(number int) string { return fmt.Sprintf("IMAGES/IM%d", number) }

// fileSetID names our media (PS3.10 8.1).
const fileSetID = "GANTRY_MEDIA"

// recordPlace is where a record belongs in the directory.
type recordPlace struct {
	study  plannedStudy
	series index.ID
	file   int
}

// directory collects the records of a DICOMDIR (PS3.3 F) in the order of the tree. They are encoded at once, and the
// offsets that lead from one to the next are filled in as those come.
type directory struct {
	extended  bool
	transcode dicom.UID
	prefix    []byte // everything before the first record but for the two offsets in it
	first     int    // where in prefix the offsets of the root stand
	items     []byte
	err       error

	patient, study, series index.ID // the last ones
	people                 map[string]*person
	person                 *person // the one whose studies come at present
	// Offsets of the last record of each level in items, -1 for none in the present parent.
	lastRoot, lastSeries, lastLeaf int
	persons, seriesCount, leaves   int // within the parent, for numbers that are missing
}

// person is a PATIENT record. Objects with one PatientID, or none, and different names are not of one person, though one
// resource in the index.
type person struct {
	offset, lastStudy, studies int
}

func newDirectory(_ *Plan, o Options) *directory {
	d := &directory{extended: o.Extended, transcode: o.Transcode, lastRoot: -1, lastSeries: -1, lastLeaf: -1}
	d.prefix = codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: dicom.MediaStorageDirectoryStorage,
		SOPInstanceUID: dicom.NewUID(), TransferSyntaxUID: dicom.ExplicitVRLittleEndian})
	d.prefix = appendElement(d.prefix, 0x00041130, dicom.VRCS, []byte(fileSetID))
	d.first = len(d.prefix) + 8
	d.prefix = appendElement(d.prefix, 0x00041200, dicom.VRUL, make([]byte, 4))
	d.prefix = appendElement(d.prefix, 0x00041202, dicom.VRUL, make([]byte, 4))
	d.prefix = appendElement(d.prefix, 0x00041212, dicom.VRUS, make([]byte, 2))
	d.prefix = append(appendTag(d.prefix, dicom.TagDirectoryRecordSequence), 'S', 'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF)
	return d
}

// Where the two offsets of a record stand in its item, and where a record without anything to point to ends.
const (
	nextAt  = 8 + 8
	lowerAt = 8 + 12 + 10 + 8
)

func appendTag(b []byte, t dicom.Tag) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, t.Group()), t.Element())
}

// appendElement appends an element of a VR with a short length; the value is of even length.
func appendElement(b []byte, t dicom.Tag, vr dicom.VR, value []byte) []byte {
	b = append(appendTag(b, t), vr.String()...)
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(value))), value...)
}

// add puts the record of an instance, and those above it that are new, into the directory.
func (d *directory) add(at *recordPlace, r *record) {
	kind := r.kind
	if d.transcode != "" {
		r.syntax = d.transcode
	}
	if kind.root {
		offset := d.append(kind.name, r, kind.keys, r.reference(at.file))
		d.link(&d.lastRoot, -1, offset)
		return
	}
	if d.enter(at.study.patient, r) || d.study != at.study.study {
		d.study = at.study.study
		d.person.studies++
		r.number = d.person.studies
		d.link(&d.person.lastStudy, d.person.offset, d.append("STUDY", r, studyKeys, nil))
		d.lastSeries, d.seriesCount = -1, 0
		d.series = index.ID{}
	}
	if d.lastSeries < 0 || d.series != at.series {
		d.series = at.series
		d.seriesCount++
		r.number = d.seriesCount
		keys := seriesKeys
		if d.extended {
			keys = extendedSeriesKeys
		}
		d.link(&d.lastSeries, d.person.lastStudy, d.append("SERIES", r, keys, nil))
		d.lastLeaf, d.leaves = -1, 0
	}
	d.leaves++
	r.number = d.leaves
	d.link(&d.lastLeaf, d.lastSeries, d.append(kind.name, r, kind.keys, r.reference(at.file)))
}

// enter finds or makes the PATIENT record that an object belongs to, and reports whether it is another one than before.
func (d *directory) enter(patient index.ID, r *record) bool {
	if d.people == nil || d.patient != patient {
		d.patient, d.people = patient, map[string]*person{}
	}
	name := r.values.String(dicom.TagPatientName)
	who := d.people[name]
	if who == nil {
		d.persons++
		r.number = d.persons
		who = &person{offset: d.append("PATIENT", r, patientKeys, nil), lastStudy: -1}
		d.link(&d.lastRoot, -1, who.offset)
		d.people[name] = who
	}
	changed := who != d.person
	d.person = who
	return changed
}

// link lets the record before, or the parent if there is none, point to a record; parent -1 is the root.
func (d *directory) link(last *int, parent, offset int) {
	switch {
	case *last >= 0:
		d.point(d.items[*last+nextAt:], offset)
	case parent >= 0:
		d.point(d.items[parent+lowerAt:], offset)
	default:
		d.point(d.prefix[d.first:], offset)
	}
	if parent < 0 {
		d.point(d.prefix[d.first+12:], offset)
	}
	*last = offset
}

// point writes an offset, which counts from the beginning of the file (PS3.3 F.3.2.2).
func (d *directory) point(at []byte, offset int) {
	binary.LittleEndian.PutUint32(at, uint32(len(d.prefix)+offset))
}

// append encodes a record and returns its offset in items.
func (d *directory) append(name string, r *record, keys []key, reference []dicom.Element) int {
	offset := len(d.items)
	ds := &dicom.Dataset{}
	ds.SetUint32(0x00041400, 0)
	ds.SetUint16(0x00041410, 0xFFFF)
	ds.SetUint32(0x00041420, 0)
	ds.SetString(dicom.TagDirectoryRecordType, dicom.VRCS, name)
	for _, e := range reference {
		ds.Set(e)
	}
	body, err := codec.Marshal(ds, explicitLittleEndian)
	if err == nil {
		var values []byte
		values, err = r.encode(keys)
		body = append(body, values...)
	}
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("media: the %s record of %s: %w", name, r.instance, err)
	}
	d.items = append(d.items, 0xFE, 0xFF, 0x00, 0xE0)
	d.items = append(binary.LittleEndian.AppendUint32(d.items, uint32(len(body))), body...)
	return offset
}

var explicitLittleEndian = dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian)

// encode returns the DICOMDIR.
func (d *directory) encode() ([]byte, error) {
	if d.err != nil {
		return nil, d.err
	}
	file := append(d.prefix, d.items...)
	return append(file, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0), nil
}

// reference is what a record says of its file.
func (r *record) reference(file int) []dicom.Element {
	ds := &dicom.Dataset{}
	ds.SetString(0x00041500, dicom.VRCS, "IMAGES", "IM"+strconv.Itoa(file))
	ds.SetUID(0x00041510, r.class)
	ds.SetUID(0x00041511, r.instance)
	ds.SetUID(0x00041512, r.syntax)
	return ds.Elements
}
