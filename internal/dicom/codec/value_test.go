package codec_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// The parts of a value that Read, Value and Skip take add up.
func TestValueInParts(t *testing.T) {
	t.Parallel()
	in := long(0x00091001, "OB", "abcdefgh") + short(0x00100020, "LO", "1 ")
	for _, d := range []*codec.Reader{
		codec.NewReaderBytes([]byte(in), explicitLE, codec.Limits{}),
		codec.NewReader(iotest.OneByteReader(strings.NewReader(in)), explicitLE, codec.Limits{}),
	} {
		h, err := d.Next()
		if err != nil || d.Header() != h {
			t.Fatalf("%v, %v", h, err)
		}
		var b [3]byte
		if n, err := io.ReadFull(d, b[:]); n != 3 || string(b[:]) != "abc" {
			t.Errorf("read %q, %v", b[:n], err)
		}
		if n, err := d.Read(nil); n != 0 || err != nil {
			t.Errorf("an empty Read: %d, %v", n, err)
		}
		if v, err := d.Value(); string(v) != "defgh" || err != nil {
			t.Errorf("the rest is %q, %v", v, err)
		}
		if v, err := d.Value(); len(v) != 0 || err != nil {
			t.Errorf("after it %q, %v", v, err)
		}
		if _, err := d.Read(b[:]); !errors.Is(err, io.EOF) {
			t.Errorf("after it %v", err)
		}
		if h, err := d.Next(); err != nil || h.Tag != dicom.TagPatientID {
			t.Fatalf("%v, %v", h, err)
		}
		if err := d.Skip(); err != nil {
			t.Error(err)
		}
		if v, err := d.Value(); len(v) != 0 || err != nil {
			t.Errorf("after Skip %q, %v", v, err)
		}
		if _, err := d.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("at the end %v", err)
		}
		if err := d.Skip(); err != nil {
			t.Errorf("Skip at the end: %v", err)
		}
	}
}

// A large read goes past the Reader's own buffer, and ends where the value ends.
func TestLargeReads(t *testing.T) {
	t.Parallel()
	value := strings.Repeat("0123456789abcdef", 10<<10)
	in := long(0x00091001, "OB", value) + short(0x00100020, "LO", "1 ")
	d := codec.NewReader(iotest.DataErrReader(strings.NewReader(in)), explicitLE, codec.Limits{})
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len(value)+100)
	n, err := io.ReadFull(d, b)
	if n != len(value) || string(b[:n]) != value || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("read %d of %d bytes, %v", n, len(value), err)
	}
	if h, err := d.Next(); err != nil || h.Tag != dicom.TagPatientID || h.Offset != int64(len(value)+12) {
		t.Errorf("then %v, %v", h, err)
	}
	d.Reset(strings.NewReader(in), explicitLE, codec.Limits{})
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	if v, err := d.Value(); string(v) != value || err != nil {
		t.Errorf("as a whole %d of %d bytes, %v", len(v), len(value), err)
	}
}

// What is skipped is not looked into: a container that is cut off anywhere is just truncated.
func TestSkipWhatIsCutOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in        string
		want      error
		truncated bool
	}{
		{head(0x00081140, "SQ", 100) + item(short(0x00081155, "UI", "1.2\x00")), nil, true},
		{head(0x00081140, "SQ", 100) + item(short(0x00081155, "UI", "1.2\x00")) + "\xfe\xff", nil, true},
		{head(0x00081140, "SQ", u) + itemOpen(short(0x00081155, "UI", "1.2\x00")), io.ErrUnexpectedEOF, false},
		{head(0x7FE00010, "OB", u) + item("") + bare(0xFFFEE000, 100) + "abc", nil, true},
		{head(0x7FE00010, "OB", 100) + "abc", nil, true},
		{head(0x00091001, "OB", 100) + "abc", io.ErrUnexpectedEOF, false},
	} {
		d := codec.NewReaderBytes([]byte(c.in), explicitLE, codec.Limits{})
		_, err := d.Next()
		if err == nil {
			err = d.Skip()
		}
		for err == nil {
			_, err = d.Next()
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if !errors.Is(err, c.want) || d.Truncated() != c.truncated {
			t.Errorf("%q: truncated %v, %v", c.in, d.Truncated(), err)
		}
	}
}
