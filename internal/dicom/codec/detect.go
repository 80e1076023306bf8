package codec

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/flate"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
)

// sniffSize is how many bytes of a data set are looked at to tell its encoding.
const sniffSize = 1 << 10

// SniffDICOM reports whether a file that begins with head is DICOM: "DICM" stands where PS3.10 7.1 has it, or
// what begins without a preamble are elements of the groups 0002, 0004 or 0008 that the dictionary knows. Give it
// 1 KiB, or the whole file if that is shorter; fewer than 132 bytes of a longer file do not do.
func SniffDICOM(head []byte) bool {
	if len(head) >= preambleSize+4 && string(head[preambleSize:preambleSize+4]) == "DICM" {
		return true
	}
	head = bytes.TrimPrefix(head, []byte("DICM"))
	for _, enc := range candidates {
		if n, known := survey(head, enc); known && n >= 2 && likelyFirst(enc.tag(head)) {
			return true
		}
	}
	return false
}

func likelyFirst(tag dicom.Tag) bool {
	g := tag.Group()
	return g == 0x0002 || g == 0x0004 || g == 0x0008
}

// candidates are the encodings there are, the most telling first. The last is in no standard, but in files.
var candidates = [...]encoding{{}, {bigEndian: true}, {implicit: true}, {implicit: true, bigEndian: true}}

// DetectTransferSyntax returns the transfer syntax that the first bytes of a data set are really in, which is the declared
// one unless they contradict it. What is declared may have an empty UID. Of an encapsulated syntax only the
// encoding is corrected: the UID still tells how the pixel data are compressed.
func DetectTransferSyntax(head []byte, declared dicom.TransferSyntax) dicom.TransferSyntax {
	if len(head) < shortHeader {
		return orDefault(declared)
	}
	if declared.Deflated {
		if n, known := survey(head, encoding{}); n < 2 || !known {
			return declared
		}
		return declaredAs(declared, encoding{})
	}
	switch enc, ok := detect(head); {
	case ok && declared.UID == "":
		return declaredAs(declared, enc)
	case ok && enc != encodingOf(declared) && contradicts(head, enc):
		return declaredAs(declared, enc)
	case ok, declared.UID != "" && declared.UID != dicom.ExplicitVRLittleEndian:
		return declared
	}
	if enc, ok := detect(inflateSome(head)); ok && enc == (encoding{}) {
		return dicom.LookupTransferSyntax(dicom.DeflatedExplicitVRLittleEndian)
	}
	return orDefault(declared)
}

// contradicts reports whether the bytes speak for an encoding that is not the declared one: a single element that could be
// implicit VR may also be one with a wrong VR.
func contradicts(head []byte, enc encoding) bool {
	n, _ := survey(head, enc)
	return n >= 2 || !enc.implicit
}

// orDefault returns Implicit VR Little Endian, the default transfer syntax (PS3.5 10.1), where none is declared.
func orDefault(declared dicom.TransferSyntax) dicom.TransferSyntax {
	if declared.UID == "" {
		return dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian)
	}
	return declared
}

// declaredAs returns the declared transfer syntax with its encoding corrected.
func declaredAs(declared dicom.TransferSyntax, enc encoding) dicom.TransferSyntax {
	ts := dicom.TransferSyntax{UID: declared.UID, Encapsulated: true}
	if !declared.Encapsulated || declared.UID == "" {
		uid := dicom.ExplicitVRLittleEndian
		if enc.bigEndian {
			uid = dicom.ExplicitVRBigEndian
		} else if enc.implicit {
			uid = dicom.ImplicitVRLittleEndian
		}
		ts = dicom.LookupTransferSyntax(uid)
	}
	ts.ImplicitVR, ts.BigEndian = enc.implicit, enc.bigEndian
	return ts
}

// detect returns the first encoding in which the bytes begin with plausible elements.
func detect(head []byte) (encoding, bool) {
	for _, enc := range candidates {
		if n, _ := survey(head, enc); n > 0 {
			return enc, true
		}
	}
	return encoding{}, false
}

// survey counts the elements that head begins with when read in an encoding, 0 when one of them
// makes no sense: a group number beyond 00FF in the first, a lower tag than the one before, an unknown VR, an absurd
// length. It stops where a value leads out of head. Known reports that the dictionary has all of them.
func survey(head []byte, enc encoding) (n int, known bool) {
	last := dicom.Tag(0)
	for known = true; len(head) >= shortHeader; n++ {
		tag := enc.tag(head)
		if n == 0 && (tag.Group() > 0x00FF || tag.Group() == 0) {
			return 0, false
		}
		if n > 0 && tag <= last {
			return min(n-1, 1), false
		}
		last = tag
		size, length, ok := surveyHeader(head, enc)
		if !ok {
			return 0, false
		}
		if !tag.IsPrivate() && !tag.IsGroupLength() && dict.VRFor(tag) == dicom.VRUN {
			known = false
		}
		if int64(size)+int64(length) > int64(len(head)) {
			return n + 1, known
		}
		head = head[size+int(length):]
	}
	return n, known
}

// surveyHeader returns size of header and length of the value of the element that head begins with.
func surveyHeader(head []byte, enc encoding) (size int, length uint32, ok bool) {
	if enc.implicit {
		length = enc.uint32(head[4:])
		return shortHeader, length, length <= plausible || length == UndefinedLength
	}
	vr := dicom.ParseVR(head[4], head[5])
	switch {
	case !vr.Known():
		return 0, 0, false
	case !vr.LongForm():
		return shortHeader, uint32(enc.uint16(head[6:])), true
	case len(head) < longHeader:
		return shortHeader, UndefinedLength, true
	}
	length = enc.uint32(head[8:])
	return longHeader, length, length <= plausible || length == UndefinedLength
}

// inflateSome inflates as much of head as it can.
func inflateSome(head []byte) []byte {
	b := make([]byte, sniffSize)
	n, _ := io.ReadFull(flate.NewReader(bytes.NewReader(head)), b)
	return b[:n]
}
