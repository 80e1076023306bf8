package cli

import (
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// everybodys is the transfer syntax that every peer has to take (PS3.5 10.1).
func everybodys() dicom.TransferSyntax {
	return dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian)
}

// convertible tells whether the object can be sent in everybody's transfer syntax: its pixel data is not compressed.
func (o *object) convertible() bool { return codec.Convertible(o.syntax, everybodys()) }

// convert gives a data set in everybody's transfer syntax as it is read.
func convert(r io.ReadCloser, from dicom.TransferSyntax) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{codec.Convert(r, from, everybodys(), codec.DefaultLimits()), r}
}
