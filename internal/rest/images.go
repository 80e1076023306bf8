package rest

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/pixels"
	"gantry/internal/storage/index"
)

// view makes a picture of a frame; nil if there is none of this kind.
type view func(c *Call, f *pixels.Frame, p *picture) (image.Image, error)

// views are the kinds of pictures by the names of their routes.
func views() []struct {
	name, summary string
	view          view
} {
	return []struct {
		name, summary string
		view          view
	}{
		{"image-int16", "numbers cut to 16 bits with a sign", func(_ *Call, f *pixels.Frame, _ *picture) (image.Image, error) { return f.Clamped16(true), nil }},
		{"image-uint16", "numbers cut to 16 bits", func(_ *Call, f *pixels.Frame, _ *picture) (image.Image, error) { return f.Clamped16(false), nil }},
		{"image-uint8", "numbers cut to 8 bits", func(_ *Call, f *pixels.Frame, _ *picture) (image.Image, error) { return f.Clamped8(), nil }},
		{"preview", "from the lowest number to the highest", func(_ *Call, f *pixels.Frame, _ *picture) (image.Image, error) { return f.Preview(), nil }},
		{"rendered", "through a window; ?window-center, ?window-width, ?width and ?height", rendered},
	}
}

func imageRoutes() []Route {
	var table []Route
	for _, v := range views() {
		serve := showFrame(v.view)
		table = append(table,
			Route{http.MethodGet, "/instances/{id}/" + v.name, "The first frame as a picture, " + v.summary + "; PNG, or as Accept says", serve},
			Route{http.MethodGet, "/instances/{id}/frames/{frame}/" + v.name, "A frame as a picture, " + v.summary + "; PNG, or as Accept says", serve})
	}
	return table
}

var errNoDecoder = &emptyAnswer{http.StatusUnsupportedMediaType}

// showFrame answers with a picture: 415 for pixel data that is not decoded, as Orthanc answers then.
func showFrame(show view) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		number := uint64(0)
		if text, given := c.params["frame"]; given {
			var err error
			if number, err = strconv.ParseUint(text, 10, 31); err != nil {
				return errNoAnswer
			}
		}
		encode := c.pictureFormat()
		id, err := index.ParseID(c.Param("id"))
		if err != nil || encode == nil {
			return errNoAnswer
		}
		if err := s.decodes.Acquire(c.Request.Context(), 1); err != nil {
			return err
		}
		defer s.decodes.Release(1)
		p, frame, err := s.decode(c, id, int(number)) //nolint:gosec // 31 bits
		switch {
		case isGone(err):
			return errNoAnswer
		case err != nil && c.Request.Context().Err() != nil:
			return err
		case err != nil:
			s.log.Info("a frame cannot be shown", "instance", id, "error", err)
			return errNoDecoder
		}
		shown, err := show(c, frame, p)
		if err != nil {
			return err
		}
		return encode(shown)
	}
}

// decode reads a frame and what is needed to show it.
func (s *Server) decode(c *Call, id index.ID, number int) (p *picture, frame *pixels.Frame, err error) {
	var packed fragments
	var data []byte
	ctx := c.Request.Context()
	err = s.readInstance(ctx, id, func(file *codec.File) error {
		var h codec.Header
		if p, h, err = readPicture(file); err != nil {
			return err
		}
		if number >= p.frames {
			return errNoFrame
		}
		if err := p.layout.Check(); err != nil {
			return err
		}
		if h.Kind != codec.KindElement {
			if file.TransferSyntax.UID != rleLossless {
				return pixels.ErrUnsupported
			}
			return packed.read(file.Reader, h)
		}
		size := p.layout.Size()
		if (int64(number)+1)*size > int64(h.Length) {
			return errNoFrame
		}
		swapped := file.TransferSyntax.BigEndian && p.layout.Allocated == 8 && h.VR == dicom.VROW
		var err error
		data, err = readPlain(file.Reader, int64(number)*size, size, swapped)
		return err
	})
	if err == nil && data == nil {
		data, err = s.unpackRLE(c, id, number, p, &packed)
	}
	if err != nil {
		return nil, nil, err
	}
	frame, err = pixels.Decode(data, &p.layout)
	return p, frame, err
}

// readPlain reads a part of uncompressed pixel data. Bytes in 16-bit words (OW) lie the other way round in big endian
// (PS3.5 8.1.1).
func readPlain(r io.Reader, at, size int64, swapped bool) ([]byte, error) {
	before := int64(0)
	if swapped {
		before = at % 2
	}
	if _, err := io.CopyN(io.Discard, r, at-before); err != nil {
		return nil, err
	}
	data := make([]byte, before+size, before+size+1)
	if swapped {
		data = data[:(before+size+1)&^1]
	}
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, err
	}
	for i := 0; swapped && i+1 < len(data); i += 2 {
		data[i], data[i+1] = data[i+1], data[i]
	}
	return data[before : before+size], nil
}

// unpackRLE reads an RLE frame; one that is much larger than it would be uncompressed is refused unread.
func (s *Server) unpackRLE(c *Call, id index.ID, number int, p *picture, packed *fragments) ([]byte, error) {
	from, to, ok := packed.of(number, p.frames)
	if !ok {
		return nil, errNoFrame
	}
	var size int64
	for _, length := range packed.lengths[from:to] {
		size += int64(length)
	}
	if size > 2*p.layout.Size()+1<<10 {
		return nil, fmt.Errorf("%w: an RLE frame of %d bytes", pixels.ErrUnsupported, size)
	}
	var data limitedBuffer
	err := s.readInstance(c.Request.Context(), id, func(file *codec.File) error {
		_, h, err := readImage(file)
		if err != nil {
			return err
		}
		data.left = size
		return copyFragments(&data, file.Reader, h, from, to)
	})
	if err != nil {
		return nil, err
	}
	plain, layout, err := pixels.Unpack(data.b, &p.layout)
	if err == nil {
		p.layout = *layout
	}
	return plain, err
}

// limitedBuffer takes so many bytes and no more.
type limitedBuffer struct {
	b    []byte
	left int64
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, errors.New("rest: a frame has grown while it was read")
	}
	l.b = append(l.b, p...)
	return len(p), nil
}

// rendered reads the arguments of the route "rendered".
func rendered(c *Call, f *pixels.Frame, p *picture) (image.Image, error) {
	query := c.Request.URL.Query()
	w := p.window
	for name, to := range map[string]*float64{"window-center": &w.Center, "window-width": &w.Width} {
		if query.Has(name) {
			v, err := strconv.ParseFloat(query.Get(name), 64)
			if err != nil || name == "window-width" && v <= 0 {
				return nil, errNoAnswer
			}
			*to = v
		}
	}
	var sides [2]int
	for i, name := range []string{"width", "height"} {
		if query.Has(name) {
			v, err := strconv.ParseUint(query.Get(name), 10, 15)
			if err != nil {
				return nil, errNoAnswer
			}
			sides[i] = int(v) //nolint:gosec // 15 bits
		}
	}
	return f.Fit(sides[0], sides[1]).Render(w), nil
}

// pictureFormat chooses how a picture is sent by the Accept header, PNG if it does not care; nil if there is no way.
func (c *Call) pictureFormat() func(image.Image) error {
	accept := c.Request.Header.Values("Accept")
	if len(accept) == 0 {
		return c.sendPNG
	}
	for entry := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, _, err := mime.ParseMediaType(strings.TrimSpace(entry))
		if err != nil {
			continue
		}
		switch kind {
		case "*/*", "image/*", "image/png":
			return c.sendPNG
		case "image/jpeg":
			return c.sendJPEG
		case "image/x-portable-arbitrarymap":
			return c.sendPAM
		}
	}
	return nil
}

func (c *Call) sendPNG(shown image.Image) error {
	if shown == nil {
		return errNoDecoder
	}
	c.w.Header().Set("Content-Type", "image/png")
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return encoder.Encode(c.w, shown)
}

func (c *Call) sendJPEG(shown image.Image) error {
	quality := 90
	if text := c.Request.URL.Query().Get("quality"); text != "" {
		var err error
		if quality, err = strconv.Atoi(text); err != nil || quality < 1 || quality > 100 {
			return fail(statusBadRequest, "Bad quality for a JPEG picture (1 to 100): %.20s", text)
		}
	}
	if _, deep := shown.(*image.Gray16); deep {
		return errNoAnswer
	}
	if shown == nil {
		return errNoDecoder
	}
	c.w.Header().Set("Content-Type", "image/jpeg")
	return jpeg.Encode(c.w, shown, &jpeg.Options{Quality: quality})
}

// sendPAM writes Netpbm's arbitrary map.
func (c *Call) sendPAM(shown image.Image) error {
	if shown == nil {
		return errNoDecoder
	}
	c.w.Header().Set("Content-Type", "image/x-portable-arbitrarymap")
	b := bufio.NewWriter(c.w)
	head := func(depth, most int, kind string) {
		_, _ = fmt.Fprintf(b, "P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\nENDHDR\n", shown.Bounds().Dx(), shown.Bounds().Dy(), depth, most, kind)
	}
	switch i := shown.(type) {
	case *image.Gray:
		head(1, 255, "GRAYSCALE")
		_, _ = b.Write(i.Pix)
	case *image.Gray16:
		head(1, 65535, "GRAYSCALE")
		_, _ = b.Write(i.Pix)
	case *image.NRGBA:
		head(3, 255, "RGB")
		for at := 0; at < len(i.Pix); at += 4 {
			_, _ = b.Write(i.Pix[at : at+3])
		}
	}
	return b.Flush() // with the first error
}
