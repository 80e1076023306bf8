package codec_test

import (
	"strings"
	"testing"
	"testing/iotest"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// The Specific Character Set of an item governs the item and what is nested in it; where an item has none, that of the
// data set around it does (PS3.3 C.12.1.1.2).
func TestCharsetFollowsNesting(t *testing.T) {
	t.Parallel()
	name := func(v string) string { return short(0x00100010, "PN", v) }
	charset := func(v string) string { return short(0x00080005, "CS", v) }
	in := charset("ISO_IR 100") + name("latin1 ") +
		head(0x00081140, "SQ", u) +
		itemOpen(name("inherits")) +
		item(charset("ISO_IR 192")+name("own ")+long(0x00081199, "SQ", item(name("nested"))+item(charset("")+name("empty ")))+short(0x00100020, "LO", "back")) +
		itemOpen(name("inherits again")) +
		seqEnd + short(0x00100020, "LO", "end ")
	want := map[string]string{
		"latin1": "ISO_IR 100", "inherits": "ISO_IR 100", "own": "ISO_IR 192", "nested": "ISO_IR 192", "empty": "",
		"back": "ISO_IR 192", "inherits again": "ISO_IR 100", "end": "ISO_IR 100",
	}
	for _, d := range []*codec.Reader{
		codec.NewReaderBytes([]byte(in), explicitLE, codec.Limits{}),
		codec.NewReader(iotest.OneByteReader(strings.NewReader(in)), explicitLE, codec.Limits{}),
	} {
		seen := 0
		for {
			h, err := d.Next()
			if err != nil {
				break
			}
			if h.Kind != codec.KindElement || h.Tag == dicom.TagSpecificCharacterSet {
				continue
			}
			seen++
			v, err := d.Value()
			if err != nil {
				t.Fatal(err)
			}
			key := strings.TrimRight(string(v), " ")
			if got := string(d.Charset()); got != want[key] {
				t.Errorf("%s: charset %q, want %q", key, got, want[key])
			}
		}
		if seen != len(want) {
			t.Errorf("%d texts seen, want %d", seen, len(want))
		}
	}
}

func TestCharsetIsNilWhereNoneIsInEffect(t *testing.T) {
	t.Parallel()
	d := codec.NewReaderBytes([]byte(short(0x00100010, "PN", "a")+short(0x00080005, "CS", "")), explicitLE, codec.Limits{})
	if _, err := d.Next(); err != nil || d.Charset() != nil {
		t.Errorf("charset %v, %v", d.Charset(), err)
	}
	if _, err := d.Next(); err != nil || d.Charset() == nil {
		t.Errorf("an empty charset is the default repertoire, not none: %v", err)
	}
}
