package rest

import (
	"crypto/md5" //nolint:gosec // Orthanc's attachments are compared and named by MD5
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"gantry/internal/jobs"
	"gantry/internal/storage"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

func attachmentRoutes() []Route {
	return families(func(prefix, name string, level index.Level) []Route {
		one := prefix + "/attachments/{name}"
		read := func(serve func(*Server, *Call, *askedFor) error) func(*Server, *Call) error {
			return readAttachment(level, serve)
		}
		return []Route{
			{http.MethodGet, prefix + "/attachments", "Names of the attachments of one of the " + name + "; ?full with their numbers", listAttachments(level)},
			{http.MethodGet, one, "What can be asked of an attachment", read(attachmentParts)},
			{http.MethodPut, one, "Add or replace an attachment of a user: a name of UserContentType, or a number from 1024", putAttachment},
			{http.MethodDelete, one, "Remove an attachment of a user", deleteAttachment},
			{http.MethodGet, one + "/data", "Its bytes as they came; Range is understood", read(attachmentData)},
			{http.MethodGet, one + "/compressed-data", "Its bytes as they are stored", read(attachmentStored)},
			{http.MethodGet, one + "/size", "Their number", read(attachmentSize)},
			{http.MethodGet, one + "/compressed-size", "Their number as they are stored", read(attachmentStoredSize)},
			{http.MethodGet, one + "/md5", "Their MD5", read(attachmentMD5)},
			{http.MethodGet, one + "/compressed-md5", "Their MD5 as they are stored", read(attachmentStoredMD5)},
			{http.MethodGet, one + "/is-compressed", "Whether they are compressed: 0 or 1", read(attachmentIsCompressed)},
			{http.MethodGet, one + "/info", "All that as JSON", read(attachmentInfo)},
			{http.MethodPost, one + "/compress", "Compress it on the disk", recodeAttachment(true)},
			{http.MethodPost, one + "/uncompress", "Undo that", recodeAttachment(false)},
			{http.MethodPost, one + "/verify-md5", "Read it and compare its MD5: 200 or 400", verifyAttachment(level)},
		}
	})
}

// askedFor is an attachment that was asked for, with its MD5.
type askedFor struct {
	index.Attachment
	owner index.ID
}

// contentType is the MIME type that a number stands for.
func (s *Server) contentType(number int) string {
	if number == storage.DicomFile {
		return "application/dicom"
	}
	for _, t := range s.Config.UserContentType {
		if t.Number == number && t.MIME != "" {
			return t.MIME
		}
	}
	return "application/octet-stream"
}

// ownContentTypes are Orthanc's names of the attachments that are not users'.
var ownContentTypes = map[string]int{"dicom": storage.DicomFile, "dicom-as-json": 2, "dicom-until-pixel-data": 3}

func (s *Server) attachmentName(number int) string {
	for name, t := range s.Config.UserContentType {
		if t.Number == number {
			return name
		}
	}
	for name, own := range ownContentTypes {
		if own == number {
			return name
		}
	}
	return strconv.Itoa(number)
}

// attachmentParam reads the name or number of a route's attachment.
func (s *Server) attachmentParam(c *Call) (int, error) {
	name := c.Param("name")
	if t, ok := s.Config.UserContentType[name]; ok {
		return t.Number, nil
	}
	if number, ok := ownContentTypes[name]; ok {
		return number, nil
	}
	number, err := strconv.Atoi(name)
	if err != nil {
		return 0, fail(jobs.CodeInexistent, "%.80q is no attachment: give a number from 1024, or declare the name in UserContentType", name)
	}
	return number, nil
}

func listAttachments(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		r, err := s.resourceAt(c, level)
		if err != nil {
			return err
		}
		names, numbers := []string{}, map[string]int{}
		if level == index.Instance {
			names, numbers["dicom"] = append(names, "dicom"), storage.DicomFile
		}
		err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
			all, err := tx.Attachments(r.ID)
			for i := range all {
				name := s.attachmentName(all[i].Number)
				names, numbers[name] = append(names, name), all[i].Number
			}
			return err
		})
		if err != nil {
			return err
		}
		if c.Request.URL.Query().Has("full") {
			return c.JSON(numbers)
		}
		return c.JSON(names)
	}
}

// attachmentAt finds the attachment of a route, whose resource has to be of a level.
func (s *Server) attachmentAt(c *Call, level index.Level) (*askedFor, error) {
	number, err := s.attachmentParam(c)
	if err != nil {
		return nil, err
	}
	r, err := s.resourceAt(c, level)
	if err != nil {
		return nil, err
	}
	found, err := s.Store.Attachment(c.Request.Context(), r.ID, number)
	if err != nil {
		return nil, err
	}
	return &askedFor{Attachment: *found, owner: r.ID}, nil
}

// readAttachment finds the attachment of a route and answers 304 if the client has it.
func readAttachment(level index.Level, serve func(*Server, *Call, *askedFor) error) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		a, err := s.attachmentAt(c, level)
		if err != nil {
			return err
		}
		if !a.Blob.HasMD5 {
			if a.Blob.MD5, err = s.Store.MD5(c.Request.Context(), a.owner); err != nil {
				return err
			}
		}
		if done, err := c.unmodified(a.Revision, a.Blob.MD5); done || err != nil {
			return err
		}
		return serve(s, c, a)
	}
}

func attachmentParts(_ *Server, c *Call, _ *askedFor) error {
	return c.JSON([]string{"compress", "compressed-data", "compressed-md5", "compressed-size", "data", "info", "is-compressed",
		"md5", "size", "uncompress", "verify-md5"})
}

func attachmentData(s *Server, c *Call, a *askedFor) error {
	b, err := s.Store.OpenAttachment(c.Request.Context(), &a.Attachment, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }() // it was only read
	return s.sendAttachment(c, a, s.contentType(a.Number), io.NewSectionReader(b, 0, b.Size()))
}

func attachmentStored(s *Server, c *Call, a *askedFor) error {
	b, err := s.Store.OpenAttachment(c.Request.Context(), &a.Attachment, true)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }() // it was only read
	mime := s.contentType(a.Number)
	if a.Blob.Plain > 0 {
		mime = "application/octet-stream"
	}
	return s.sendAttachment(c, a, mime, a.stored(b))
}

// storedPrefix is what Orthanc puts before the zlib stream of a compressed attachment: the size of what comes out of it.
const storedPrefix = 8

// stored shows the stored bytes as Orthanc does.
func (a *askedFor) stored(b blob.Blob) *io.SectionReader {
	if a.Blob.Plain == 0 {
		return io.NewSectionReader(b, 0, b.Size())
	}
	p := &prefixed{ReaderAt: b, prefix: binary.LittleEndian.AppendUint64(nil, uint64(a.Blob.Plain))}
	return io.NewSectionReader(p, 0, b.Size()+storedPrefix)
}

func (a *askedFor) storedSize() int64 {
	if a.Blob.Plain == 0 {
		return a.Blob.Size
	}
	return a.Blob.Size + storedPrefix
}

// prefixed shows bytes with some others before them.
type prefixed struct {
	io.ReaderAt
	prefix []byte
}

func (p *prefixed) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(p.prefix)) {
		n = copy(b, p.prefix[off:])
		if n == len(b) {
			return n, nil
		}
	}
	more, err := p.ReaderAt.ReadAt(b[n:], off+int64(n)-int64(len(p.prefix)))
	return n + more, err
}

// sendAttachment answers with bytes, or with the range of them that was asked for.
func (s *Server) sendAttachment(c *Call, a *askedFor, mime string, data *io.SectionReader) error {
	if err := c.checkRange(data.Size()); err != nil {
		return err
	}
	query := c.Request.URL.Query()
	name := uuid.UUID(a.Blob.Key).String()
	if query.Has("filename") {
		name = safeName(query.Get("filename"))
	}
	if name != "" {
		c.download(mime, name)
	} else {
		c.w.Header().Set("Content-Type", mime)
	}
	http.ServeContent(c.w, c.Request, "", zeroTime, data)
	return nil
}

// checkRange refuses ranges that are not understood or lie behind the end (RFC 9110 14.2), and several at once.
func (c *Call) checkRange(size int64) error {
	text := c.Request.Header.Get("Range")
	if text == "" {
		return nil
	}
	incorrect := &apiError{Code: statusRange}
	from, to, ok := strings.Cut(strings.TrimPrefix(text, "bytes="), "-")
	if !ok || !strings.HasPrefix(text, "bytes=") || from == "" && to == "" {
		return incorrect
	}
	first, err1 := strconv.ParseInt("0"+from, 10, 64)
	last, err2 := strconv.ParseInt("0"+to, 10, 64)
	if err1 != nil || err2 != nil || from != "" && (first >= size || to != "" && last < first) || from == "" && (last == 0 || size == 0) {
		return incorrect
	}
	return nil
}

func attachmentSize(_ *Server, c *Call, a *askedFor) error {
	return c.text(strconv.FormatInt(a.Blob.PlainSize(), 10))
}

func attachmentStoredSize(_ *Server, c *Call, a *askedFor) error {
	return c.text(strconv.FormatInt(a.storedSize(), 10))
}

func attachmentMD5(_ *Server, c *Call, a *askedFor) error {
	return c.text(hex.EncodeToString(a.Blob.MD5[:]))
}

func attachmentStoredMD5(s *Server, c *Call, a *askedFor) error {
	sum, err := s.storedMD5(c, a)
	if err != nil {
		return err
	}
	return c.text(hex.EncodeToString(sum[:]))
}

func (s *Server) storedMD5(c *Call, a *askedFor) (sum [16]byte, err error) {
	if a.Blob.Plain == 0 {
		return a.Blob.MD5, nil
	}
	b, err := s.Store.OpenAttachment(c.Request.Context(), &a.Attachment, true)
	if err != nil {
		return sum, err
	}
	defer func() { _ = b.Close() }() // it was only read
	h := md5.New()                   //nolint:gosec // see the import
	if _, err := io.Copy(h, a.stored(b)); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

func attachmentIsCompressed(_ *Server, c *Call, a *askedFor) error {
	return c.digit(a.Blob.Plain > 0)
}

type attachmentJSON struct {
	CompressedMD5    string
	CompressedSize   int64
	ContentType      int
	UncompressedMD5  string
	UncompressedSize int64
	Uuid             string //nolint:revive // Orthanc's own name
}

func attachmentInfo(s *Server, c *Call, a *askedFor) error {
	sum, err := s.storedMD5(c, a)
	if err != nil {
		return err
	}
	return c.JSON(attachmentJSON{CompressedMD5: hex.EncodeToString(sum[:]), CompressedSize: a.storedSize(), ContentType: a.Number,
		UncompressedMD5: hex.EncodeToString(a.Blob.MD5[:]), UncompressedSize: a.Blob.PlainSize(), Uuid: uuid.UUID(a.Blob.Key).String()})
}

// verifyAttachment reads an attachment to its end. It answers nothing, which is 400, if it is damaged or not there.
func verifyAttachment(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		a, err := s.attachmentAt(c, level)
		if errors.Is(err, storage.ErrNotFound) {
			return errNoAnswer
		}
		if err != nil {
			return err
		}
		err = s.Store.Verify(c.Request.Context(), a.Blob, true)
		var damaged *blob.CorruptError
		if errors.As(err, &damaged) {
			s.log.Error("an attachment is damaged", "resource", a.owner, "attachment", a.Number, "error", err)
			return errNoAnswer
		}
		if err != nil {
			return err
		}
		return c.emptyObject()
	}
}
