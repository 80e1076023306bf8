package codec_test

import "testing"

func TestReadElements(t *testing.T) {
	t.Parallel()
	runCases(t, []readCase{
		{"nothing", explicitLE, "", ""},
		{"implicit VR, PS3.5 7.1.3", implicitLE, implicit(0x00080060, "CT") + implicit(0x00280010, "\x00\x02"),
			`(0008,0060) CS "CT"
			(0028,0010) US "\x00\x02"
			`},
		{"16-bit length, PS3.5 7.1.2", explicitLE, short(0x00080060, "CS", "CT") + short(0x00100010, "PN", ""),
			`(0008,0060) CS "CT"
			(0010,0010) PN ""
			`},
		{"32-bit length, PS3.5 7.1.2", explicitLE,
			long(0x00081120, "UR", "http://a") + long(0x00420011, "OB", "%PDF") + long(0x00720083, "UV", "12345678"),
			`(0008,1120) UR "http://a"
			(0042,0011) OB "%PDF"
			(0072,0083) UV "12345678"
			`},
		{"every VR with a 32-bit length, PS3.5 7.1-1", explicitLE,
			long(0x00091001, "OD", "1") + long(0x00091002, "OF", "2") + long(0x00091003, "OL", "3") + long(0x00091004, "OV", "4") +
				long(0x00091005, "OW", "5") + long(0x00091006, "SV", "6") + long(0x00091007, "UC", "7") + long(0x00091008, "UN", "8") +
				long(0x00091009, "UT", "9"),
			`(0009,1001) OD "1"
			(0009,1002) OF "2"
			(0009,1003) OL "3"
			(0009,1004) OV "4"
			(0009,1005) OW "5"
			(0009,1006) SV "6"
			(0009,1007) UC "7"
			(0009,1008) UN "8"
			(0009,1009) UT "9"
			`},
		{"big endian, PS3.5 7.3", explicitBE,
			shortBE(0x00280010, "US", "\x02\x00") + headBE(0x7FE00010, "OW", 2) + "\x12\x34",
			`(0028,0010) US "\x02\x00"
			(7FE0,0010) OW "\x124"
			`},
		{"private elements, PS3.5 7.8", implicitLE, implicit(0x00091001, "ab") + implicit(0x00090010, "ACME"),
			`(0009,1001) UN "ab"
			(0009,0010) LO "ACME"
			`},
		{"an unknown VR has a 32-bit length, PS3.5 6.2.2", explicitLE, long(0x00091001, "ZZ", "abcd") + short(0x00100020, "LO", "1"),
			`(0009,1001) ZZ "abcd"
			(0010,0020) LO "1"
			`},
		{"odd length", explicitLE, short(0x00100020, "LO", "123") + short(0x00100040, "CS", "M"),
			`(0010,0020) LO "123"
			(0010,0040) CS "M"
			`},
		{"elements out of order and twice", explicitLE, short(0x00100020, "LO", "1") + short(0x00080060, "CS", "CT") + short(0x00080060, "CS", "MR"),
			`(0010,0020) LO "1"
			(0008,0060) CS "CT"
			(0008,0060) CS "MR"
			`},
	})
}

func TestReadWhatBreaksTheRules(t *testing.T) {
	t.Parallel()
	runCases(t, []readCase{
		{"VR of question marks", explicitLE, short(0x00091001, "??", "ab") + short(0x00100020, "LO", "1"),
			`(0009,1001) UN "ab"
			(0010,0020) LO "1"
			`},
		{"VR of zeros", explicitLE, short(0x00091001, "\x00\x00", "ab") + short(0x00100020, "LO", "1"),
			`(0009,1001) UN "ab"
			(0010,0020) LO "1"
			`},
		{"an element in implicit VR among explicit ones", explicitLE, implicit(0x00080060, "CT") + short(0x00100020, "LO", "1"),
			`(0008,0060) CS "CT"
			(0010,0020) LO "1"
			`},
		{"a sequence in implicit VR among explicit elements", explicitLE,
			implicit(0x00081140, item(implicit(0x00081155, "1.2\x00"))) + short(0x00100020, "LO", "1"),
			`(0008,1140) SQ 20
			  item 12
			  (0008,1155) UI "1.2\x00"
			  end of item
			end of sequence
			(0010,0020) LO "1"
			`},
		{"OB with a 16-bit length", explicitLE, short(0x00091001, "OB", "abcd\xff\xff") + short(0x00100020, "LO", "1"),
			`(0009,1001) OB "abcd\xff\xff"
			(0010,0020) LO "1"
			`},
		{"reserved bytes that are not zero", explicitLE, tagLE(0x00091001) + "OB\x20\x20" + u32LE(2) + "ab",
			"(0009,1001) OB \"ab\"\n"},
		{"zeros after the last element", explicitLE, short(0x00100020, "LO", "1") + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
			`(0010,0020) LO "1"
			padding "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			`},
		{"a few zeros after the last element", explicitLE, short(0x00100020, "LO", "1") + "\x00\x00\x00",
			`(0010,0020) LO "1"
			padding "\x00\x00\x00"
			`},
		{"trailing padding, PS3.10 7.2", explicitLE, short(0x00100020, "LO", "1") + long(0xFFFCFFFC, "OB", "\x00\x00"),
			`(0010,0020) LO "1"
			(FFFC,FFFC) OB "\x00\x00"
			`},
		{"a command set begins with (0000,0000)", implicitLE, implicit(0x00000000, "\x00\x00\x00\x00") + implicit(0x00000100, "\x30\x00"),
			`(0000,0000) UL "\x00\x00\x00\x00"
			(0000,0100) US "0\x00"
			`},
		{"a delimiter of nothing", explicitLE, seqEnd + short(0x00100020, "LO", "1") + itemEnd,
			`padding "\xfe\xff\xdd\xe0\x00\x00\x00\x00"
			(0010,0020) LO "1"
			padding "\xfe\xff\r\xe0\x00\x00\x00\x00"
			`},
		{"group FFFE without a meaning", explicitLE, short(0x00100020, "LO", "12") + bare(0xFFFE0001, 0),
			`(0010,0020) LO "12"
			error: codec: at byte 10: (FFFE,0001) is neither an item nor a delimiter
			`},
		{"a text of undefined length", explicitLE, head(0x00081120, "UR", u),
			"error: codec: (0008,1120) at byte 0: a UR has undefined length\n"},
	})
}

func TestReadTruncated(t *testing.T) {
	t.Parallel()
	runCases(t, []readCase{
		{"pixel data cut off is kept", explicitLE, head(0x7FE00010, "OW", 8) + "abcde",
			`(7FE0,0010) OW "abcde"
			truncated
			`},
		{"pixel data without a byte", explicitLE, head(0x7FE00010, "OW", 8),
			`(7FE0,0010) OW ""
			truncated
			`},
		{"pixel data of 4 GB announced", explicitLE, head(0x7FE00010, "OW", 1<<24) + "abcde",
			`(7FE0,0010) OW "abcde"
			truncated
			`},
		{"a fragment cut off", jpeg, head(0x7FE00010, "OB", u) + item("") + bare(0xFFFEE000, 8) + "abc",
			`(7FE0,0010) OB u/l
			  fragment ""
			  fragment "abc"
			end of fragments
			truncated
			`},
		{"fragments without an end", jpeg, head(0x7FE00010, "OB", u) + item("") + item("ab"),
			`(7FE0,0010) OB u/l
			  fragment ""
			  fragment "ab"
			end of fragments
			truncated
			`},
		{"fragments cut inside a header", jpeg, head(0x7FE00010, "OB", u) + item("") + "\xfe\xff\x00",
			`(7FE0,0010) OB u/l
			  fragment ""
			end of fragments
			padding "\xfe\xff\x00"
			truncated
			`},
		{"trailing padding cut off", explicitLE, head(0xFFFCFFFC, "OB", 8) + "\x00",
			`(FFFC,FFFC) OB "\x00"
			truncated
			`},
		{"a header cut off", explicitLE, short(0x00100020, "LO", "1") + tagLE(0x00100030) + "DA",
			`(0010,0020) LO "1"
			padding "\x10\x000\x00DA"
			truncated
			`},
		{"a long header cut off", explicitLE, short(0x00100020, "LO", "1") + tagLE(0x7FE00010) + "OW\x00\x00\x01",
			`(0010,0020) LO "1"
			padding "\xe0\x7f\x10\x00OW\x00\x00\x01"
			truncated
			`},
		{"other values may not be cut off", explicitLE, short(0x00100020, "LO", "12") + tagLE(0x00100030) + "DA\x08\x002000",
			`(0010,0020) LO "12"
			(0010,0030) DA ""
			error: codec: (0010,0030) at byte 22: the data ends inside the value: unexpected EOF
			`},
		{"nor pixel data in an icon", explicitLE, head(0x00880200, "SQ", u) + bare(0xFFFEE000, u) + head(0x7FE00010, "OW", 8) + "ab",
			`(0088,0200) SQ u/l
			  item u/l
			  (7FE0,0010) OW ""
			error: codec: (0088,0200)[0].(7FE0,0010) at byte 34: the data ends inside the value: unexpected EOF
			`},
		{"nor sequences", explicitLE, head(0x00081140, "SQ", u) + itemOpen(short(0x00081155, "UI", "1.2\x00")) + bare(0xFFFEE000, u),
			`(0008,1140) SQ u/l
			  item u/l
			  (0008,1155) UI "1.2\x00"
			  end of item delimited
			  item u/l
			error: codec: (0008,1140)[1] at byte 48: the data ends inside an item: unexpected EOF
			`},
		{"but items of defined length between elements", explicitLE, head(0x00081140, "SQ", 40) + bare(0xFFFEE000, 32) + short(0x00081155, "UI", "1.2\x00"),
			`(0008,1140) SQ 40
			  item 32
			  (0008,1155) UI "1.2\x00"
			  end of item uneven
			end of sequence uneven
			truncated
			`},
	})
}
