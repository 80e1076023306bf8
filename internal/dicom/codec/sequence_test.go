package codec_test

import (
	"errors"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

func TestReadSequences(t *testing.T) {
	t.Parallel()
	uid := short(0x00081155, "UI", "1.2\x00")
	runCases(t, []readCase{
		{"defined lengths, PS3.5 7.5-1", explicitLE, long(0x00081140, "SQ", item(uid)+item("")) + short(0x00100020, "LO", "1"),
			`(0008,1140) SQ 28
			  item 12
			  (0008,1155) UI "1.2\x00"
			  end of item
			  item 0
			  end of item
			end of sequence
			(0010,0020) LO "1"
			`},
		{"undefined lengths, PS3.5 7.5-2", explicitLE, head(0x00081140, "SQ", u) + itemOpen(uid) + item(uid) + seqEnd,
			`(0008,1140) SQ u/l
			  item u/l
			  (0008,1155) UI "1.2\x00"
			  end of item delimited
			  item 12
			  (0008,1155) UI "1.2\x00"
			  end of item
			end of sequence delimited
			`},
		{"empty", explicitLE, head(0x00081140, "SQ", 0) + head(0x00081199, "SQ", u) + seqEnd,
			`(0008,1140) SQ 0
			end of sequence
			(0008,1199) SQ u/l
			end of sequence delimited
			`},
		{"nested", implicitLE, implicit(0x00081115, item(implicit(0x00081199, item(implicit(0x00081155, "1.2\x00"))))),
			`(0008,1115) SQ 36
			  item 28
			  (0008,1199) SQ 20
			    item 12
			    (0008,1155) UI "1.2\x00"
			    end of item
			  end of sequence
			  end of item
			end of sequence
			`},
		{"big endian", explicitBE, headBE(0x00081140, "SQ", u) + bareBE(0xFFFEE000, u) + shortBE(0x00280010, "US", "\x01\x02") + bareBE(0xFFFEE00D, 0) + bareBE(0xFFFEE0DD, 0),
			`(0008,1140) SQ u/l
			  item u/l
			  (0028,0010) US "\x01\x02"
			  end of item delimited
			end of sequence delimited
			`},
		{"fragments, PS3.5 A.4", jpeg, head(0x7FE00010, "OB", u) + item("\x00\x00\x00\x00") + item("\xff\xd8") + seqEnd + long(0xFFFCFFFC, "OB", ""),
			`(7FE0,0010) OB u/l
			  fragment "\x00\x00\x00\x00"
			  fragment "\xff\xd8"
			end of fragments delimited
			(FFFC,FFFC) OB ""
			`},
		{"a private sequence in implicit VR", implicitLE, bare(0x00091001, u) + itemOpen(implicit(0x00091002, "ab")) + seqEnd,
			`(0009,1001) SQ u/l
			  item u/l
			  (0009,1002) UN "ab"
			  end of item delimited
			end of sequence delimited
			`},
	})
}

// UN of undefined length holds items in Implicit VR Little Endian, whatever is around it (PS3.5 6.2.2, CP-246).
func TestReadUnknownSequences(t *testing.T) {
	t.Parallel()
	inner := implicit(0x00081155, "1.2\x00")
	runCases(t, []readCase{
		{"in explicit VR", explicitLE, head(0x00091001, "UN", u) + itemOpen(inner) + seqEnd + short(0x00100020, "LO", "1"),
			`(0009,1001) UN u/l
			  item u/l
			  (0008,1155) UI "1.2\x00"
			  end of item delimited
			end of sequence delimited
			(0010,0020) LO "1"
			`},
		{"in big endian", explicitBE, headBE(0x00091001, "UN", u) + item(inner) + seqEnd + shortBE(0x00100020, "LO", "1"),
			`(0009,1001) UN u/l
			  item 12
			  (0008,1155) UI "1.2\x00"
			  end of item
			end of sequence delimited
			(0010,0020) LO "1"
			`},
		{"nested", explicitLE, head(0x00081140, "SQ", u) + itemOpen(head(0x00091001, "UN", u)+itemOpen(bare(0x00091002, u)+itemOpen(inner)+seqEnd)+seqEnd+short(0x00081155, "UI", "1.3\x00")) + seqEnd,
			`(0008,1140) SQ u/l
			  item u/l
			  (0009,1001) UN u/l
			    item u/l
			    (0009,1002) SQ u/l
			      item u/l
			      (0008,1155) UI "1.2\x00"
			      end of item delimited
			    end of sequence delimited
			    end of item delimited
			  end of sequence delimited
			  (0008,1155) UI "1.3\x00"
			  end of item delimited
			end of sequence delimited
			`},
		{"an unknown VR of undefined length", explicitLE, head(0x00091001, "ZZ", u) + item(inner) + seqEnd,
			`(0009,1001) ZZ u/l
			  item 12
			  (0008,1155) UI "1.2\x00"
			  end of item
			end of sequence delimited
			`},
		{"of defined length it is bytes", explicitLE, long(0x00091001, "UN", item(inner)),
			`(0009,1001) UN "\xfe\xff\x00\xe0\f\x00\x00\x00\b\x00U\x11\x04\x00\x00\x001.2\x00"
			`},
		{"private pixel data in it", explicitLE, head(0x00091001, "UN", u) + itemOpen(bare(0x7FE00010, u)+item("")+item("ab")+seqEnd) + seqEnd,
			`(0009,1001) UN u/l
			  item u/l
			  (7FE0,0010) OW u/l
			    fragment ""
			    fragment "ab"
			  end of fragments delimited
			  end of item delimited
			end of sequence delimited
			`},
	})
}

func TestReadBrokenSequences(t *testing.T) {
	t.Parallel()
	uid := short(0x00081155, "UI", "1.2\x00")
	runCases(t, []readCase{
		{"no delimiter after the last item", explicitLE, head(0x00081140, "SQ", u) + itemOpen(uid) + short(0x00100020, "LO", "1"),
			`(0008,1140) SQ u/l
			  item u/l
			  (0008,1155) UI "1.2\x00"
			  end of item delimited
			end of sequence
			(0010,0020) LO "1"
			`},
		{"no delimiter between items", explicitLE, head(0x00081140, "SQ", u) + bare(0xFFFEE000, u) + uid + bare(0xFFFEE000, u) + uid + seqEnd,
			`(0008,1140) SQ u/l
			  item u/l
			  (0008,1155) UI "1.2\x00"
			  end of item
			  item u/l
			  (0008,1155) UI "1.2\x00"
			  end of item
			end of sequence delimited
			`},
		{"delimiters in spite of defined lengths", explicitLE, long(0x00081140, "SQ", item(uid+itemEnd)+seqEnd),
			`(0008,1140) SQ 36
			  item 20
			  (0008,1155) UI "1.2\x00"
			  end of item delimited
			end of sequence delimited
			`},
		{"a delimiter with a length", explicitLE, head(0x00081140, "SQ", u) + bare(0xFFFEE0DD, 0x1234) + short(0x00100020, "LO", "1"),
			`(0008,1140) SQ u/l
			end of sequence delimited
			(0010,0020) LO "1"
			`},
		{"an item longer than its sequence", explicitLE, head(0x00081140, "SQ", 12) + item(uid) + short(0x00100020, "LO", "1"),
			`(0008,1140) SQ 12
			  item 12
			  (0008,1155) UI "1.2\x00"
			  end of item
			end of sequence uneven
			(0010,0020) LO "1"
			`},
		{"a value longer than its item", explicitLE, head(0x00081140, "SQ", u) + bare(0xFFFEE000, 10) + uid + seqEnd,
			`(0008,1140) SQ u/l
			  item 10
			  (0008,1155) UI "1.2\x00"
			  end of item uneven
			end of sequence delimited
			`},
		{"bytes left over in an item", explicitLE, long(0x00081140, "SQ", item(uid+"abc")+"de"),
			`(0008,1140) SQ 25
			  item 15
			  (0008,1155) UI "1.2\x00"
			  padding "abc"
			  end of item
			  padding "de"
			end of sequence
			`},
		{"a sequence that is none", explicitLE, long(0x00081140, "SQ", uid),
			"(0008,1140) SQ \"\\b\\x00U\\x11UI\\x04\\x001.2\\x00\"\n"},
		{"an element among items", explicitLE, long(0x00081140, "SQ", item(uid)+uid),
			`(0008,1140) SQ 32
			  item 12
			  (0008,1155) UI "1.2\x00"
			  end of item
			error: codec: (0008,1140)[0] at byte 32: found (0008,1155) in a sequence where an item is expected
			`},
		{"a fragment of undefined length", jpeg, head(0x7FE00010, "OB", u) + bare(0xFFFEE000, u),
			`(7FE0,0010) OB u/l
			error: codec: (7FE0,0010)[0] at byte 12: a fragment has undefined length
			`},
	})
}

// An error says where it happened, and every call after it says so again.
func TestErrorsNameThePlaceAndStay(t *testing.T) {
	t.Parallel()
	in := head(0x0040A730, "SQ", u) + item("") + item("") + item(head(0x00081140, "SQ", u)+bare(0xFFFEE000, u)+bare(0xFFFE0000, 0))
	d := codec.NewReaderBytes([]byte(in), explicitLE, codec.Limits{})
	_, err := d.Dataset()
	const want = "codec: (0040,A730)[2].(0008,1140)[0] at byte 56: (FFFE,0000) is neither an item nor a delimiter"
	if err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	if _, again := d.Next(); !errors.Is(again, err) {
		t.Errorf("the next call returns %v", again)
	}
	if err2 := d.Skip(); !errors.Is(err2, err) {
		t.Errorf("Skip returns %v", err2)
	}
	if _, err3 := d.Value(); !errors.Is(err3, err) {
		t.Errorf("Value returns %v", err3)
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	in := head(0x0040A730, "SQ", u) + item("") + itemOpen(short(0x00080060, "CS", "CT")) + seqEnd + short(0x00100020, "LO", "1")
	d := codec.NewReader(strings.NewReader(in), explicitLE, codec.Limits{})
	var paths []string
	for {
		h, err := d.Next()
		if err != nil {
			break
		}
		if h.Kind == codec.KindElement {
			paths = append(paths, d.Path())
		}
	}
	if got := strings.Join(paths, " "); got != "(0040,A730)[1].(0008,0060) (0010,0020)" {
		t.Errorf("paths %s", got)
	}
}

// Skip passes over a container with all it holds.
func TestSkipContainers(t *testing.T) {
	t.Parallel()
	uid := short(0x00081155, "UI", "1.2\x00")
	nested := head(0x00081199, "SQ", u) + itemOpen(uid) + itemOpen(uid) + seqEnd
	in := long(0x00081140, "SQ", item(nested)+item(uid)) + nested + short(0x00100020, "LO", "1")
	for _, kind := range []codec.Kind{codec.KindSequence, codec.KindItem} {
		d := codec.NewReaderBytes([]byte(in), explicitLE, codec.Limits{})
		var seen []dicom.Tag
		for {
			h, err := d.Next()
			if err != nil {
				break
			}
			if h.Kind == codec.KindElement {
				seen = append(seen, h.Tag)
			}
			if h.Kind == kind {
				if err := d.Skip(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(seen) != 1 || seen[0] != dicom.TagPatientID {
			t.Errorf("skipping every %s leaves %v", kind, seen)
		}
	}
}
