package rest

import (
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// frameRoutes give the frames of images as they are stored.
func frameRoutes() []Route {
	return []Route{
		{http.MethodGet, "/instances/{id}/frames", "The numbers of the frames, from 0", listFrames},
		{http.MethodGet, "/instances/{id}/frames/{frame}", "What can be asked of a frame",
			func(_ *Server, c *Call) error {
				return c.JSON([]string{"image-int16", "image-uint16", "image-uint8", "matlab", "numpy", "preview", "raw", "raw.gz", "rendered"})
			}},
		{http.MethodGet, "/instances/{id}/frames/{frame}/raw", "The bytes of a frame, as they are stored", rawFrame(false)},
		{http.MethodGet, "/instances/{id}/frames/{frame}/raw.gz", "The same, compressed with gzip", rawFrame(true)},
	}
}

// frameInfo is what the frames of an object depend on (PS3.3 C.7.6.3, C.7.6.6).
type frameInfo struct {
	frames                        int
	rows, columns, samples, depth int64
	syntax                        dicom.TransferSyntax
}

// frameSize is the number of bytes of an uncompressed frame, 0 if it is not known.
func (i *frameInfo) frameSize() int64 { return (i.rows*i.columns*i.samples*i.depth + 7) / 8 }

// readImage reads a data set up to its pixel data and stands there. With io.EOF there is none.
func readImage(file *codec.File) (im frameInfo, h codec.Header, err error) {
	im = frameInfo{frames: 1, samples: 1, syntax: file.TransferSyntax}
	for _, wanted := range []struct {
		tag dicom.Tag
		to  *int64
	}{{0x00280002, &im.samples}, {tagNumberOfFrames, nil}, {0x00280010, &im.rows}, {0x00280011, &im.columns}, {0x00280100, &im.depth}} {
		if h.Tag < wanted.tag {
			if h, err = seek(file.Reader, wanted.tag); err != nil {
				return im, h, err
			}
		}
		if h.Tag != wanted.tag || h.Kind != codec.KindElement {
			continue
		}
		value, err := file.Value()
		if err != nil {
			return im, h, err
		}
		if wanted.to == nil {
			if n, err := strconv.Atoi(strings.Trim(string(value), " \x00")); err == nil && n > 0 {
				im.frames = n
			}
		} else if len(value) >= 2 {
			*wanted.to = int64(im.order().Uint16(value))
		}
	}
	if h.Tag < dicom.TagPixelData {
		if h, err = seek(file.Reader, dicom.TagPixelData); err != nil {
			return im, h, err
		}
	}
	if h.Tag != dicom.TagPixelData {
		err = io.EOF
	}
	return im, h, err
}

func (i *frameInfo) order() binary.ByteOrder {
	if i.syntax.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func listFrames(s *Server, c *Call) error {
	id, err := c.resourceID()
	if err != nil {
		return err
	}
	frames := 1
	err = s.readInstance(c.Request.Context(), id, func(file *codec.File) error {
		im, h, err := readImage(file)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if frames = im.frames; h.Kind == codec.KindElement {
			frames = min(frames, 1+int(h.Length))
		}
		return err
	})
	if err != nil {
		return err
	}
	w := c.stream()
	w.Array()
	for i := range frames {
		w.Int(int64(i))
	}
	w.EndArray()
	return w.End()
}

// rawFrame answers with a frame. Nothing of it is sent before it is known to be there.
func rawFrame(zipped bool) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		number, err := strconv.ParseInt(c.Param("frame"), 10, 32)
		if err != nil {
			return errNoAnswer
		}
		id, err := c.resourceID()
		if err != nil {
			return err
		}
		var list fragments
		frames := 1
		err = s.readInstance(c.Request.Context(), id, func(file *codec.File) error {
			im, h, err := readImage(file)
			switch {
			case errors.Is(err, io.EOF):
				return fail(statusBadRequest, "This instance has no pixel data")
			case err != nil:
				return err
			case number < 0 || int(number) >= im.frames:
				return errNoFrame
			case h.Kind == codec.KindElement:
				return c.plainFrame(file.Reader, &im, int64(h.Length), number, zipped)
			}
			frames = im.frames
			return list.read(file.Reader, h)
		})
		if err != nil || len(list.lengths) == 0 {
			return err
		}
		from, to, ok := list.of(int(number), frames)
		if !ok {
			return errNoFrame
		}
		return s.readInstance(c.Request.Context(), id, func(file *codec.File) error {
			_, h, err := readImage(file)
			if err != nil {
				return err
			}
			return c.sendFrame(frameType(file.TransferSyntax.UID), zipped, func(w io.Writer) error {
				walk := fragmentWalk{r: file.Reader, pixels: h, next: -1}
				return walk.copy(w, from, to)
			})
		})
	}
}

// errNoFrame is the answer to the number of a frame that is not there.
var errNoFrame = fail(statusParameterOutOfRange, "There is no frame with this number")

// frameType is the MIME type of a frame.
func frameType(syntax dicom.UID) string {
	switch syntax {
	case dicom.JPEGBaseline8Bit:
		return "image/jpeg"
	case dicom.JPEG2000, dicom.JPEG2000Lossless:
		return "image/jp2"
	}
	return "application/octet-stream"
}

// sendFrame answers with what copy writes.
func (c *Call) sendFrame(contentType string, zipped bool, copy func(io.Writer) error) error {
	if !zipped {
		c.w.Header().Set("Content-Type", contentType)
		return copy(c.w)
	}
	c.w.Header().Set("Content-Type", "application/gzip")
	z, err := gzip.NewWriterLevel(c.w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := copy(z); err != nil {
		return err
	}
	return z.Close()
}

// plainFrame answers with a frame of uncompressed pixel data, in which the Reader stands.
func (c *Call) plainFrame(r io.Reader, im *frameInfo, length, number int64, zipped bool) error {
	size := im.frameSize()
	if size <= 0 || size > length/int64(im.frames) {
		size = length / int64(im.frames)
	}
	if (number+1)*size > length {
		return errNoFrame
	}
	if _, err := io.CopyN(io.Discard, r, number*size); err != nil {
		return err
	}
	return c.sendFrame("application/octet-stream", zipped, func(w io.Writer) error {
		_, err := io.CopyN(w, r, size)
		return err
	})
}
