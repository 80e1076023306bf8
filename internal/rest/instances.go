package rest

import (
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// instanceRoutes are the routes that only instances have.
func instanceRoutes() []Route {
	return []Route{
		{http.MethodPost, "/instances", "Store a DICOM file; Content-Encoding gzip is undone", uploadInstance},
	}
}

type storedJSON struct {
	ID            index.ID
	ParentPatient index.ID
	ParentSeries  index.ID
	ParentStudy   index.ID
	Path          string
	Status        string
}

func uploadInstance(s *Server, c *Call) error {
	body, err := c.object()
	if err != nil {
		return err
	}
	// A file that has arrived whole is stored even if its sender hangs up while the disk is waited for; one that
	// breaks off ends with the read error of its body.
	result, err := s.Store.Put(c.background(), &storage.PutRequest{Data: body, Size: max(c.Request.ContentLength, 0),
		Origin: c.origin()})
	if err != nil {
		return err
	}
	return c.JSON(storedJSON{ID: result.InstanceID, ParentPatient: result.PatientID, ParentSeries: result.SeriesID,
		ParentStudy: result.StudyID, Path: "/instances/" + result.InstanceID.String(), Status: result.Status.String()})
}

// object returns the body as a stream of one DICOM file. The limit holds for what the body inflates to as well.
func (c *Call) object() (io.Reader, error) {
	body := c.Body()
	switch encoding := strings.ToLower(c.Request.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		inflated, err := gzip.NewReader(body)
		if err != nil {
			return nil, fail(statusBadFileFormat, "The body is not in the gzip format that Content-Encoding says: %v", err)
		}
		body = &bounded{r: inflated, left: c.limit, limit: c.limit}
	default:
		return nil, fail(3000, "Content-Encoding %.40q is not supported; send the file plain or with gzip", encoding)
	}
	head := make([]byte, 1)
	if _, err := io.ReadFull(body, head); errors.Is(err, io.EOF) {
		return nil, fail(statusBadFileFormat, "Received an empty DICOM file")
	} else if err != nil {
		return nil, bodyError(err)
	}
	return io.MultiReader(strings.NewReader(string(head)), body), nil
}

// origin says who sent this request, for the metadata of what it stores.
func (c *Call) origin() index.Origin {
	host, _, err := net.SplitHostPort(c.Request.RemoteAddr)
	if err != nil {
		host = c.Request.RemoteAddr
	}
	return index.Origin{Source: "RestApi", RemoteIP: host, HttpUsername: c.user}
}
