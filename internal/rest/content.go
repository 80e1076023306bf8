package rest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// contentRoutes give the raw values of elements (Orthanc route /instances/{id}/content).
func contentRoutes() []Route {
	return []Route{
		{http.MethodGet, "/instances/{id}/content", "The tags of an instance", instanceContent},
		{http.MethodGet, "/instances/{id}/content/{path...}",
			"The raw value of a tag, or what is in a sequence: path gggg-eeee/item/gggg-eeee", instanceContent},
		{http.MethodGet, "/instances/{id}/pdf", "The PDF document in an instance", instancePDF},
	}
}

// place is where a path leads: an element, and where it goes on, an item (or a fragment) of it.
type place struct {
	tag  dicom.Tag
	item int // -1: the element itself
}

// contentPath reads the path "gggg-eeee/item/gggg-eeee/...". An item that is no number is nowhere.
func (s *Server) contentPath(text string) ([]place, error) {
	var path []place
	for i, segment := range segments(text) {
		if i%2 == 0 {
			tag, err := s.tag(segment)
			if err != nil {
				return nil, err
			}
			path = append(path, place{tag, -1})
			continue
		}
		number, err := strconv.ParseUint(segment, 10, 31)
		if err != nil {
			return nil, errNoAnswer
		}
		path[len(path)-1].item = int(number)
	}
	return path, nil
}

func instanceContent(s *Server, c *Call) error {
	id, err := c.resourceID()
	if err != nil {
		return err
	}
	err = s.readInstance(c.Request.Context(), id, func(file *codec.File) error {
		path, err := s.contentPath(c.Param("path"))
		if err != nil {
			return err
		}
		if len(path) == 1 && path[0].tag == dicom.TagPixelData {
			return c.pixelData(file.Reader, path[0].item)
		}
		return c.content(file.Reader, path)
	})
	if errors.Is(err, io.EOF) {
		return errNoAnswer
	}
	return err
}

// content goes down a path and answers with what is there; io.EOF if there is nothing.
func (c *Call) content(r *codec.Reader, path []place) error {
	if len(path) == 0 {
		return c.tagList(r, 0)
	}
	h, err := seek(r, path[0].tag)
	if err != nil {
		return err
	}
	if h.Tag != path[0].tag {
		return io.EOF
	}
	switch {
	case path[0].item < 0:
		return c.element(r, h)
	case h.Kind == codec.KindElement:
		return io.EOF // it has no items
	}
	if err := seekItem(r, h, path[0].item); err != nil {
		return err
	}
	if h.Kind == codec.KindFragments {
		return c.octets(r, r.Header())
	}
	if len(path) == 1 {
		return c.tagList(r, h.Depth+1)
	}
	return c.content(r, path[1:])
}

// pixelData answers with the numbers of the fragments or, of uncompressed pixel data, of the frames; or with one of
// them.
func (c *Call) pixelData(r *codec.Reader, number int) error {
	frames := 1
	h, err := seek(r, tagNumberOfFrames)
	if err == nil && h.Tag == tagNumberOfFrames {
		value, err := r.Value()
		if err != nil {
			return err
		}
		if n, err := strconv.Atoi(strings.Trim(string(value), " \x00")); err == nil && n > 0 {
			frames = n
		}
	}
	if err == nil && h.Tag != dicom.TagPixelData {
		h, err = seek(r, dicom.TagPixelData)
	}
	switch {
	case err != nil:
		return err
	case h.Tag != dicom.TagPixelData || number >= frames && h.Kind == codec.KindElement:
		return io.EOF
	case h.Kind == codec.KindElement && number >= 0:
		return c.frame(r, h, number, frames)
	case h.Kind == codec.KindElement:
		numbers := make([]string, 0, min(frames, 1<<16))
		for i := range min(frames, int(h.Length)) {
			numbers = append(numbers, strconv.Itoa(i))
		}
		return c.JSON(numbers)
	case number < 0:
		return c.element(r, h)
	}
	if err := seekItem(r, h, number); err != nil {
		return err
	}
	return c.octets(r, r.Header())
}

// frame answers with the bytes of one frame of uncompressed pixel data.
func (c *Call) frame(r *codec.Reader, h codec.Header, number, frames int) error {
	size := int64(h.Length) / int64(frames)
	if _, err := io.CopyN(io.Discard, r, size*int64(number)); err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/octet-stream")
	c.w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	c.w.WriteHeader(http.StatusOK)
	_, err := io.CopyN(c.w, r, size)
	return err
}

const tagNumberOfFrames dicom.Tag = 0x00280008

// element answers with an element: the numbers of its items or fragments, or its bytes.
func (c *Call) element(r *codec.Reader, h codec.Header) error {
	if h.Kind == codec.KindElement {
		return c.octets(r, h)
	}
	numbers := []string{}
	for {
		inner, err := r.Next()
		if err != nil {
			return err
		}
		switch {
		case inner.Depth == h.Depth && (inner.Kind == codec.KindSequenceEnd || inner.Kind == codec.KindFragmentsEnd):
			return c.JSON(numbers)
		case inner.Kind == codec.KindItem && inner.Depth == h.Depth+1, inner.Kind == codec.KindFragment:
			numbers = append(numbers, strconv.Itoa(len(numbers)))
		}
	}
}

// longestTrimmed is the size in bytes of a text up to which its padding is looked at; longer ones go out as they are
// read.
const longestTrimmed = 1 << 20

// octets answers with the bytes of an element as they are in the file, texts padded no more than they have to be.
func (c *Call) octets(r *codec.Reader, h codec.Header) error {
	c.w.Header().Set("Content-Type", "application/octet-stream")
	if !h.VR.IsString() || h.Undefined() || h.Length > longestTrimmed {
		if !h.Undefined() {
			c.w.Header().Set("Content-Length", strconv.FormatUint(uint64(h.Length), 10))
		}
		_, err := io.Copy(c.w, r)
		if err == nil {
			c.w.WriteHeader(http.StatusOK) // an empty value
		}
		return err
	}
	value, err := r.Value()
	if err != nil {
		return err
	}
	pad := h.VR.PadByte()
	text := strings.TrimRight(string(value), string(rune(pad)))
	if len(text)%2 == 1 {
		text += string(rune(pad))
	}
	c.w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, err = io.WriteString(c.w, text)
	return err
}

// tagList answers with the tags of the data set or item in which the Reader stands.
func (c *Call) tagList(r *codec.Reader, depth int) error {
	tags := []string{}
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) && depth == 0 || err == nil && h.Kind == codec.KindItemEnd && h.Depth == depth {
			return c.JSON(tags)
		}
		if err != nil {
			return err
		}
		if h.Depth == depth && (h.Kind == codec.KindElement || h.Kind == codec.KindSequence || h.Kind == codec.KindFragments) {
			tags = append(tags, fmt.Sprintf("%04x-%04x", h.Tag.Group(), h.Tag.Element()))
		}
	}
}

// seek leads a Reader to an element of the data set or item in which it stands, or to the first one behind its place:
// the elements are in the order of their tags (PS3.5 7.1). io.EOF if there is none.
func seek(r *codec.Reader, tag dicom.Tag) (codec.Header, error) {
	for level := 0; ; {
		h, err := r.Next()
		if err != nil {
			return h, err
		}
		switch h.Kind {
		case codec.KindSequence, codec.KindFragments:
			if level == 0 && h.Tag >= tag {
				return h, nil
			}
			level++
		case codec.KindSequenceEnd, codec.KindFragmentsEnd:
			level--
		case codec.KindItemEnd:
			if level == 0 {
				return h, io.EOF
			}
		case codec.KindElement:
			if level == 0 && h.Tag >= tag {
				return h, nil
			}
		}
	}
}

// seekItem leads a Reader from the beginning of a sequence, or of compressed pixel data, into one of its items; io.EOF
// if there are not so many.
func seekItem(r *codec.Reader, sequence codec.Header, number int) error {
	for count := 0; ; {
		h, err := r.Next()
		if err != nil {
			return err
		}
		switch {
		case h.Depth == sequence.Depth && (h.Kind == codec.KindSequenceEnd || h.Kind == codec.KindFragmentsEnd):
			return io.EOF
		case h.Kind == codec.KindItem && h.Depth == sequence.Depth+1, h.Kind == codec.KindFragment:
			if count == number {
				return nil
			}
			count++
		}
	}
}

const tagEncapsulatedDocument dicom.Tag = 0x00420011

// instancePDF answers with the document in an Encapsulated PDF object (PS3.3 A.45.1).
func instancePDF(s *Server, c *Call) error {
	id, err := c.resourceID()
	if err != nil {
		return err
	}
	err = s.readInstance(c.Request.Context(), id, func(file *codec.File) error {
		h, err := seek(file.Reader, dicom.TagSOPClassUID)
		if err != nil || h.Tag != dicom.TagSOPClassUID {
			return errors.Join(io.EOF, err)
		}
		class, err := file.Value()
		if err != nil {
			return err
		}
		if strings.TrimRight(string(class), "\x00 ") != encapsulatedPDFStorage {
			return io.EOF
		}
		if h, err = seek(file.Reader, tagEncapsulatedDocument); err != nil {
			return err
		}
		if h.Kind != codec.KindElement || h.Tag != tagEncapsulatedDocument {
			return io.EOF
		}
		c.w.Header().Set("Content-Type", "application/pdf")
		return copyUnpadded(c.w, file.Reader)
	})
	if errors.Is(err, io.EOF) {
		return errNoAnswer
	}
	return err
}

// copyUnpadded copies a value without the zero byte that makes its length even (PS3.5 6.2).
func copyUnpadded(w io.Writer, value io.Reader) error {
	var last []byte // of what was read, not yet written
	buffer := make([]byte, 32<<10)
	for {
		n, err := value.Read(buffer)
		if n > 0 {
			if _, err := w.Write(last); err != nil {
				return err
			}
			if _, err := w.Write(buffer[:n-1]); err != nil {
				return err
			}
			last = append(last[:0], buffer[n-1])
		}
		if err == nil {
			continue
		}
		if len(last) == 1 && last[0] != 0 {
			if _, err := w.Write(last); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}

const encapsulatedPDFStorage = "1.2.840.10008.5.1.4.1.1.104.1"
