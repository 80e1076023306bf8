package codec

import (
	"io"

	"gantry/internal/dicom"
)

// maxMeta bounds what file meta information takes in memory.
const maxMeta = 4 << 20

// File is a DICOM file (PS3.10) whose file meta information has been read. The Reader stands before its data set.
type File struct {
	Preamble bool           // 128 bytes and "DICM" were there
	Meta     *dicom.Dataset // group 0002; empty if there is none
	// TransferSyntax is what the data set is read with. It differs from what Meta says where the bytes do.
	TransferSyntax dicom.TransferSyntax
	DatasetOffset  int64 // where the data set begins. Deflated data sets count their offsets from there
	*Reader
}

// OpenFile reads the file meta information and finds out what transfer syntax the data set has. It takes files as they are:
// without preamble, without file meta information or with a wrong group length in it, with a missing or wrong transfer
// syntax. The error wraps ErrNotDICOM when neither "DICM" nor anything like an element is there.
func OpenFile(r io.Reader, lim Limits) (*File, error) {
	return open(NewReader(r, metaSyntax, lim), lim)
}

// OpenFileBytes is OpenFile for a file in memory. Values are parts of b.
func OpenFileBytes(b []byte, lim Limits) (*File, error) {
	return open(NewReaderBytes(b, metaSyntax, lim), lim)
}

var metaSyntax = dicom.TransferSyntax{UID: dicom.ExplicitVRLittleEndian} // PS3.10 7.1

func open(d *Reader, lim Limits) (*File, error) {
	f := &File{Reader: d}
	prefix := f.skipPreamble()
	if err := f.readMeta(); err != nil {
		return nil, err
	}
	f.DatasetOffset = d.src.offset()
	if err := f.detect(prefix || len(f.Meta.Elements) > 0); err != nil {
		return nil, err
	}
	d.begin(f.TransferSyntax, lim)
	if d.err != nil {
		return nil, d.err
	}
	return f, nil
}

// skipPreamble passes over preamble and prefix, and reports whether the prefix was there. Some files have no more than that.
func (f *File) skipPreamble() bool {
	b := f.src.window(preambleSize + 4)
	switch {
	case len(b) >= preambleSize+4 && string(b[preambleSize:preambleSize+4]) == "DICM":
		f.src.pos += preambleSize + 4
		f.Preamble = true
	case len(b) >= 4 && string(b[:4]) == "DICM":
		f.src.pos += 4
	default:
		return false
	}
	return true
}

// readMeta reads the elements of group 0002, wherever they end: their group length is often wrong or missing.
func (f *File) readMeta() error {
	enc, ok := metaEncoding(f.src.window(longHeader))
	f.Meta = &dicom.Dataset{BigEndian: enc.bigEndian}
	f.cur.enc = enc
	for total := int64(0); ok; {
		b := f.src.window(longHeader)
		if len(b) < shortHeader || enc.tag(b).Group() != 0x0002 {
			break
		}
		h, err := f.Next()
		if err != nil {
			return err
		}
		if total += int64(h.Length); total > maxMeta {
			return &LimitError{Offset: h.Offset, Path: f.Path(), Limit: "MaxValue", Value: total, Max: maxMeta}
		}
		e, err := f.Element()
		if err != nil {
			return err
		}
		f.Meta.Elements = append(f.Meta.Elements, e)
	}
	return nil
}

// metaEncoding returns the encoding of file meta information that begins with b, and whether it is some.
func metaEncoding(b []byte) (encoding, bool) {
	if len(b) < shortHeader {
		return encoding{}, false
	}
	for _, enc := range candidates {
		if enc.tag(b).Group() == 0x0002 && (enc.implicit || dicom.ParseVR(b[4], b[5]).Known()) {
			return enc, true
		}
	}
	return encoding{}, false
}

// detect sets the transfer syntax. What has no sign of a DICOM file before the data set needs one in it.
func (f *File) detect(marked bool) error {
	head := f.src.window(sniffSize)
	if err := f.streamError(); err != nil {
		return err
	}
	var declared dicom.TransferSyntax
	if uid := f.Meta.UID(dicom.TagTransferSyntaxUID); uid != "" {
		declared = dicom.LookupTransferSyntax(uid)
	}
	f.TransferSyntax = DetectTransferSyntax(head, declared)
	if marked || SniffDICOM(head) {
		return nil
	}
	if _, ok := detect(head); !ok {
		return &SyntaxError{Offset: f.DatasetOffset, Reason: "neither DICM nor a data element is here", Err: ErrNotDICOM}
	}
	return nil
}
