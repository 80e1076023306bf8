package cli

import (
	"errors"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// convert turns a native little endian data set into Implicit VR Little Endian as it is read. Sequences get undefined
// lengths, since theirs change with the headers inside.
func convert(r io.ReadCloser, from dicom.TransferSyntax) io.ReadCloser {
	pr, pw := io.Pipe()
	go func() {
		err := errors.Join(rewrite(pw, r, from), r.Close())
		pw.CloseWithError(err) // nil is io.EOF to the reader
	}()
	return pr
}

func rewrite(w io.Writer, r io.Reader, from dicom.TransferSyntax) error {
	reader := codec.NewReader(r, from, codec.DefaultLimits())
	writer := codec.NewWriter(w, dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian))
	for {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return writer.Close()
		}
		if err != nil {
			return err
		}
		switch h.Kind {
		case codec.KindPadding:
			continue
		case codec.KindSequence, codec.KindItem:
			h.Length = codec.UndefinedLength
		case codec.KindSequenceEnd, codec.KindItemEnd:
			h.Delimited = true
		}
		if err := writer.WriteHeader(h); err != nil {
			return err
		}
		if h.Kind == codec.KindElement {
			if _, err := io.Copy(writer, reader); err != nil {
				return err
			}
		}
	}
}
