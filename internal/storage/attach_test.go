package storage_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

const marker = "a text that is not to be found again"

func attach(t *testing.T, s *storage.Store, id index.ID, number int, text string) *index.Attachment {
	t.Helper()
	a, err := s.Attach(t.Context(), id, &storage.AttachRequest{Number: number, Data: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func attachedText(t *testing.T, s *storage.Store, id index.ID, number int) string {
	t.Helper()
	a, err := s.Attachment(t.Context(), id, number)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.OpenAttachment(t.Context(), a, false)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	text, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func eachPacking(t *testing.T, fn func(t *testing.T, dir string, open func() *storage.Store)) {
	t.Helper()
	eachLayout(t, func(t *testing.T, layout string) {
		for _, compress := range []bool{false, true} {
			dir := t.TempDir()
			fn(t, dir, func() *storage.Store {
				return open(t, dir, layout, func(o *storage.Options) { o.Compress = compress })
			})
		}
	})
}

// Attachments live as long as their owner: through replacing, restarts and rebuilds, and not a byte longer.
func TestAttachments(t *testing.T) {
	t.Parallel()
	eachPacking(t, func(t *testing.T, dir string, open func() *storage.Store) {
		s := open()
		rs := put(t, s, ct("1", 1, 1, 1).received(t))
		attach(t, s, rs.InstanceID, 1024, "first")
		if a := attach(t, s, rs.InstanceID, 1024, strings.Repeat(marker, 100)); a.Revision != 1 {
			t.Errorf("revision %d", a.Revision)
		}
		attach(t, s, rs.StudyID, 1024, marker)
		attach(t, s, rs.StudyID, 1025, "")
		check := func(when string) {
			t.Helper()
			if attachedText(t, s, rs.InstanceID, 1024) != strings.Repeat(marker, 100) || attachedText(t, s, rs.StudyID, 1024) != marker ||
				attachedText(t, s, rs.StudyID, 1025) != "" {
				t.Errorf("%s: another text", when)
			}
			if a, err := s.Attachment(t.Context(), rs.InstanceID, 1024); err != nil || a.Revision != 1 || !a.Blob.HasMD5 {
				t.Errorf("%s: %+v %v", when, a, err)
			}
			if st := counts(t, s); st.AttachedPlain != int64(101*len(marker)) {
				t.Errorf("%s: %d bytes attached", when, st.AttachedPlain)
			}
			checkAgrees(t, s, storage.CheckOptions{Checksums: true})
		}
		check("attached")
		closeStore(t, s)
		s = open()
		check("opened again")
		checkAgrees(t, s, storage.CheckOptions{Rebuild: true})
		check("rebuilt")
		closeStore(t, s)
		if err := os.Remove(filepath.Join(dir, "index.db")); err != nil {
			t.Fatal(err)
		}
		s = open()
		check("without the index")

		if err := s.Detach(t.Context(), rs.StudyID, 1025, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Attachment(t.Context(), rs.StudyID, 1025); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("detached: %v", err)
		}
		if _, err := s.Delete(t.Context(), index.Instance, rs.InstanceID); err != nil {
			t.Fatal(err)
		}
		if st := counts(t, s); st != (index.Statistics{}) {
			t.Errorf("left: %+v", st)
		}
		checkAgrees(t, s, storage.CheckOptions{Checksums: true})
		closeStore(t, s)
		searchFolder(t, dir, marker)
	})
}

// searchFolder looks for a text in all files of a folder.
func searchFolder(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			t.Errorf("%s still holds the deleted text", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An attachment that was begun is not kept for an owner that has gone meanwhile, nor past the guard.
func TestAttachToWhatIsGone(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutLog)
	rs := put(t, s, ct("1", 1, 1, 1).received(t))
	refusal := errors.New("refused")
	_, err := s.Attach(t.Context(), rs.InstanceID, &storage.AttachRequest{Number: 1024, Data: strings.NewReader("x"),
		Guard: func(*index.Attachment) error { return refusal }})
	if !errors.Is(err, refusal) {
		t.Errorf("guarded: %v", err)
	}
	_, err = s.Attach(t.Context(), rs.InstanceID, &storage.AttachRequest{Number: 1024, Data: strings.NewReader("x"),
		Guard: func(*index.Attachment) error {
			_, err := s.Delete(t.Context(), index.Patient, rs.PatientID)
			return err
		}})
	if !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("deleted meanwhile: %v", err)
	}
	if st := counts(t, s); st != (index.Statistics{}) {
		t.Errorf("left: %+v", st)
	}
	checkAgrees(t, s, storage.CheckOptions{Checksums: true})
}

// A compressed object is smaller on the disk, the same to everybody, and readable from anywhere within.
func TestCompression(t *testing.T) {
	t.Parallel()
	eachPacking(t, func(t *testing.T, _ string, open func() *storage.Store) {
		s := open()
		o := ct("1", 1, 1, 1)
		o.pixels = bytes.Repeat([]byte("0123456789abcdef"), 100_000)
		rs := put(t, s, o.upload(t))
		for _, compress := range []bool{true, false, true} {
			if err := s.Recode(t.Context(), rs.InstanceID, storage.DicomFile, compress); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(stored(t, s, rs.InstanceID), o.file(t)) {
				t.Fatalf("compress %t: other bytes", compress)
			}
			if st := counts(t, s); st.Plain != int64(len(o.file(t))) || (st.Bytes < st.Plain/10) != compress {
				t.Errorf("compress %t: %+v", compress, st)
			}
			checkAgrees(t, s, storage.CheckOptions{Checksums: true})
		}
		readAnywhere(t, s, rs.InstanceID, o.file(t))
		checkAgrees(t, s, storage.CheckOptions{Rebuild: true})
		if !bytes.Equal(stored(t, s, rs.InstanceID), o.file(t)) {
			t.Error("rebuilt: other bytes")
		}
		if err := s.Reconstruct(t.Context(), index.Study, rs.StudyID, true); err != nil {
			t.Error(err)
		}
		checkAgrees(t, s, storage.CheckOptions{Checksums: true})
	})
}

func readAnywhere(t *testing.T, s *storage.Store, id index.ID, want []byte) {
	t.Helper()
	o, err := s.OpenInstance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if o.Size() != int64(len(want)) {
		t.Errorf("size %d, want %d", o.Size(), len(want))
	}
	for range 50 {
		from := rand.IntN(len(want))
		part := make([]byte, 1+rand.IntN(min(len(want)-from, 600_000)))
		if n, err := o.ReadAt(part, int64(from)); n != len(part) || err != nil || !bytes.Equal(part, want[from:from+n]) {
			t.Fatalf("%d bytes at %d: %d, %v", len(part), from, n, err)
		}
	}
	if n, err := o.ReadAt(make([]byte, 10), int64(len(want)-3)); n != 3 || !errors.Is(err, io.EOF) {
		t.Errorf("beyond the end: %d, %v", n, err)
	}
}

// An export with attachments has each beside its instance, or in the folder of its owner.
func TestExportAttachments(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutLog)
	rs := put(t, s, ct("1", 1, 1, 1).received(t))
	for _, id := range []index.ID{rs.InstanceID, rs.SeriesID, rs.StudyID, rs.PatientID} {
		attach(t, s, id, 1024, id.String())
	}
	dir := t.TempDir()
	sum, err := s.Export(t.Context(), storage.ExportOptions{Dir: dir, Attachments: true})
	if err != nil || sum.Files != 5 {
		t.Fatalf("%+v %v", sum, err)
	}
	for pattern, id := range map[string]index.ID{"*/attachment-1024": rs.PatientID, "*/*/attachment-1024": rs.StudyID,
		"*/*/*/attachment-1024": rs.SeriesID, "*/*/*/*.dcm.attachment-1024": rs.InstanceID} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %v %v", pattern, found, err)
			continue
		}
		if text, err := os.ReadFile(found[0]); err != nil || string(text) != id.String() {
			t.Errorf("%s: %q %v", pattern, text, err)
		}
	}
	if sum, err = s.Export(t.Context(), storage.ExportOptions{Dir: dir, Attachments: true}); err != nil || sum.Skipped != 5 {
		t.Errorf("again: %+v %v", sum, err)
	}
}

// When the index is made from the log, and an object there cannot be read, what was attached to it is not taken for deleted.
func TestAttachmentOfWhatIsDamaged(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout)
		rs := put(t, s, ct("A", 1, 1, 1).received(t))
		attach(t, s, rs.StudyID, 1024, "a report")
		file := search(t, filepath.Join(dir, "objects"), string(rs.SOPInstanceUID))[0]
		closeStore(t, s)
		invert := func() {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			at := bytes.Index(b, []byte(rs.SOPInstanceUID)) - 140
			for i := range 140 {
				b[at+i] ^= 0xff
			}
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			loseIndex(t, dir)
		}
		invert()
		s = open(t, dir, layout)
		if st := counts(t, s); st.Instances != 0 {
			t.Errorf("damaged: %+v", st)
		}
		closeStore(t, s)
		invert()
		s = open(t, dir, layout)
		if text := attachedText(t, s, rs.StudyID, 1024); text != "a report" {
			t.Errorf("attached is %q", text)
		}
	})
}

func loseIndex(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"index.db", "index.db-wal", "index.db-shm"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// An attachment whose file is lost is noted, and does not keep the rest from being exported.
func TestExportPastALostAttachment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, storage.LayoutLog, func(o *storage.Options) { o.SpillSize = 10_000 })
	rs := put(t, s, ct("1", 1, 1, 1).received(t))
	put(t, s, ct("2", 1, 1, 1).received(t))
	attach(t, s, rs.SeriesID, 1024, strings.Repeat("report", 10_000))
	lost, err := filepath.Glob(filepath.Join(dir, "objects", "large", "*"))
	if err != nil || len(lost) != 1 {
		t.Fatal(lost, err)
	}
	if err := os.Remove(lost[0]); err != nil {
		t.Fatal(err)
	}
	sum, err := s.Export(t.Context(), storage.ExportOptions{Dir: t.TempDir(), Attachments: true})
	if err != nil || sum.Files != 2 || len(sum.Damaged) != 1 || sum.Damaged[0] != rs.SeriesID {
		t.Errorf("%+v, %v", sum, err)
	}
}
