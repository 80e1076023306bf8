package codec_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// sampleSet has a value of every width, sequences of both kinds of length, and fragments if asked for.
func sampleSet(fragments bool) *dicom.Dataset {
	item := func(uid dicom.UID, undefined bool) *dicom.Dataset {
		ds := &dicom.Dataset{UndefinedLength: undefined}
		ds.SetUID(dicom.TagReferencedSOPInstanceUID, uid)
		return ds
	}
	ds := &dicom.Dataset{}
	ds.SetUID(dicom.TagSOPClassUID, dicom.CTImageStorage)
	ds.SetItems(dicom.TagReferencedImageSequence, item("1.2.3", false), item("1.2.3.4", true), &dicom.Dataset{})
	ds.Set(dicom.Element{Tag: dicom.TagReferencedSOPSequence, VR: dicom.VRSQ, UndefinedLength: true, Items: []*dicom.Dataset{item("1.2", true)}})
	ds.SetString(dicom.TagPatientName, dicom.VRPN, "Doe^Jane")
	ds.SetUint16(dicom.TagRows, 0x1234)
	ds.SetTags(dicom.Tag(0x00280009), dicom.TagRows)
	ds.Set(dicom.Element{Tag: 0x00460041, VR: dicom.VRUL, Value: []byte{1, 2, 3, 4, 5, 6, 7, 8}})
	ds.Set(dicom.Element{Tag: 0x00460042, VR: dicom.VRFD, Value: []byte{1, 2, 3, 4, 5, 6, 7, 8}})
	if fragments {
		ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROB, UndefinedLength: true, Fragments: [][]byte{{}, {0xFF, 0xD8}}})
	} else {
		ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROW, Value: []byte{1, 2, 3, 4}})
	}
	return ds
}

func TestMarshalRoundTrip(t *testing.T) {
	t.Parallel()
	for _, ts := range []dicom.TransferSyntax{explicitLE, explicitBE, deflated, jpeg, implicitLE} {
		ds := sampleSet(ts.Encapsulated)
		b, err := codec.Marshal(ds, ts)
		if err != nil {
			t.Fatal(err)
		}
		back, err := codec.Unmarshal(b, ts, codec.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", ts.UID, err)
		}
		again, err := codec.Marshal(back, ts)
		if err != nil || !bytes.Equal(b, again) {
			t.Errorf("%s: the second time %d bytes, the first %d; %v", ts.UID, len(again), len(b), err)
		}
		var out bytes.Buffer
		if err := codec.WriteDataset(&out, ds, ts); err != nil || !bytes.Equal(out.Bytes(), b) {
			t.Errorf("%s: WriteDataset writes %d bytes, Marshal %d; %v", ts.UID, out.Len(), len(b), err)
		}
		read, err := codec.ReadDataset(&out, ts, codec.Limits{})
		if err != nil || !reflect.DeepEqual(read, back) {
			t.Errorf("%s: ReadDataset and Unmarshal differ: %v", ts.UID, err)
		}
	}
}

// Numbers change their byte order with the transfer syntax, in both directions (PS3.5 7.3).
func TestMarshalSwapsBytes(t *testing.T) {
	t.Parallel()
	ds := sampleSet(false)
	big, err := codec.Marshal(ds, explicitBE)
	if err != nil {
		t.Fatal(err)
	}
	back, err := codec.Unmarshal(big, explicitBE, codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if rows, _ := back.Uint16(dicom.TagRows); rows != 0x1234 || !back.BigEndian {
		t.Errorf("Rows are %x", rows)
	}
	if tags := back.Tags(0x00280009); len(tags) != 1 || tags[0] != dicom.TagRows {
		t.Errorf("tags %v", tags)
	}
	little, err := codec.Marshal(back, explicitLE)
	if err != nil {
		t.Fatal(err)
	}
	want, err := codec.Marshal(ds, explicitLE)
	if err != nil || !bytes.Equal(little, want) {
		t.Errorf("little endian after big endian is\n%x, want\n%x", little, want)
	}
}

func TestMarshalBytes(t *testing.T) {
	t.Parallel()
	one := func(e dicom.Element) *dicom.Dataset { return &dicom.Dataset{Elements: []dicom.Element{e}} }
	uid := dicom.Dataset{}
	uid.SetUID(dicom.TagReferencedSOPInstanceUID, "1.2")
	for _, c := range []struct {
		name string
		ts   dicom.TransferSyntax
		ds   *dicom.Dataset
		want string
	}{
		{"text of odd length is padded, PS3.5 6.2", explicitLE, one(dicom.Element{Tag: dicom.TagPatientID, VR: dicom.VRLO, Value: []byte("1")}), short(0x00100020, "LO", "1 ")},
		{"so are UIDs, with NUL", explicitLE, one(dicom.Element{Tag: dicom.TagSOPClassUID, VR: dicom.VRUI, Value: []byte("1.2")}), short(0x00080016, "UI", "1.2\x00")},
		{"a sequence", explicitLE, one(dicom.Element{Tag: dicom.TagReferencedImageSequence, VR: dicom.VRSQ, Items: []*dicom.Dataset{&uid}}),
			long(0x00081140, "SQ", item(short(0x00081155, "UI", "1.2\x00")))},
		{"an empty sequence", explicitLE, one(dicom.Element{Tag: dicom.TagReferencedImageSequence, VR: dicom.VRSQ}), head(0x00081140, "SQ", 0)},
		{"a sequence in UN of undefined length stays implicit, PS3.5 6.2.2", explicitLE,
			one(dicom.Element{Tag: 0x00091001, VR: dicom.VRUN, UndefinedLength: true, Items: []*dicom.Dataset{&uid}}),
			head(0x00091001, "UN", u) + item(implicit(0x00081155, "1.2\x00")) + seqEnd},
		{"of defined length it becomes SQ", explicitLE,
			one(dicom.Element{Tag: 0x00091001, VR: dicom.VRUN, Items: []*dicom.Dataset{&uid}}),
			long(0x00091001, "SQ", item(short(0x00081155, "UI", "1.2\x00")))},
		{"fragments, PS3.5 A.4", jpeg, one(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROB, Fragments: [][]byte{{}, {1, 2, 3}}}),
			head(0x7FE00010, "OB", u) + item("") + item("\x01\x02\x03\x00") + seqEnd},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, err := codec.Marshal(c.ds, c.ts)
			if err != nil || string(b) != c.want {
				t.Errorf("got\n%x, want\n%x; %v", b, c.want, err)
			}
		})
	}
}

func TestDatasetReturnsWhatItHad(t *testing.T) {
	t.Parallel()
	in := short(0x00080060, "CS", "CT") + long(0x00081140, "SQ", item(short(0x00081155, "UI", "1.2\x00")+bare(0xFFFE0001, 0)))
	ds, err := codec.Unmarshal([]byte(in), explicitLE, codec.Limits{})
	if _, ok := errors.AsType[*codec.SyntaxError](err); !ok {
		t.Fatalf("got %v", err)
	}
	items := ds.Items(dicom.TagReferencedImageSequence)
	if len(items) != 1 || items[0].UID(dicom.TagReferencedSOPInstanceUID) != "1.2" {
		t.Errorf("items %v", items)
	}
}

// Element and Dataset read parts of a data set that is walked otherwise.
func TestElementAndDatasetWithinAWalk(t *testing.T) {
	t.Parallel()
	in := long(0x00081140, "SQ", item(short(0x00081155, "UI", "1.2\x00"))+item("")) + short(0x00100020, "LO", "1 ")
	d := codec.NewReaderBytes([]byte(in), explicitLE, codec.Limits{})
	if h, err := d.Next(); err != nil || h.Kind != codec.KindSequence {
		t.Fatalf("%v, %v", h, err)
	}
	if h, err := d.Next(); err != nil || h.Kind != codec.KindItem {
		t.Fatalf("%v, %v", h, err)
	}
	if ds, err := d.Dataset(); err != nil || ds.UID(dicom.TagReferencedSOPInstanceUID) != "1.2" {
		t.Errorf("item %v, %v", ds, err)
	}
	if h, err := d.Next(); err != nil || h.Kind != codec.KindItem {
		t.Errorf("after the item %v, %v", h, err)
	}
	if err := d.Skip(); err != nil {
		t.Error(err)
	}
	if h, err := d.Next(); err != nil || h.Kind != codec.KindSequenceEnd {
		t.Errorf("after the items %v, %v", h, err)
	}
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	if e, err := d.Element(); err != nil || e.Tag != dicom.TagPatientID || string(e.Value) != "1 " {
		t.Errorf("element %v, %v", e, err)
	}
}
