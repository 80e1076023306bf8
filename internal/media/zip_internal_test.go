package media

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestChecksumsCombine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "a"), rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "b")
		whole := append(bytes.Clone(a), b...)
		if got, want := sumsOf(a).then(sumsOf(b), int64(len(b))), sumsOf(whole); got != want {
			rt.Fatalf("%x, want %x", got, want)
		}
	})
	zeros := make([]byte, 5<<20)
	if got, want := combine(crc32.IEEE, 0x12345678, crc32.ChecksumIEEE(zeros), int64(len(zeros))), crc32.Update(0x12345678, crc32.IEEETable, zeros); got != want {
		t.Errorf("%x, want %x", got, want)
	}
}

// far is a file of which only the end is kept: what is written before reads as zeros.
type far struct {
	skipped int64
	end     bytes.Buffer
}

func (f *far) Write(p []byte) (int, error) { return f.end.Write(p) }

func (f *far) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for ; n < len(p) && off+int64(n) < f.skipped; n++ {
		p[n] = 0
	}
	if n < len(p) {
		m := copy(p[n:], f.end.Bytes()[min(off+int64(n)-f.skipped, int64(f.end.Len())):])
		n += m
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// An archive that goes beyond 4 GiB has its later entries and its directory where ZIP64 says.
func TestZIP64Offsets(t *testing.T) {
	t.Parallel()
	file := &far{skipped: 5 << 30}
	z := zipWriter{w: file, written: uint64(file.skipped)}
	content := []byte("after five gigabytes")
	for i, large := range []bool{false, true} {
		e := &zipEntry{name: fmt.Sprintf("%d.txt", i), modified: time.Now(), crc: crc32.ChecksumIEEE(content), large: large,
			size: uint64(len(content)), compressed: uint64(len(content)), later: large}
		if err := errors.Join(z.begin(e), z.write(content), z.end(e)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.close(); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(file, file.skipped+int64(file.end.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(in); err != nil || !bytes.Equal(b, content) {
			t.Errorf("%s: %q, %v", f.Name, b, err)
		}
	}
}

func TestZIP64Counts(t *testing.T) {
	t.Parallel()
	for _, count := range []int{math.MaxUint16 - 1, math.MaxUint16, math.MaxUint16 + 10} {
		var b bytes.Buffer
		z := zipWriter{w: &b}
		for i := range count {
			e := &zipEntry{name: fmt.Sprint(i)}
			if err := errors.Join(z.begin(e), z.end(e)); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.close(); err != nil {
			t.Fatal(err)
		}
		if zip64 := bytes.Contains(b.Bytes()[b.Len()-100:], []byte("PK\x06\x06")); zip64 != (count >= math.MaxUint16) {
			t.Errorf("%d entries: ZIP64 %v", count, zip64)
		}
		if r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len())); err != nil || len(r.File) != count {
			t.Errorf("%d entries: %v", count, err)
		}
	}
}

func TestGrowthBeyond4GiBIsRefused(t *testing.T) {
	t.Parallel()
	z := zipWriter{w: io.Discard}
	if err := z.end(&zipEntry{name: "x", size: 1 << 32}); err == nil {
		t.Error("an entry without ZIP64 took more than it can tell")
	}
}
