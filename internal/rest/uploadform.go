package rest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
)

// maximumParts is how many files one form may have.
const maximumParts = 10000

// storeForm stores the files of a form (RFC 7578), each of them a DICOM file or a ZIP file of some. One that is none
// ends the request; the files before it stay.
func (s *Server) storeForm(c *Call, body io.Reader, boundary string) error {
	if boundary == "" {
		return fail(statusBadFileFormat, "The Content-Type multipart/form-data has no boundary")
	}
	read := &tail{r: body}
	form := multipart.NewReader(read, boundary)
	stored := []*storedJSON{}
	for number := 1; ; number++ {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF) && bytes.Contains(read.last, []byte("--"+boundary+"--")):
			return c.JSON(stored)
		case err != nil:
			return s.after(formError(err), len(stored))
		case number > maximumParts:
			return s.after(fail(statusBadRequest, "A form has at most %d files: send several", maximumParts), len(stored))
		}
		more, err := s.storePart(c, part)
		if err != nil {
			return s.after(partError(err, number, part.FileName()), len(stored))
		}
		stored = append(stored, more...)
	}
}

// tail keeps the last bytes that were read of a form: of one that ends within the head of a file, its reader says no
// more than of one that has ended.
type tail struct {
	r    io.Reader
	last []byte
}

// keptTail is more than the reader of a form reads ahead.
const keptTail = 16 << 10

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.last = append(t.last, p[max(0, n-keptTail):n]...)
	if more := len(t.last) - keptTail; more > 0 {
		t.last = append(t.last[:0], t.last[more:]...)
	}
	return n, err
}

func (s *Server) storePart(c *Call, part *multipart.Part) ([]*storedJSON, error) {
	data := bufio.NewReaderSize(wholePart{part}, headOfFile)
	zipped, err := looksZipped(data)
	switch {
	case err != nil:
		return nil, formError(err)
	case zipped:
		return s.storeZIP(c, data)
	}
	stored, err := s.storeFile(c, data, 0)
	if err != nil {
		return nil, err
	}
	return []*storedJSON{stored}, nil
}

// wholePart reads a file of a form; an end before its boundary is an error of the form.
type wholePart struct{ part *multipart.Part }

func (w wholePart) Read(p []byte) (int, error) {
	n, err := w.part.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // readers give io.EOF itself
		err = formError(err)
	}
	return n, err
}

// formError tells what is wrong with a form from what is wrong with its body.
func formError(err error) error {
	var own *apiError
	if errors.As(err, &own) {
		return own
	}
	return fail(statusBadFileFormat, "The body is not a whole form (multipart/form-data): %v", err)
}

// partError names the file that an error is about.
func partError(err error, number int, name string) error {
	problem := translate(err)
	named := *problem
	named.Err = err
	if named.Details == "" {
		named.Details = describe(named.Code)
	}
	named.Details = fmt.Sprintf("File %d of the form (%.80q): %s", number, name, named.Details)
	return &named
}
