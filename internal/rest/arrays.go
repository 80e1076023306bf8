package rest

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/klauspost/compress/flate"

	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/pixels"
	"gantry/internal/storage/index"
)

// arrayRoutes give the pixels of frames as arrays for programs.
func arrayRoutes() []Route {
	const numpy = " as an array of NumPy; ?rescale (true unless said otherwise), ?compress for NPZ"
	return []Route{
		{http.MethodGet, "/series/{id}/numpy", "The frames of a series, in the order of its slices," + numpy, seriesNumpy},
		{http.MethodGet, "/instances/{id}/numpy", "All frames" + numpy, instanceNumpy},
		{http.MethodGet, "/instances/{id}/frames/{frame}/numpy", "A frame" + numpy, frameNumpy},
		{http.MethodGet, "/instances/{id}/matlab", "The first frame as a matrix of MATLAB or Octave", matlab},
		{http.MethodGet, "/instances/{id}/frames/{frame}/matlab", "A frame as a matrix of MATLAB or Octave", matlab},
	}
}

// stretch is frames of an instance that belong to an array.
type stretch struct {
	id           index.ID
	first, count int
}

func seriesNumpy(s *Server, c *Call) error {
	id, err := c.resourceID()
	if err != nil {
		return err
	}
	list, _, err := s.slicesInOrder(c.Request.Context(), id)
	if err != nil {
		return err
	}
	parts := make([]stretch, len(list))
	for i := range list {
		parts[i].id = list[i].id
	}
	return s.sendNumpy(c, parts, true)
}

func instanceNumpy(s *Server, c *Call) error {
	id, err := c.resourceID()
	if err != nil {
		return err
	}
	return s.sendNumpy(c, []stretch{{id: id}}, true)
}

func frameNumpy(s *Server, c *Call) error {
	id, number, err := c.frameNumber()
	if err != nil {
		return err
	}
	return s.sendNumpy(c, []stretch{{id, number, 1}}, false)
}

// frameNumber reads the parameters of a route about a frame, the first one if it names none.
func (c *Call) frameNumber() (id index.ID, number int, err error) {
	if text, given := c.params["frame"]; given {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return id, 0, fail(statusParameterOutOfRange, "The number of a frame must be a whole number, found: %.20q", text)
		}
		number = int(n) //nolint:gosec // 31 bits
	}
	id, err = c.resourceID()
	return id, number, err
}

// boolean reads an argument of the query.
func (c *Call) boolean(name string, otherwise bool) (bool, error) {
	if !c.Request.URL.Query().Has(name) {
		return otherwise, nil
	}
	text := c.Request.URL.Query().Get(name)
	value, err := truth(text)
	if err != nil && text != "" { // "?name" alone says yes
		return false, fail(statusParameterOutOfRange, "The argument %q must be 0, 1, false or true, found: %.20q", name, text)
	}
	return value || text == "", nil
}

// array is what all frames of an array have in common, and how it is sent.
type array struct {
	width, height, channels int
	numbers                 pixels.Numbers
	rescaled, compressed    bool
	stacked                 bool // the frames have a dimension of their own
	frames                  int
	memory                  int64 // pixels of a frame, as far as they count
}

// sendNumpy answers with frames as an array. All instances are looked at before the first byte is sent, and no more than a
// frame is held at a time.
func (s *Server) sendNumpy(c *Call, parts []stretch, stacked bool) (err error) {
	a := &array{stacked: stacked}
	if a.rescaled, err = c.boolean("rescale", true); err != nil {
		return err
	}
	if a.compressed, err = c.boolean("compress", false); err != nil {
		return err
	}
	if err := s.measure(c.Request.Context(), parts, a); err != nil {
		return err
	}
	var out io.Writer
	var archive *zip.Writer
	err = s.arrayFrames(c.Request.Context(), parts, a, func(p *picture, f *pixels.Frame) error {
		if out == nil {
			a.begin(p, f)
			if out, archive, err = a.open(c); err != nil {
				return err
			}
		}
		if err := a.fits(p, f); err != nil {
			return err
		}
		return a.write(out, f, p.window)
	})
	if err == nil && archive != nil {
		err = archive.Close()
	}
	return err
}

// measure counts the frames of an array and makes sure that their attributes agree.
func (s *Server) measure(ctx context.Context, parts []stretch, a *array) error {
	var first *picture
	for i := range parts {
		part := &parts[i]
		err := s.readInstance(ctx, part.id, func(file *codec.File) error {
			p, _, err := readPicture(file)
			if err != nil {
				return err
			}
			if part.count == 0 {
				part.count = p.frames
			}
			if _, err := p.end(part.first, part.count); err != nil {
				return err
			}
			if a.frames += part.count; first == nil {
				first, a.memory = p, min(int64(p.layout.Rows)*int64(p.layout.Columns), pixels.MaxPixels)
			}
			return first.agrees(p)
		})
		if err != nil {
			return arrayError(err)
		}
	}
	if first == nil {
		return &apiError{Code: statusImageSize, HTTP: http.StatusUnsupportedMediaType, Details: "There is no image"}
	}
	return nil
}

// errFormatVaries is the answer to frames that have no place in one array.
var errFormatVaries = &apiError{Code: statusImageFormat, HTTP: http.StatusUnsupportedMediaType,
	Details: "The pixel format of the frames varies across the instances"}

// agrees holds the attributes of another image to those of this one.
func (p *picture) agrees(with *picture) error {
	a, b := &p.layout, &with.layout
	switch {
	case a.Rows != b.Rows || a.Columns != b.Columns:
		return &apiError{Code: statusImageSize, HTTP: http.StatusUnsupportedMediaType, Details: fmt.Sprintf(
			"The size of the frames varies across the instances: %d x %d and %d x %d", a.Columns, a.Rows, b.Columns, b.Rows)}
	case a.Samples != b.Samples || a.Signed != b.Signed || a.Allocated != b.Allocated || (a.Palette == nil) != (b.Palette == nil):
		return errFormatVaries
	}
	return nil
}

// arrayFrames decodes the frames of an array, one after the other, within the memory that all arrays share.
func (s *Server) arrayFrames(ctx context.Context, parts []stretch, a *array, use func(*picture, *pixels.Frame) error) error {
	if err := s.arrays.Acquire(ctx, a.memory); err != nil {
		return err
	}
	defer s.arrays.Release(a.memory)
	for _, part := range parts {
		if err := s.eachFrame(ctx, part.id, part.first, part.count, use); err != nil {
			return arrayError(err)
		}
	}
	return nil
}

// arrayError answers 415 for what cannot be decoded: it is nothing that the server has done wrong.
func arrayError(err error) error {
	if errors.Is(err, pixels.ErrUnsupported) || errors.Is(err, io.EOF) {
		return &apiError{Code: statusNotImplemented, HTTP: http.StatusUnsupportedMediaType, Err: err,
			Details: "There is no array of this: " + reason(err)}
	}
	return err
}

func (a *array) begin(p *picture, f *pixels.Frame) {
	a.width, a.height, a.channels, a.numbers = f.Width, f.Height, f.Channels(), f.Numbers(&p.layout, a.rescaled)
}

// fits reports frames that turn out to be others than those before.
func (a *array) fits(p *picture, f *pixels.Frame) error {
	if f.Width != a.width || f.Height != a.height || f.Channels() != a.channels || f.Numbers(&p.layout, a.rescaled) != a.numbers {
		return errFormatVaries
	}
	return nil
}

// open begins the answer.
func (a *array) open(c *Call) (io.Writer, *zip.Writer, error) {
	head := a.header()
	c.w.Header().Set("Content-Type", "application/octet-stream")
	if !a.compressed {
		size := int64(len(head)) + int64(a.frames)*int64(a.width)*int64(a.height)*int64(a.channels)*int64(a.numbers.Size())
		c.w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		_, err := c.w.Write(head)
		return c.w, nil, err
	}
	archive := zip.NewWriter(c.w)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	out, err := archive.CreateHeader(&zip.FileHeader{Name: "arr_0", Method: zip.Deflate, Modified: time.Now()})
	if err == nil {
		_, err = out.Write(head)
	}
	return out, archive, err
}

// header is what comes before the numbers: version 1.0 of the NPY format, a multiple of 64 bytes.
func (a *array) header() []byte {
	kinds := map[pixels.Numbers]string{pixels.Bytes: "<u1", pixels.Unsigned: "<u2", pixels.Signed: "<i2", pixels.Floats: "<f4"}
	frames := ""
	if a.stacked {
		frames = fmt.Sprintf("%d, ", a.frames)
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s%d,%d,%d), }",
		kinds[a.numbers], frames, a.height, a.width, a.channels)
	const magic = "\x93NUMPY\x01\x00"
	length := (len(magic)+2+len(text)+1+63)&^63 - len(magic) - 2
	return fmt.Appendf(nil, "%s%c%c%-*s\n", magic, length&0xff, length>>8, length-1, text)
}

// arrayBudget is how many pixels of frames all arrays that are being sent may hold together.
const arrayBudget = 4 * pixels.MaxPixels

// arrayPiece is about how many bytes are converted at once.
const arrayPiece = 1 << 16

// write sends the samples of a frame.
func (a *array) write(out io.Writer, f *pixels.Frame, w pixels.Window) error {
	line := a.width * a.channels * a.numbers.Size()
	lines := max(1, arrayPiece/line)
	buffer := make([]byte, 0, lines*line)
	for from := 0; from < a.height; from += lines {
		buffer = f.AppendNumbers(buffer[:0], a.numbers, w, from, min(from+lines, a.height))
		if _, err := out.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}

// matlab answers with a frame as the text of a matrix.
func matlab(s *Server, c *Call) error {
	if _, err := strconv.ParseUint(cmp.Or(c.params["frame"], "0"), 10, 31); err != nil {
		return errNoAnswer
	}
	id, number, err := c.frameNumber()
	if err != nil {
		return err
	}
	parts, a := []stretch{{id, number, 1}}, &array{}
	if err := s.measure(c.Request.Context(), parts, a); err != nil {
		return err
	}
	return s.arrayFrames(c.Request.Context(), parts, a, func(_ *picture, f *pixels.Frame) error {
		c.w.Header().Set("Content-Type", "text/plain")
		return writeMatlab(c.w, f)
	})
}

// writeMatlab writes a matrix line by line, or that of a picture in colors as a list whose first dimension are the colors.
func writeMatlab(out io.Writer, f *pixels.Frame) error {
	before, between, after := "double([ ", "; ", "])"
	if f.Channels() == 3 {
		before, between = "double(permute(reshape([ ", ""
		after = fmt.Sprintf("], [ 3 %d %d ]), [ 3 2 1 ]))", f.Width, f.Height)
	}
	text := make([]byte, 0, arrayPiece)
	text = append(text, before...)
	for y := range f.Height {
		if y > 0 {
			text = append(text, between...)
		}
		if text = f.AppendText(text, y); len(text) >= arrayPiece {
			if _, err := out.Write(text); err != nil {
				return err
			}
			text = text[:0]
		}
	}
	_, err := out.Write(append(text, after...))
	return err
}
