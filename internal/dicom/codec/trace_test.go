package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

var (
	implicitLE = dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian)
	explicitLE = dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian)
	explicitBE = dicom.LookupTransferSyntax(dicom.ExplicitVRBigEndian)
	deflated   = dicom.LookupTransferSyntax(dicom.DeflatedExplicitVRLittleEndian)
	jpeg       = dicom.LookupTransferSyntax(dicom.JPEGBaseline8Bit)
)

// The bytes of the tests are put together from these, a line of PS3.5 7.1 each; u stands for an undefined length.

const u = 0xFFFFFFFF

func tagLE(tag uint32) string {
	return string([]byte{byte(tag >> 16), byte(tag >> 24), byte(tag), byte(tag >> 8)})
}
func tagBE(tag uint32) string { return string(binary.BigEndian.AppendUint32(nil, tag)) }
func u16LE(n int) string      { return string(binary.LittleEndian.AppendUint16(nil, uint16(n))) }
func u16BE(n int) string      { return string(binary.BigEndian.AppendUint16(nil, uint16(n))) }
func u32LE(n int) string      { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
func u32BE(n int) string      { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }

func short(tag uint32, vr, value string) string {
	return tagLE(tag) + vr + u16LE(len(value)) + value
}

func shortBE(tag uint32, vr, value string) string {
	return tagBE(tag) + vr + u16BE(len(value)) + value
}

func long(tag uint32, vr, value string) string { return head(tag, vr, len(value)) + value }

func head(tag uint32, vr string, length int) string {
	return tagLE(tag) + vr + "\x00\x00" + u32LE(length)
}

func headBE(tag uint32, vr string, length int) string {
	return tagBE(tag) + vr + "\x00\x00" + u32BE(length)
}

func implicit(tag uint32, value string) string { return bare(tag, len(value)) + value }

func bare(tag uint32, length int) string   { return tagLE(tag) + u32LE(length) }
func bareBE(tag uint32, length int) string { return tagBE(tag) + u32BE(length) }

func item(content string) string     { return bare(0xFFFEE000, len(content)) + content }
func itemOpen(content string) string { return bare(0xFFFEE000, u) + content + itemEnd }

var (
	itemEnd = bare(0xFFFEE00D, 0)
	seqEnd  = bare(0xFFFEE0DD, 0)
)

// trace writes down what a Reader gives, a line per header, and the error that ends it unless it is io.EOF.
func trace(d *codec.Reader) string {
	var b strings.Builder
	for {
		h, err := d.Next()
		if err == nil {
			err = traceHeader(&b, d, h)
		}
		if errors.Is(err, io.EOF) {
			if d.Truncated() {
				b.WriteString("truncated\n")
			}
			return b.String()
		}
		if err != nil {
			fmt.Fprintf(&b, "error: %v\n", err)
			return b.String()
		}
	}
}

func traceHeader(b *strings.Builder, d *codec.Reader, h codec.Header) error {
	b.WriteString(strings.Repeat("  ", h.Depth))
	length := fmt.Sprint(h.Length)
	if h.Undefined() {
		length = "u/l"
	}
	mark := ""
	if h.Delimited {
		mark = " delimited"
	}
	if h.Uneven {
		mark += " uneven"
	}
	switch h.Kind {
	case codec.KindElement:
		v, err := d.Value()
		fmt.Fprintf(b, "%s %s %q\n", h.Tag, h.VR, v)
		return err
	case codec.KindFragment, codec.KindPadding:
		v, err := d.Value()
		fmt.Fprintf(b, "%s %q\n", h.Kind, v)
		return err
	case codec.KindSequence, codec.KindFragments:
		fmt.Fprintf(b, "%s %s %s\n", h.Tag, h.VR, length)
	case codec.KindItem:
		fmt.Fprintf(b, "item %s\n", length)
	default:
		fmt.Fprintf(b, "%s%s\n", h.Kind, mark)
	}
	return nil
}

// readCase is a data set and what a Reader makes of it.
type readCase struct {
	name string // with the section of the standard
	ts   dicom.TransferSyntax
	in   string
	want string
}

// run reads from memory and from a stream of single bytes, and writes the same bytes back.
func (c readCase) run(t *testing.T) {
	t.Helper()
	want := strings.TrimLeft(strings.ReplaceAll(c.want, "\t", ""), "\n")
	if got := trace(codec.NewReaderBytes([]byte(c.in), c.ts, codec.Limits{})); got != want {
		t.Errorf("from memory\n%swant\n%s", got, want)
	}
	if got := trace(codec.NewReader(iotest.OneByteReader(strings.NewReader(c.in)), c.ts, codec.Limits{})); got != want {
		t.Errorf("from a stream\n%swant\n%s", got, want)
	}
	if strings.Contains(want, "error: ") {
		return
	}
	if got := rewrite(t, codec.NewReader(strings.NewReader(c.in), c.ts, codec.Limits{}), c.ts); !bytes.Equal(got, []byte(c.in)) {
		t.Errorf("written back\n%x, read\n%x", got, c.in)
	}
}

func runCases(t *testing.T, cases []readCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}
