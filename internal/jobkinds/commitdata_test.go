package jobkinds

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/storage/index"
)

func ref(instance string) index.Reference {
	return index.Reference{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: dicom.UID(instance)}
}

func failedRef(instance string, reason uint16) index.CommitFailureItem {
	return index.CommitFailureItem{Reference: ref(instance), Reason: reason}
}

func marshal(t *testing.T, ds *dicom.Dataset, syntax dicom.UID) []byte {
	t.Helper()
	b, err := codec.Marshal(ds, dicom.LookupTransferSyntax(syntax))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Action and event information (PS3.4 J.3.2.1.1, J.3.3.1.1) in the transfer syntaxes that are accepted.
func TestReadCommitmentData(t *testing.T) {
	t.Parallel()
	for _, syntax := range []dicom.UID{dicom.ExplicitVRLittleEndian, dicom.ImplicitVRLittleEndian, dicom.ExplicitVRBigEndian} {
		success := []index.Reference{ref("1.2.3"), ref("1.2.30")}
		failed := []index.CommitFailureItem{failedRef("1.2.4", ReasonNoSuchInstance), failedRef("1.2.5", 0x0131)}
		b, err := encode(syntax, "2.25.7", success, failed)
		if err != nil {
			t.Fatalf("%s: %v", syntax, err)
		}
		got, err := ReadCommitmentData(iotest.OneByteReader(bytes.NewReader(b)), syntax, 0)
		if err != nil {
			t.Fatalf("%s: %v", syntax, err)
		}
		if got.TransactionUID != "2.25.7" || !got.HasReferences || !slices.Equal(got.References, success) || !slices.Equal(got.Failures, failed) {
			t.Errorf("%s: %+v", syntax, got)
		}
	}
}

// A report without success has an empty Referenced SOP Sequence, one without failures no Failed SOP Sequence. The data
// sets are in order, and values have an even length.
func TestEventDataset(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		success []index.Reference
		failed  []index.CommitFailureItem
		tags    []dicom.Tag
	}{
		{[]index.Reference{ref("1.2.3")}, nil, []dicom.Tag{dicom.TagTransactionUID, dicom.TagReferencedSOPSequence}},
		{nil, []index.CommitFailureItem{failedRef("1.2.3", 0x0112)}, []dicom.Tag{dicom.TagTransactionUID, dicom.TagFailedSOPSequence, dicom.TagReferencedSOPSequence}},
	} {
		b, err := encode(dicom.ExplicitVRLittleEndian, "2.25.7", x.success, x.failed)
		if err != nil {
			t.Fatal(err)
		}
		ds, err := codec.ReadDataset(bytes.NewReader(b), dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian), codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var tags []dicom.Tag
		for _, e := range ds.Elements {
			tags = append(tags, e.Tag)
		}
		if !slices.Equal(tags, x.tags) || len(ds.Items(dicom.TagReferencedSOPSequence)) != len(x.success) {
			t.Errorf("%v", tags)
		}
		for _, item := range ds.Items(dicom.TagFailedSOPSequence) {
			if reason, ok := item.Uint16(dicom.TagFailureReason); !ok || reason != 0x0112 || len(item.Get(dicom.TagReferencedSOPInstanceUID).Value)%2 != 0 {
				t.Errorf("%+v", item)
			}
		}
	}
}

// What breaks the rules of PS3.4 J.3.2 is answered with a status, never with silence.
func TestReadCommitmentDataRefuses(t *testing.T) {
	t.Parallel()
	item := func(class, instance string) *dicom.Dataset {
		ds := &dicom.Dataset{}
		if class != "" {
			ds.SetUID(dicom.TagReferencedSOPClassUID, dicom.UID(class))
		}
		if instance != "" {
			ds.SetUID(dicom.TagReferencedSOPInstanceUID, dicom.UID(instance))
		}
		return ds
	}
	request := func(transaction string, items ...*dicom.Dataset) []byte {
		ds := &dicom.Dataset{}
		if transaction != "" {
			ds.SetUID(dicom.TagTransactionUID, dicom.UID(transaction))
		}
		ds.SetItems(dicom.TagReferencedSOPSequence, items...)
		return marshal(t, ds, dicom.ExplicitVRLittleEndian)
	}
	good := request("2.25.1", item("1.2", "1.3"))
	long := bytes.Clone(good)
	copy(long[bytes.Index(long, []byte("SQ"))+4:], "\xfe\xff\xff\xff")
	for name, c := range map[string]struct {
		data []byte
		want dimse.Status
	}{
		"no Transaction UID":          {request("", item("1.2", "1.3")), dimse.StatusInvalidArgument},
		"a path as Transaction UID":   {request("../../etc", item("1.2", "1.3")), dimse.StatusInvalidArgument},
		"a long Transaction UID":      {request(strings.Repeat("1", 65), item("1.2", "1.3")), dimse.StatusInvalidArgument},
		"item without instance":       {request("2.25.1", item("1.2", "")), dimse.StatusInvalidArgument},
		"item without class":          {request("2.25.1", item("", "1.3")), dimse.StatusInvalidArgument},
		"an empty item":               {request("2.25.1", item("", "")), dimse.StatusInvalidArgument},
		"more references than we let": {request("2.25.1", item("1.2", "1.3"), item("1.2", "1.4"), item("1.2", "1.5")), dimse.StatusResourceLimitation},
		"data cut in the middle":      {good[:len(good)-3], dimse.StatusInvalidArgument},
		"a sequence beyond the end":   {long, dimse.StatusInvalidArgument},
		"no data set":                 {[]byte("GET / HTTP/1.1\r\n\r\n"), dimse.StatusInvalidArgument},
		"empty":                       {nil, dimse.StatusInvalidArgument},
	} {
		_, err := ReadCommitmentData(bytes.NewReader(c.data), dicom.ExplicitVRLittleEndian, 2)
		if err == nil || dimse.StatusOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// An empty sequence is told from a missing one, and both from a connection that breaks.
func TestReadCommitmentDataLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	ds := &dicom.Dataset{}
	ds.SetUID(dicom.TagTransactionUID, "2.25.1")
	got, err := ReadCommitmentData(bytes.NewReader(marshal(t, ds, dicom.ImplicitVRLittleEndian)), dicom.ImplicitVRLittleEndian, 0)
	if err != nil || got.HasReferences {
		t.Errorf("missing: %+v %v", got, err)
	}
	ds.SetItems(dicom.TagReferencedSOPSequence)
	b := marshal(t, ds, dicom.ImplicitVRLittleEndian)
	got, err = ReadCommitmentData(bytes.NewReader(b), dicom.ImplicitVRLittleEndian, 0)
	if err != nil || !got.HasReferences || len(got.References) != 0 {
		t.Errorf("empty: %+v %v", got, err)
	}
	lost := errors.New("connection lost")
	_, err = ReadCommitmentData(io.MultiReader(bytes.NewReader(b[:4]), iotest.ErrReader(lost)), dicom.ImplicitVRLittleEndian, 0)
	var status *dimse.StatusError
	if !errors.Is(err, lost) || errors.As(err, &status) {
		t.Errorf("lost: %v", err)
	}
}

// Padding with spaces and a nested sequence do not confuse.
func TestReadCommitmentDataTolerates(t *testing.T) {
	t.Parallel()
	inner := &dicom.Dataset{}
	inner.SetUID(dicom.TagReferencedSOPInstanceUID, "9.9.9")
	item := &dicom.Dataset{}
	item.SetUID(dicom.TagReferencedSOPClassUID, dicom.CTImageStorage)
	item.SetUID(dicom.TagReferencedSOPInstanceUID, "1.2.3 ")
	item.SetItems(dicom.TagReferencedImageSequence, inner)
	ds := &dicom.Dataset{}
	ds.SetUID(dicom.TagTransactionUID, "2.25.1  ")
	ds.SetItems(dicom.TagReferencedSOPSequence, item)
	got, err := ReadCommitmentData(bytes.NewReader(marshal(t, ds, dicom.ExplicitVRLittleEndian)), dicom.ExplicitVRLittleEndian, 0)
	if err != nil || got.TransactionUID != "2.25.1" || !slices.Equal(got.References, []index.Reference{ref("1.2.3")}) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestDigestTellsRequestsApart(t *testing.T) {
	t.Parallel()
	digestOf := func(refs []index.Reference) (sum [32]byte) {
		h := sha256.New()
		digestRefs(h, refs)
		h.Sum(sum[:0])
		return sum
	}
	a := digestOf([]index.Reference{ref("1.2"), ref("1.3")})
	for _, other := range [][]index.Reference{
		{ref("1.2")}, {ref("1.3"), ref("1.2")}, {ref("1.2"), ref("1.3"), ref("1.3")},
		{ref("1.2"), {SOPClassUID: dicom.MRImageStorage, SOPInstanceUID: "1.3"}}, nil,
	} {
		if digestOf(other) == a {
			t.Errorf("%v has the digest of another request", other)
		}
	}
	if digestOf([]index.Reference{ref("1.2"), ref("1.3")}) != a {
		t.Error("the same request has another digest")
	}
}

// The rate that 5,000 references in 100 ms leave for reading them is far below this.
func BenchmarkReadCommitmentData(b *testing.B) {
	refs := make([]index.Reference, 5000)
	for i := range refs {
		refs[i] = ref(fmt.Sprintf("1.2.826.0.1.3680043.8.498.%d", 1_000_000_000+i))
	}
	data, err := encodeAction(dicom.ExplicitVRLittleEndian, "2.25.1", refs)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadCommitmentData(bytes.NewReader(data), dicom.ExplicitVRLittleEndian, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*5000/b.Elapsed().Seconds(), "references/s")
}

func FuzzReadCommitmentData(f *testing.F) {
	for _, syntax := range []dicom.UID{dicom.ExplicitVRLittleEndian, dicom.ImplicitVRLittleEndian} {
		b, err := encode(syntax, "2.25.7", []index.Reference{ref("1.2.3")}, []index.CommitFailureItem{failedRef("1.2.4", 0x0112)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, syntax == dicom.ImplicitVRLittleEndian)
	}
	f.Fuzz(func(t *testing.T, b []byte, implicit bool) {
		syntax := dicom.ExplicitVRLittleEndian
		if implicit {
			syntax = dicom.ImplicitVRLittleEndian
		}
		data, err := ReadCommitmentData(bytes.NewReader(b), syntax, 100)
		if err != nil {
			var status *dimse.StatusError
			if !errors.As(err, &status) {
				t.Fatalf("no status: %v", err)
			}
			return
		}
		if !isUID(string(data.TransactionUID)) || len(data.References)+len(data.Failures) > 100 {
			t.Fatalf("%+v", data)
		}
	})
}

// A request with a class of its own for each reference does not fill the memory: what is read is passed on in parts.
func TestManyClassesAreNotHeld(t *testing.T) {
	t.Parallel()
	refs := make([]index.Reference, maxClasses+5)
	for i := range refs {
		refs[i] = index.Reference{SOPClassUID: dicom.UID(fmt.Sprintf("1.2.%d", i)), SOPInstanceUID: "1.2.3"}
	}
	b, err := encodeAction(dicom.ImplicitVRLittleEndian, "2.25.1", refs)
	if err != nil {
		t.Fatal(err)
	}
	p := newCommitParser(bytes.NewReader(b), dicom.ImplicitVRLittleEndian, 0)
	data, err := p.read()
	if err != nil || !slices.Equal(data.References, refs) {
		t.Errorf("%d references: %v", len(data.References), err)
	}
	if len(p.classes) != maxClasses {
		t.Errorf("%d classes are held", len(p.classes))
	}
}

// Whoever waits for a report that is forgotten is told, and nothing of it is left.
func TestForgottenReportLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	var u reportUses
	u.note("2.25.1")
	come := u.watch("2.25.1")
	u.forget("2.25.1")
	select {
	case <-come:
	default:
		t.Error("nobody is told")
	}
	if len(u.waiting)+len(u.used) > 0 {
		t.Errorf("left: %v %v", u.waiting, u.used)
	}
}
