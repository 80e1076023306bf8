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
		{"image-int16", "numbers cut to 16 bits with a sign", plain(func(f *pixels.Frame) image.Image { return f.Clamped16(true) })},
		{"image-uint16", "numbers cut to 16 bits", plain(func(f *pixels.Frame) image.Image { return f.Clamped16(false) })},
		{"image-uint8", "numbers cut to 8 bits", plain(func(f *pixels.Frame) image.Image { return f.Clamped8() })},
		{"preview", "from the lowest number to the highest", plain(func(f *pixels.Frame) image.Image { return f.Preview() })},
		{"rendered", "through a window; ?window-center, ?window-width, ?width, ?height and ?smooth", rendered},
	}
}

// plain makes a view of what a frame alone shows.
func plain(show func(*pixels.Frame) image.Image) view {
	return func(_ *Call, f *pixels.Frame, _ *picture) (image.Image, error) { return show(f), nil }
}

func imageRoutes() []Route {
	var table []Route
	for _, v := range views() {
		serve, about := showFrame(v.view), " as a picture, "+v.summary+"; PNG, or as Accept says"
		table = append(table,
			Route{http.MethodGet, "/instances/{id}/" + v.name, "The first frame" + about, serve},
			Route{http.MethodGet, "/instances/{id}/frames/{frame}/" + v.name, "A frame" + about, serve})
	}
	return table
}

// errInColor is the answer where a view of numbers is asked of an image in color.
var errInColor = &apiError{Code: statusUnsupportedMedia,
	Details: "This view shows numbers, and the image is in color; preview and rendered show it"}

// showFrame answers with a picture: 415 for pixel data that is not decoded, as Orthanc answers then.
func showFrame(show view) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		number := int64(0)
		if text, given := c.params["frame"]; given {
			var err error
			if number, err = strconv.ParseInt(text, 10, 32); err != nil {
				return errNoAnswer
			}
		}
		encode := c.pictureFormat()
		id, err := index.ParseID(c.Param("id"))
		if err != nil || encode == nil {
			return errNoAnswer
		}
		held := &heldPicture{to: c.w, budget: s.pictures}
		defer held.free()
		if err := s.makePicture(c, id, int(number), show, func(shown image.Image) error { return encode(held, shown) }); err != nil {
			return err
		}
		return held.send()
	}
}

// makePicture decodes a frame and encodes the picture of it, one of a few that are made at a time.
func (s *Server) makePicture(c *Call, id index.ID, number int, show view, encode func(image.Image) error) error {
	if err := s.decodes.Acquire(c.Request.Context(), 1); err != nil {
		return err
	}
	defer s.decodes.Release(1)
	p, frame, err := s.decode(c, id, number)
	switch {
	case isGone(err):
		return errNoAnswer
	case err != nil && c.Request.Context().Err() != nil:
		return err
	case err != nil:
		s.log.Info("a frame cannot be shown", "instance", id, "error", err)
		return &apiError{Code: statusUnsupportedMedia, Details: "This frame cannot be shown: " + reason(err)}
	}
	shown, err := show(c, frame, p)
	if err != nil {
		return err
	}
	return encode(shown)
}

// reason is what users are told of an error.
func reason(err error) string {
	var own *apiError
	switch {
	case errors.As(err, &own) && own.Details != "":
		return own.Details
	case errors.Is(err, io.EOF):
		return "there is no pixel data, or less than there should be"
	}
	return strings.TrimPrefix(err.Error(), "pixels: ")
}

// decode reads a frame and what is needed to show it.
func (s *Server) decode(c *Call, id index.ID, number int) (p *picture, frame *pixels.Frame, err error) {
	err = s.eachFrame(c.Request.Context(), id, number, 1, func(of *picture, decoded *pixels.Frame) error {
		p, frame = of, decoded
		return nil
	})
	return p, frame, err
}

// rendered shows a frame as the arguments of the route "rendered" say.
func rendered(c *Call, f *pixels.Frame, p *picture) (image.Image, error) {
	query := c.Request.URL.Query()
	w := p.window
	for name, to := range map[string]*float64{"window-center": &w.Center, "window-width": &w.Width} {
		if query.Has(name) {
			v, err := strconv.ParseFloat(query.Get(name), 64)
			if err != nil {
				return nil, errNoAnswer
			}
			*to = v
		}
	}
	var sides [2]int
	for i, name := range []string{"width", "height"} {
		if query.Has(name) {
			v, err := strconv.ParseUint(query.Get(name), 10, 24)
			if err != nil {
				return nil, errNoAnswer
			}
			sides[i] = int(v) //nolint:gosec // 24 bits
		}
	}
	smooth := false
	if query.Has("smooth") {
		var err error
		if smooth, err = truth(query.Get("smooth")); err != nil {
			return nil, &apiError{Code: statusUnsupportedMedia, Details: `The argument "smooth" must be 0, 1, false or true`}
		}
	}
	w.Width = max(w.Width, 1)
	shown, err := pixels.Fit(f.Render(w), sides[0], sides[1], smooth)
	if err != nil {
		return nil, fail(statusParameterOutOfRange, "This picture cannot be made: %v", err)
	}
	return shown, nil
}

// truth reads what Orthanc takes for a Boolean.
func truth(text string) (bool, error) {
	switch text {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, strconv.ErrSyntax
}

// pictureFormat chooses how a picture is sent by the Accept header, PNG if it does not care; nil if there is no way.
func (c *Call) pictureFormat() func(io.Writer, image.Image) error {
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

func (c *Call) sendPNG(out io.Writer, shown image.Image) error {
	if shown == nil {
		return errInColor
	}
	c.w.Header().Set("Content-Type", "image/png")
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return encoder.Encode(out, shown)
}

func (c *Call) sendJPEG(out io.Writer, shown image.Image) error {
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
		return errInColor
	}
	c.w.Header().Set("Content-Type", "image/jpeg")
	return jpeg.Encode(out, shown, &jpeg.Options{Quality: quality})
}

// sendPAM writes Netpbm's arbitrary map.
func (c *Call) sendPAM(out io.Writer, shown image.Image) error {
	if shown == nil {
		return errInColor
	}
	c.w.Header().Set("Content-Type", "image/x-portable-arbitrarymap")
	b := bufio.NewWriter(out)
	size := shown.Bounds().Size()
	head := func(depth, most int, kind string) {
		text := fmt.Sprintf("P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\nENDHDR\n", size.X, size.Y, depth, most, kind)
		c.w.Header().Set("Content-Length", strconv.Itoa(len(text)+size.X*size.Y*depth*(1+most>>15)))
		_, _ = b.WriteString(text)
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
