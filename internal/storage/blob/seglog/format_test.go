package seglog

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

func sampleHeader() header {
	meta := blob.AppendMeta(nil, &blob.Meta{CallingAET: "SCANNER"})
	return header{
		kind: blob.KindUpload, flags: flagCopied, sum: 1, ref: blob.Ref{Key: blob.NewKey(), Seq: 1 << 40}, size: 5000,
		blocks: blocksFor(len(meta), 5000), watermark: blob.Position{Segment: 3, Offset: 8192}, meta: meta,
	}
}

// A header is valid at its place in its segment alone, and with every bit as it was.
func TestHeaderBelongsToItsPlace(t *testing.T) {
	t.Parallel()
	id, h := segmentID{1, 2, 3}, sampleHeader()
	b := appendHeader(nil, &h, id, 8192)
	got, err := decodeHeader(b, id, 8192, 1<<20)
	if err != nil || got.ref != h.ref || got.size != h.size || got.blocks != h.blocks || got.watermark != h.watermark ||
		got.kind != h.kind || got.flags != h.flags || got.sum != h.sum || !bytes.Equal(got.meta, h.meta) {
		t.Fatalf("got %+v, %v, want %+v", got, err, h)
	}
	for name, try := range map[string]func() error{
		"another offset":  func() error { _, err := decodeHeader(b, id, 4096, 1<<20); return err },
		"another segment": func() error { _, err := decodeHeader(b, segmentID{9}, 8192, 1<<20); return err },
		"too little room": func() error { _, err := decodeHeader(b, id, 8192, 4096); return err },
		"cut short":       func() error { _, err := decodeHeader(b[:len(b)-1], id, 8192, 1<<20); return err },
	} {
		if try() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if _, err := decodeHeader(b, id, 8192, 1<<20); err == nil {
				t.Errorf("byte %d bit %d flipped: accepted", i, bit)
			}
			b[i] ^= 1 << bit
		}
	}
}

// FuzzHeader: whatever a header claims, with a checksum that fits, it is refused
// or describes a record that lies inside the room there is.
func FuzzHeader(f *testing.F) {
	h := sampleHeader()
	f.Add(appendHeader(nil, &h, segmentID{}, 4096), int64(1<<20))
	f.Fuzz(func(t *testing.T, b []byte, room int64) {
		if len(b) >= recordHeader {
			le.PutUint32(b, recordMagic)
			if n := recordHeader + int(le.Uint16(b[10:])); n <= len(b) {
				le.PutUint32(b[4:], headerChecksum(b[:n], segmentID{}, 4096))
			}
		}
		h, err := decodeHeader(b, segmentID{}, 4096, room)
		if err != nil {
			return
		}
		if h.length() <= 0 || h.length() > room || h.kind != kindVoid && h.metaEnd()+h.payload() > h.length() {
			t.Errorf("accepted %+v in room of %d", h, room)
		}
	})
}

// A table that was damaged anywhere is made again from its segment.
func TestDamagedTable(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	s := openAt(t, dir, simOptions(t, d))
	gone := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(2))
	var refs []blob.Ref
	for range 3 {
		refs = append(refs, blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(3)))
	}
	blobtest.Remove(t, s, gone)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	base := d.cut(tearNone, rand.New(rand.NewPCG(1, 1)))
	size := 0
	base.corrupt(t, tableSuffix, func(b []byte) { size = len(b) })
	for at := 0; at < size; at += stride {
		trial := base.cut(tearNone, nil)
		trial.corrupt(t, tableSuffix, func(b []byte) { b[at] ^= 0x81 })
		s := openAt(t, dir, simOptions(t, trial))
		for _, ref := range refs {
			blobtest.Want(t, s, ref, payloadOf(3))
		}
		blobtest.WantGone(t, s, gone)
		refs2 := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(2))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, dir, simOptions(t, trial))
		blobtest.Want(t, s, refs2, payloadOf(2))
		if err := s.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("byte %d: %+v", at, f) }); err != nil {
			t.Error(err)
		}
		if n := len(blobtest.Rebuild(t, s)); n != 4 {
			t.Errorf("byte %d: %d objects, want 4", at, n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Check finds a table that cannot be used, and repairs it.
func TestCheckTable(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	s := openAt(t, dir, simOptions(t, d))
	for range 30 {
		blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(5))
	}
	defer func() { _ = s.Close() }()
	sealed := func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.names[tablePath(s.segmentPath(1))] != nil
	}
	for s.snapshot()[0].path == "" || !sealed() {
		if err := s.Barrier(t.Context()); err != nil { // the first segment is being sealed
			t.Fatal(err)
		}
	}
	d.corrupt(t, tableSuffix, func(b []byte) { b[len(b)-1] ^= 1 })
	var found []blob.Finding
	if err := s.Check(t.Context(), true, func(f blob.Finding) { found = append(found, f) }); err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || !found[0].Repaired || !strings.HasSuffix(found[0].Path, tableSuffix) {
		t.Errorf("findings %+v", found)
	}
	if err := s.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("after the repair: %+v", f) }); err != nil {
		t.Error(err)
	}
}
