package rest

import (
	"bufio"
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
	form := multipart.NewReader(body, boundary)
	stored := []*storedJSON{}
	for number := 1; ; number++ {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
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

func (s *Server) storePart(c *Call, part *multipart.Part) ([]*storedJSON, error) {
	data := bufio.NewReaderSize(part, headOfFile)
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
