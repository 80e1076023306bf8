package blob_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"gantry/internal/storage/blob"
)

func TestMetaRoundTrip(t *testing.T) {
	t.Parallel()
	for _, m := range []blob.Meta{
		{Time: time.Unix(0, 0)},
		{Time: time.Unix(-5, 7), CallingAET: "A", CalledAET: "B", RemoteAddr: "[::1]:4", User: "ü", Origin: "RestApi", TransferSyntax: "1.2"},
		{Time: time.Unix(1<<40, 999999999), Replaces: blob.Ref{Key: blob.NewKey(), Seq: 1 << 60}, Extra: []byte{0, 1, 2}},
	} {
		got, err := blob.DecodeMeta(blob.AppendMeta(nil, &m))
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("got %+v, %v, want %+v", got, err, m)
		}
	}
}

// FuzzDecodeMeta: any bytes are decoded or refused.
func FuzzDecodeMeta(f *testing.F) {
	f.Add([]byte{})
	f.Add(blob.AppendMeta(nil, &blob.Meta{Time: time.Unix(1, 2), CallingAET: "A", Replaces: blob.Ref{Seq: 1}, Extra: []byte("x")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := blob.DecodeMeta(b)
		if err != nil {
			return
		}
		again, err := blob.DecodeMeta(blob.AppendMeta(nil, &m))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("got %+v, %v, want %+v", again, err, m)
		}
	})
}

func TestNamesRoundTrip(t *testing.T) {
	t.Parallel()
	k := blob.NewKey()
	if got, err := blob.ParseKey(k.String()); got != k || err != nil {
		t.Errorf("key: %v, %v", got, err)
	}
	for _, s := range []string{"", "12", k.String() + "0", "x" + k.String()[1:]} {
		if _, err := blob.ParseKey(s); err == nil {
			t.Errorf("key %q was accepted", s)
		}
	}
	places := []blob.Position{{}, {Segment: 1, Offset: 4096}, {Segment: 1, Offset: 8192}, {Segment: 2}, {Node: 1}}
	if !slices.IsSortedFunc(places, blob.Position.Compare) {
		t.Error("positions are not in order")
	}
	for _, p := range places {
		if got, err := blob.ParsePosition(p.String()); got != p || err != nil {
			t.Errorf("position: %v, %v", got, err)
		}
	}
	for _, s := range []string{"", "1:2", "1:2:-3", "a:b:c", "1:2:3:4", "4294967296:0:0"} {
		if _, err := blob.ParsePosition(s); err == nil {
			t.Errorf("position %q was accepted", s)
		}
	}
}
