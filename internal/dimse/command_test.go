package dimse_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
)

// The command sets below were sent over a loopback connection by DCMTK 3.6.7 and Orthanc 1.10.1.
// Each line is one element: tag, length, value, all little endian.
var recorded = []struct {
	name    string
	section string // PS3.7
	bytes   string
	want    dimse.Command
}{
	{"C-ECHO-RQ of echoscu", "9.3.5.1", `
		0000 0000 04000000 38000000
		0000 0200 12000000 312e322e3834302e31303030382e312e3100
		0000 0001 02000000 3000
		0000 1001 02000000 0100
		0000 0008 02000000 0101`,
		dimse.Command{
			Field: dimse.CEchoRQ, MessageID: 1, AffectedSOPClassUID: dicom.VerificationSOPClass,
		}},
	{"C-ECHO-RSP of Orthanc", "9.3.5.2", `
		0000 0000 04000000 42000000
		0000 0200 12000000 312e322e3834302e31303030382e312e3100
		0000 0001 02000000 3080
		0000 2001 02000000 0100
		0000 0008 02000000 0101
		0000 0009 02000000 0000`,
		dimse.Command{
			Field: dimse.CEchoRQ | 0x8000, MessageIDRespondedTo: 1, AffectedSOPClassUID: dicom.VerificationSOPClass,
		}},
	{"C-STORE-RQ of storescu", "9.3.1.1", `
		0000 0000 04000000 82000000
		0000 0200 1a000000 312e322e3834302e31303030382e352e312e342e312e312e3200
		0000 0001 02000000 0100
		0000 1001 02000000 0100
		0000 0007 02000000 0000
		0000 0008 02000000 0100
		0000 0010 30000000 312e332e362e312e342e312e353936322e312e312e312e312e312e32303034303131393037323733302e313233323200`,
		dimse.Command{
			Field: dimse.CStoreRQ, MessageID: 1, HasDataset: true, AffectedSOPClassUID: dicom.CTImageStorage,
			AffectedSOPInstanceUID: "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322",
		}},
	{"C-STORE-RSP of Orthanc", "9.3.1.2", `
		0000 0000 04000000 82000000
		0000 0200 1a000000 312e322e3834302e31303030382e352e312e342e312e312e3200
		0000 0001 02000000 0180
		0000 2001 02000000 0100
		0000 0008 02000000 0101
		0000 0009 02000000 0000
		0000 0010 30000000 312e332e362e312e342e312e353936322e312e312e312e312e312e32303034303131393037323733302e313233323200`,
		dimse.Command{
			Field: dimse.CStoreRQ | 0x8000, MessageIDRespondedTo: 1, AffectedSOPClassUID: dicom.CTImageStorage,
			AffectedSOPInstanceUID: "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322",
		}},
	{"C-FIND-RQ of findscu", "9.3.2.1", `
		0000 0000 04000000 4c000000
		0000 0200 1c000000 312e322e3834302e31303030382e352e312e342e312e322e322e3100
		0000 0001 02000000 2000
		0000 1001 02000000 0100
		0000 0007 02000000 0000
		0000 0008 02000000 0100`,
		dimse.Command{
			Field: dimse.CFindRQ, MessageID: 1, HasDataset: true,
			AffectedSOPClassUID: "1.2.840.10008.5.1.4.1.2.2.1",
		}},
	{"C-FIND-RSP of Orthanc, pending", "9.3.2.2", `
		0000 0000 04000000 4c000000
		0000 0200 1c000000 312e322e3834302e31303030382e352e312e342e312e322e322e3100
		0000 0001 02000000 2080
		0000 2001 02000000 0100
		0000 0008 02000000 0100
		0000 0009 02000000 00ff`,
		dimse.Command{
			Field: dimse.CFindRQ | 0x8000, MessageIDRespondedTo: 1, HasDataset: true, Status: dimse.StatusPending,
			AffectedSOPClassUID: "1.2.840.10008.5.1.4.1.2.2.1",
		}},
	{"N-ACTION-RQ of Orthanc", "10.3.4.1", `
		0000 0000 04000000 62000000
		0000 0300 14000000 312e322e3834302e31303030382e312e32302e31
		0000 0001 02000000 3001
		0000 1001 02000000 0100
		0000 0008 02000000 0100
		0000 0110 16000000 312e322e3834302e31303030382e312e32302e312e31
		0000 0810 02000000 0100`,
		dimse.Command{
			Field: dimse.NActionRQ, MessageID: 1, HasDataset: true, ActionTypeID: 1,
			RequestedSOPClassUID:    dicom.StorageCommitmentPushModel,
			RequestedSOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		}},
	{"N-ACTION-RSP of Orthanc, without Action Type ID", "10.3.4.2", `
		0000 0000 04000000 62000000
		0000 0200 14000000 312e322e3834302e31303030382e312e32302e31
		0000 0001 02000000 3081
		0000 2001 02000000 0100
		0000 0008 02000000 0101
		0000 0009 02000000 0000
		0000 0010 16000000 312e322e3834302e31303030382e312e32302e312e31`,
		dimse.Command{
			Field: dimse.NActionRQ | 0x8000, MessageIDRespondedTo: 1,
			AffectedSOPClassUID:    dicom.StorageCommitmentPushModel,
			AffectedSOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		}},
	{"N-EVENT-REPORT-RQ of Orthanc", "10.3.1.1", `
		0000 0000 04000000 62000000
		0000 0200 14000000 312e322e3834302e31303030382e312e32302e31
		0000 0001 02000000 0001
		0000 1001 02000000 0100
		0000 0008 02000000 0100
		0000 0010 16000000 312e322e3834302e31303030382e312e32302e312e31
		0000 0210 02000000 0200`,
		dimse.Command{
			Field: dimse.NEventReportRQ, MessageID: 1, HasDataset: true, EventTypeID: 2,
			AffectedSOPClassUID:    dicom.StorageCommitmentPushModel,
			AffectedSOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		}},
	{"N-EVENT-REPORT-RSP of Orthanc, without Event Type ID", "10.3.1.2", `
		0000 0000 04000000 62000000
		0000 0200 14000000 312e322e3834302e31303030382e312e32302e31
		0000 0001 02000000 0081
		0000 2001 02000000 0100
		0000 0008 02000000 0101
		0000 0009 02000000 0000
		0000 0010 16000000 312e322e3834302e31303030382e312e32302e312e31`,
		dimse.Command{
			Field: dimse.NEventReportRQ | 0x8000, MessageIDRespondedTo: 1,
			AffectedSOPClassUID:    dicom.StorageCommitmentPushModel,
			AffectedSOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		}},
}

func TestRecordedCommandsAreReadAndWrittenAlike(t *testing.T) {
	t.Parallel()
	for _, tt := range recorded {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sent := unhex(t, tt.bytes)
			got, err := dimse.DecodeCommand(sent)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("PS3.7 %s: decoded\n%+v\nwant\n%+v", tt.section, *got, tt.want)
			}
			written, err := tt.want.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(written, sent) {
				t.Errorf("PS3.7 %s: encoded\n%x\nwant\n%x", tt.section, written, sent)
			}
		})
	}
}

func TestFieldsOfServicesToCome(t *testing.T) {
	t.Parallel()
	n := func(v uint16) *uint16 { return &v }
	for _, want := range []dimse.Command{
		{Field: dimse.CMoveRQ, MessageID: 7, HasDataset: true, Priority: dimse.PriorityHigh,
			AffectedSOPClassUID: "1.2.840.10008.5.1.4.1.2.2.2", MoveDestination: "PACS"},
		{Field: dimse.CMoveRQ | 0x8000, MessageIDRespondedTo: 7, Status: dimse.StatusPending,
			AffectedSOPClassUID: "1.2.840.10008.5.1.4.1.2.2.2", Remaining: n(3), Completed: n(0), Failed: n(1), Warning: n(0)},
		{Field: dimse.CStoreRQ, MessageID: 65535, HasDataset: true, Priority: dimse.PriorityLow,
			AffectedSOPClassUID: dicom.CTImageStorage, AffectedSOPInstanceUID: "1.2.3",
			MoveOriginatorAET: "MOVER", MoveOriginatorMessageID: 7},
		{Field: dimse.CCancelRQ, MessageIDRespondedTo: 7},
		{Field: dimse.NGetRQ, MessageID: 8, RequestedSOPClassUID: "1.2.840.10008.5.1.1.16", RequestedSOPInstanceUID: "1.2",
			AttributeIdentifiers: []dicom.Tag{0x21100010, 0x21100020}},
		{Field: dimse.NSetRQ | 0x8000, MessageIDRespondedTo: 9, Status: dimse.StatusMissingAttribute, ErrorID: 4711,
			AffectedSOPClassUID: "1.2.840.10008.3.1.2.3.3", AffectedSOPInstanceUID: "1.2", ErrorComment: "no name",
			AttributeIdentifiers: []dicom.Tag{0x00100010}, OffendingElements: []dicom.Tag{0x00100010}},
	} {
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := dimse.DecodeCommand(b)
		if err != nil {
			t.Fatalf("%s: %v", want.Service(), err)
		}
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", want.Service(), *got, want)
		}
	}
}

func TestResponseEchoesTheRequest(t *testing.T) {
	t.Parallel()
	rq := dimse.Command{
		Field: dimse.NActionRQ, MessageID: 12, ActionTypeID: 1, HasDataset: true,
		RequestedSOPClassUID: "1.2.840.10008.1.20.1", RequestedSOPInstanceUID: "1.2.840.10008.1.20.1.1",
	}
	want := dimse.Command{
		Field: 0x8130, MessageIDRespondedTo: 12, ActionTypeID: 1, Status: dimse.StatusInvalidArgument,
		AffectedSOPClassUID: "1.2.840.10008.1.20.1", AffectedSOPInstanceUID: "1.2.840.10008.1.20.1.1",
	}
	if got := rq.Response(dimse.StatusInvalidArgument); !reflect.DeepEqual(*got, want) {
		t.Errorf("response %+v, want %+v", *got, want)
	}
}

func TestPeersMayPadAndAddAsTheyLike(t *testing.T) {
	t.Parallel()
	got, err := dimse.DecodeCommand(unhex(t, `
		0000 0008 02000000 0201
		0000 0100 02000000 0000
		0000 0200 14000000 20312e322e3834302e31303030382e312e312000
		0000 0001 02000000 3000
		0000 1001 02000000 0500
		0000 0007 00000000
		0000 9999 03000000 010203
		0000 3010 06000000 204142432000`))
	if err != nil {
		t.Fatal(err)
	}
	want := dimse.Command{
		Field: dimse.CEchoRQ, MessageID: 5, HasDataset: true, AffectedSOPClassUID: "1.2.840.10008.1.1", MoveOriginatorAET: "ABC",
	}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v, want %+v", *got, want)
	}
}

func TestWrongCommandSets(t *testing.T) {
	t.Parallel()
	const echo = `0000 0001 02000000 3000 0000 1001 02000000 0100 0000 0008 02000000 0101`
	for _, tt := range []struct{ name, bytes, want string }{
		{"nothing", ``, "element (0000,0100) at offset 0: missing"},
		{"half a header", `0000 0001 02`, "5 bytes are left"},
		{"too long", `0000 0001 04000000 3000`, "element (0000,0100) at offset 0: length 4 goes beyond the end, 2 bytes are left"},
		{"undefined length", `0000 0001 ffffffff 3000`, "length 4294967295"},
		{"another group", echo + `0800 1800 02000000 3100`, "element (0008,0018) at offset 30: not of group 0000"},
		{"command field of four bytes", `0000 0001 04000000 30000000`, "a US value of 4 bytes"},
		{"empty command field", `0000 0001 00000000`, "a US value of 0 bytes"},
		{"no message id", `0000 0001 02000000 3000 0000 0008 02000000 0101`, "element (0000,0110) at offset 20: missing"},
		{"no data set type", `0000 0001 02000000 3000 0000 1001 02000000 0100`, "(0000,0800)"},
		{"response without status", `0000 0001 02000000 3080 0000 2001 02000000 0100 0000 0008 02000000 0101`, "(0000,0900)"},
		{"response to nothing", `0000 0001 02000000 3080 0000 0008 02000000 0101 0000 0009 02000000 0000`, "(0000,0120)"},
		{"cancel of nothing", `0000 0001 02000000 ff0f 0000 0008 02000000 0101`, "(0000,0120)"},
		{"count of one byte", echo + `0000 2010 01000000 01`, "a US value of 1 bytes"},
		{"half a tag", echo + `0000 0510 02000000 0100`, "an AT value of 2 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := dimse.DecodeCommand(unhex(t, tt.bytes))
			var ce *dimse.CommandError
			if !errors.As(err, &ce) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want a CommandError with %q", err, tt.want)
			}
		})
	}
}

// A UID that is too long is read, so that it can be refused, but not echoed.
func TestLongUIDIsNotEchoed(t *testing.T) {
	t.Parallel()
	const echo = `0000 0001 02000000 3000 0000 1001 02000000 0100 0000 0008 02000000 0101`
	cmd, err := dimse.DecodeCommand(unhex(t, echo+`0000 0200 42000000`+strings.Repeat("31", 66)))
	if err != nil || len(cmd.AffectedSOPClassUID) != 66 {
		t.Fatalf("%+v, %v", cmd, err)
	}
	if rsp := cmd.Response(dimse.StatusSOPClassNotSupported); rsp.AffectedSOPClassUID != "" {
		t.Errorf("%+v", rsp)
	}
}

func TestWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("1", 65)
	for _, cmd := range []dimse.Command{
		{Field: dimse.CEchoRQ, AffectedSOPClassUID: dicom.UID(long)},
		{Field: dimse.NActionRQ, RequestedSOPInstanceUID: dicom.UID(long)},
		{Field: dimse.CMoveRQ, MoveDestination: "SEVENTEEN LETTERS"},
	} {
		if b, err := cmd.Encode(); err == nil {
			t.Errorf("%+v was encoded as %x", cmd, b)
		}
	}
}

func TestErrorCommentFitsItsVR(t *testing.T) {
	t.Parallel()
	cmd := dimse.Command{Field: 0x8001, ErrorComment: "größer\\als\n" + strings.Repeat("x", 80)}
	b, err := cmd.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := dimse.DecodeCommand(b)
	if err != nil {
		t.Fatal(err)
	}
	if want := "gr??er?als?" + strings.Repeat("x", 53); got.ErrorComment != want {
		t.Errorf("comment %q, want %q", got.ErrorComment, want)
	}
}

func FuzzDecodeCommand(f *testing.F) {
	for _, tt := range recorded {
		f.Add(unhex(f, tt.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := dimse.DecodeCommand(b)
		if err != nil {
			return
		}
		written, err := first.Encode()
		if err != nil {
			return // AE titles and UIDs of any length are read, but not sent
		}
		again, err := dimse.DecodeCommand(written)
		if err != nil {
			t.Fatalf("%x, written as %x, is not read again: %v", b, written, err)
		}
		twice, err := again.Encode()
		if err != nil || !bytes.Equal(written, twice) {
			t.Fatalf("written as %x, then as %x (%v)", written, twice, err)
		}
	})
}

func BenchmarkDecodeCommand(b *testing.B) {
	sent := unhex(b, recorded[2].bytes)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dimse.DecodeCommand(sent); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeCommand(b *testing.B) {
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := recorded[3].want.AppendEncoded(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// unhex reads hexadecimal digits and passes over white space.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
