package rest

import (
	"context"
	"fmt"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/pixels"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// unpacker turns compressed frames of a transfer syntax into uncompressed ones; nil if there is no way.
func unpacker(syntax dicom.UID) func([]byte, *pixels.Layout) ([]byte, *pixels.Layout, error) {
	switch syntax {
	case dicom.RLELossless:
		return pixels.UnpackRLE
	case dicom.JPEGBaseline8Bit, dicom.JPEGExtended12Bit, dicom.JPEGLossless, dicom.JPEGLosslessSV1,
		dicom.JPEGSpectralSelectionNonHierarchical68, dicom.JPEGFullProgressionNonHierarchical1012:
		return pixels.UnpackJPEG
	}
	return nil
}

// notDecoded is the error of pixel data that there is no decoder for.
func notDecoded(syntax dicom.UID) error {
	return fmt.Errorf("%w: transfer syntax %s", pixels.ErrUnsupported, syntax)
}

// packedExcess is how many bytes a compressed frame may have beyond twice those of an uncompressed one.
const packedExcess = 1 << 16

// eachFrame decodes frames of an instance, from a number on and so many (-1: all), and gives them to use one after the
// other. One is held at a time. The layout of the picture is that of the decoded frames.
func (s *Server) eachFrame(ctx context.Context, id index.ID, first, count int,
	use func(*picture, *pixels.Frame) error) error {
	var packed fragments
	compressed := false
	err := s.readInstance(ctx, id, func(file *codec.File) error {
		p, h, end, err := readUpTo(file, first, count)
		if err != nil {
			return err
		}
		if h.Kind == codec.KindElement {
			swapped := file.TransferSyntax.BigEndian && p.layout.Allocated == 8 && h.VR == dicom.VROW
			return p.plainFrames(file.Reader, h, swapped, first, end, use)
		}
		if unpacker(file.TransferSyntax.UID) == nil {
			return notDecoded(file.TransferSyntax.UID)
		}
		if _, err := p.layout.Unpacked(); err != nil {
			return err
		}
		compressed = true
		return packed.read(file.Reader, h)
	})
	if err != nil || !compressed {
		return err
	}
	return s.readInstance(ctx, id, func(file *codec.File) error {
		p, h, end, err := readUpTo(file, first, count)
		if err != nil {
			return err
		}
		w := fragmentWalk{r: file.Reader, pixels: h, next: -1}
		return p.packedFrames(&w, &packed, unpacker(file.TransferSyntax.UID), first, end, use)
	})
}

// readUpTo reads what readPicture does, and finds the number behind the last of the frames that are asked for.
func readUpTo(file *codec.File, first, count int) (p *picture, h codec.Header, end int, err error) {
	if p, h, err = readPicture(file); err != nil {
		return nil, h, 0, err
	}
	end, err = p.end(first, count)
	return p, h, end, err
}

// end is the number behind the last of some frames.
func (p *picture) end(first, count int) (int, error) {
	if count < 0 {
		count = p.frames - first
	}
	if first < 0 || count < 0 || first+count > p.frames {
		return 0, errNoFrame
	}
	return first + count, nil
}

// plainFrames reads uncompressed frames. Bytes in 16-bit words (OW) lie the other way round in big endian (PS3.5 8.1.1).
func (p *picture) plainFrames(r io.Reader, h codec.Header, swapped bool, first, end int,
	use func(*picture, *pixels.Frame) error) error {
	if err := p.layout.Check(); err != nil {
		return err
	}
	size := p.layout.Size()
	if int64(end)*size > int64(h.Length) {
		return errNoFrame
	}
	if swapped {
		r = &swapReader{r: r}
	}
	if _, err := io.CopyN(io.Discard, r, int64(first)*size); err != nil {
		return err
	}
	data := make([]byte, size)
	for range end - first {
		if _, err := io.ReadFull(r, data); err != nil {
			return err
		}
		frame, err := pixels.Decode(data, &p.layout)
		if err != nil {
			return err
		}
		if err := use(p, frame); err != nil {
			return err
		}
	}
	return nil
}

// packedFrames reads compressed frames; one that is much larger than it would be uncompressed is refused unread.
func (p *picture) packedFrames(w *fragmentWalk, packed *fragments,
	unpack func([]byte, *pixels.Layout) ([]byte, *pixels.Layout, error),
	first, end int, use func(*picture, *pixels.Frame) error) error {
	stored := p.layout
	var data limitedBuffer
	for number := first; number < end; number++ {
		from, to, ok := packed.of(number, p.frames)
		if !ok {
			return errNoFrame
		}
		data.b, data.left = data.b[:0], 0
		for _, length := range packed.lengths[from:to] {
			data.left += int64(length)
		}
		if data.left > 2*stored.Size()+packedExcess {
			return fmt.Errorf("%w: a compressed frame of %d bytes", pixels.ErrUnsupported, data.left)
		}
		if err := w.copy(&data, from, to); err != nil {
			return err
		}
		plain, layout, err := unpack(data.b, &stored)
		if err != nil {
			return &apiError{Code: statusBadFileFormat, Err: err,
				Details: fmt.Sprintf("Frame %d cannot be decoded: %s", number, reason(err))}
		}
		frame, err := pixels.Decode(plain, layout)
		if err != nil {
			return err
		}
		p.layout = *layout
		if err := use(p, frame); err != nil {
			return err
		}
	}
	return nil
}

// limitedBuffer takes so many bytes and no more.
type limitedBuffer struct {
	b    []byte
	left int64
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, &apiError{Code: jobs.CodeInternal, Details: "a frame has grown while it was read"}
	}
	l.b = append(l.b, p...)
	return len(p), nil
}

// swapReader exchanges the bytes of each pair.
type swapReader struct {
	r       io.Reader
	second  byte // of a pair that was taken by half
	pending bool
}

func (s *swapReader) Read(p []byte) (int, error) {
	switch {
	case len(p) == 0:
		return 0, nil
	case s.pending:
		p[0], s.pending = s.second, false
		return 1, nil
	case len(p) == 1:
		var pair [2]byte
		if _, err := io.ReadFull(s.r, pair[:]); err != nil {
			return 0, err
		}
		p[0], s.second, s.pending = pair[1], pair[0], true
		return 1, nil
	}
	n, err := io.ReadFull(s.r, p[:len(p)&^1])
	n &^= 1
	for i := 0; i < n; i += 2 {
		p[i], p[i+1] = p[i+1], p[i]
	}
	return n, err
}
