package codec_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// Walk a data set up to its pixel data, which is never read.
func ExampleReader() {
	stream := strings.NewReader(short(0x00080060, "CS", "CT") +
		head(0x00081140, "SQ", u) + itemOpen(short(0x00081155, "UI", "1.2\x00")) + seqEnd +
		head(0x7FE00010, "OW", 512<<10))
	d := codec.NewReader(stream, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian), codec.Limits{})
	for {
		h, err := d.Next()
		if errors.Is(err, io.EOF) || h.Tag == dicom.TagPixelData {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		if h.Kind == codec.KindElement {
			v, _ := d.Value()
			fmt.Printf("%s %s %q\n", d.Path(), h.VR, v)
		}
	}
	// Output:
	// (0008,0060) CS "CT"
	// (0008,1140)[0].(0008,1155) UI "1.2\x00"
}
