package rest

import (
	"cmp"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/dicom/dict"
	"gantry/internal/jobs"
	"gantry/internal/storage"
)

// fileRoutes give stored files: as they are, in another transfer syntax, as JSON or as XML.
func fileRoutes() []Route {
	return []Route{{http.MethodGet, "/instances/{id}/file",
		"The DICOM file as it is stored; Accept: application/dicom+json or +xml gives its data set in another form", instanceFile}}
}

func instanceFile(s *Server, c *Call) error {
	id, err := c.resourceID()
	if err != nil {
		return err
	}
	switch c.accepted() {
	case "application/dicom+json":
		return s.readInstance(c.Request.Context(), id, func(file *codec.File) error {
			c.w.Header().Set("Content-Type", "application/dicom+json")
			return dicomjson.WriteModel(c.w, file.Reader, dicomjson.Options{Charset: s.charset(), Hold: c.borrow})
		})
	case "application/dicom+xml":
		return s.readInstance(c.Request.Context(), id, func(file *codec.File) error {
			c.w.Header().Set("Content-Type", "application/dicom+xml")
			return dicomjson.WriteXML(c.w, file.Reader, dicomjson.Options{Charset: s.charset(), Hold: c.borrow})
		})
	}
	object, err := s.Store.OpenInstance(c.Request.Context(), id)
	if err != nil {
		return err
	}
	defer object.Close()
	c.download("application/dicom", cmp.Or(safeName(c.Request.URL.Query().Get("filename")), id.String()+".dcm"))
	if target := dicom.UID(c.Request.URL.Query().Get("transcode")); target != "" && target != object.TransferSyntax {
		return c.transcoded(object, target)
	}
	return c.sendObject(object)
}

// sendObject sends a stored file: by the kernel alone where nothing but all of it is asked for.
func (c *Call) sendObject(o *storage.Object) error {
	for _, header := range []string{"Range", "If-Range", "If-Modified-Since", "If-Unmodified-Since", "If-Match", "If-None-Match"} {
		if c.Request.Header.Get(header) != "" {
			http.ServeContent(c.w, c.Request, "", o.Received, o.Reader())
			return nil
		}
	}
	c.w.Header().Set("Content-Length", strconv.FormatInt(o.Size(), 10))
	c.w.Header().Set("Last-Modified", o.Received.UTC().Format(http.TimeFormat))
	c.w.Header().Set("Accept-Ranges", "bytes")
	_, err := o.WriteTo(c.w)
	return err
}

// accepted is the first of our own media types in the Accept header, "" if there is none.
func (c *Call) accepted() string {
	for _, header := range c.Request.Header.Values("Accept") {
		for entry := range strings.SplitSeq(header, ",") {
			kind, _, err := mime.ParseMediaType(strings.TrimSpace(entry))
			if err == nil && (kind == "application/dicom+json" || kind == "application/dicom+xml") {
				return kind
			}
		}
	}
	return ""
}

// transcoded answers with the file in another transfer syntax, as far as that needs no codec of pixel data.
func (c *Call) transcoded(object *storage.Object, target dicom.UID) error {
	entry, known := dict.LookupUID(target)
	if !known || entry.Type != "Transfer Syntax" {
		return fail(statusParameterOutOfRange, "Unknown transfer syntax: %.70s", target)
	}
	to := dicom.LookupTransferSyntax(target)
	if !codec.Convertible(object.Syntax(), to) {
		return fail(jobs.CodeInternal, "An object in %s cannot be given in %s: gantry has no codec for compressed pixel data; "+
			"ask without transcode", object.TransferSyntax, target)
	}
	dataset, _, err := object.Dataset()
	if err != nil {
		return err
	}
	meta := codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: object.SOPClassUID, SOPInstanceUID: object.SOPInstanceUID,
		TransferSyntaxUID: target, ImplementationClassUID: codec.ImplementationClassUID,
		ImplementationVersionName: codec.ImplementationVersionName})
	converted := codec.Convert(dataset, object.Syntax(), to, codec.DefaultLimits())
	// A data set that cannot be converted is found out before the answer begins, as a rule.
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(converted, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return &apiError{Code: statusBadFileFormat, Details: "the stored file cannot be converted", Err: err}
	}
	if _, err := c.w.Write(meta); err != nil {
		return err
	}
	if _, err := c.w.Write(head[:n]); err != nil {
		return err
	}
	_, err = io.Copy(c.w, converted)
	return err
}
