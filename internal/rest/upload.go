package rest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/klauspost/compress/flate"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

type storedJSON struct {
	ID            index.ID
	ParentPatient index.ID
	ParentSeries  index.ID
	ParentStudy   index.ID
	Path          string
	Status        string
}

// uploadInstance stores what a body holds: a DICOM file, the files of a ZIP file, or those of a form. Several are
// answered by a list, one by an object.
func uploadInstance(s *Server, c *Call) error {
	kind, parameters, err := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	body, plainErr := c.plainBody()
	switch {
	case plainErr != nil:
		return plainErr
	case err == nil && kind == "multipart/form-data":
		return s.storeForm(c, body, parameters["boundary"])
	}
	data := bufio.NewReaderSize(body, headOfFile)
	zipped, err := looksZipped(data)
	if err != nil {
		return err
	}
	if zipped {
		stored, err := s.storeZIP(c, data)
		if err != nil {
			return err
		}
		return c.JSON(stored)
	}
	stored, err := s.storeFile(c, data, max(c.Request.ContentLength, 0))
	if err != nil {
		return err
	}
	return c.JSON(stored)
}

// storeFile stores one DICOM file. One that has arrived whole is stored even if its sender hangs up while the disk is
// waited for; one that breaks off ends with the read error of its body.
func (s *Server) storeFile(c *Call, data io.Reader, size int64) (*storedJSON, error) {
	result, err := s.Store.Put(c.background(), &storage.PutRequest{Data: data, Size: size, Origin: c.origin()})
	if err != nil {
		return nil, err
	}
	return &storedJSON{ID: result.InstanceID, ParentPatient: result.PatientID, ParentSeries: result.SeriesID,
		ParentStudy: result.StudyID, Path: "/instances/" + result.InstanceID.String(), Status: result.Status.String()}, nil
}

// headOfFile is as much of a file as tells what it is: the preamble, "DICM" and the group of the next element.
const headOfFile = 4096

// looksZipped tells a ZIP file from a DICOM file; one that is both is a DICOM file, whose preamble may hold anything
// (PS3.10 7.1). Nothing at all is neither.
func looksZipped(r *bufio.Reader) (bool, error) {
	head, err := r.Peek(134)
	switch {
	case len(head) == 0 && errors.Is(err, io.EOF):
		return false, fail(statusBadFileFormat, "Received an empty DICOM file")
	case err != nil && !errors.Is(err, io.EOF):
		return false, bodyError(err)
	case len(head) == 134 && bytes.Equal(head[128:], []byte("DICM\x02\x00")):
		return false, nil
	}
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")), nil
}

// plainBody returns the body with its Content-Encoding undone. The limit of bodies holds for what it inflates to as well.
func (c *Call) plainBody() (io.Reader, error) {
	body := c.Body()
	encoding := strings.ToLower(c.Request.Header.Get("Content-Encoding"))
	switch encoding {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		inflated, err := gzip.NewReader(body)
		if err != nil {
			return nil, encodingError("gzip", err)
		}
		return &bounded{r: inflated, left: c.limit, limit: c.limit, format: "gzip"}, nil
	case "deflate":
		inflated, err := inflate(body)
		if err != nil {
			return nil, encodingError("deflate", err)
		}
		return &bounded{r: inflated, left: c.limit, limit: c.limit, format: "deflate"}, nil
	}
	return nil, fail(3000, "Content-Encoding %.40q is not supported; send the file plain, with gzip or with deflate", encoding)
}

// object returns the body as a stream of one DICOM file.
func (c *Call) object() (io.Reader, error) {
	body, err := c.plainBody()
	if err != nil {
		return nil, err
	}
	data := bufio.NewReaderSize(body, headOfFile)
	_, err = looksZipped(data) // a ZIP file is no object either
	return data, err
}

// inflate reads the zlib format, which "deflate" means (RFC 9110 8.4.1.2), or bare deflate, which some send.
func inflate(body io.Reader) (io.Reader, error) {
	r := bufio.NewReader(body)
	head, err := r.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 { // RFC 1950 2.2
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

func encodingError(format string, err error) error {
	var own *apiError
	if errors.As(err, &own) {
		return own
	}
	return fail(statusBadFileFormat, "The body is not in the %s format that Content-Encoding says: %v", format, err)
}

// bounded ends a stream that is inflated with the error of a body that is too large once it gives more than its limit.
type bounded struct {
	r           io.Reader
	left, limit int64
	format      string
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, tooMuch(b.limit)
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, tooMuch(b.limit)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // readers give io.EOF itself
		err = encodingError(b.format, err)
	}
	return n, err
}

// tooMuch is the error of a body that inflates to more than a body may have.
func tooMuch(limit int64) error {
	return &apiError{HTTP: http.StatusRequestEntityTooLarge, Code: statusBadRequest,
		Details: fmt.Sprintf("The body inflates to more than the limit of %d bytes (option HttpMaximumBodySize)", limit)}
}
