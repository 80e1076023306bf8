package rest

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/flate"
	"golang.org/x/sync/errgroup"

	"gantry/internal/jobs"
	"gantry/internal/storage"
)

const (
	// maximumUnzips is how many ZIP files are stored at the same time; each holds its list of entries in memory.
	maximumUnzips = 2
	// maximumDirectory is the size of the list of entries in a ZIP file; in memory it takes several times as much.
	maximumDirectory = 24 << 20
	// unzipWorkers is how many entries are stored at the same time: the disk is waited for together.
	unzipWorkers = 4
)

// storeZIP stores the DICOM files in a ZIP file. It lies in a temporary file meanwhile. Names in it are never used as
// paths; what is no DICOM file is passed over, as DICOMDIRs, folders and inner ZIP files are. On an error the files
// stored before it stay.
func (s *Server) storeZIP(c *Call, body io.Reader) ([]*storedJSON, error) {
	spool, size, err := s.spool(body)
	if err != nil {
		return nil, err
	}
	defer spool.remove()
	if err := s.unzips.Acquire(c.Request.Context(), 1); err != nil {
		return nil, err
	}
	defer s.unzips.Release(1)
	files, err := entries(spool, size, c.limit)
	if err != nil {
		return nil, err
	}
	return s.storeEntries(c, files)
}

// entries lists the files in a ZIP file that may be DICOM files. What their sizes are said to be is checked here, what
// they are is checked as they are read.
func entries(r io.ReaderAt, size, limit int64) ([]*zip.File, error) {
	if err := checkDirectory(r, size); err != nil {
		return nil, err
	}
	in := &metered{r: r, left: maximumDirectory}
	z, err := zip.NewReader(in, size)
	var own *apiError
	switch {
	case errors.As(err, &own):
		return nil, own
	case err != nil:
		return nil, fail(statusBadFileFormat, "Cannot open the ZIP archive: %v", err)
	}
	in.listed = true
	z.RegisterDecompressor(zip.Deflate, flate.NewReader)
	var files []*zip.File
	var total uint64
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") || strings.EqualFold(path.Base(strings.ReplaceAll(f.Name, `\`, "/")), "DICOMDIR") {
			continue
		}
		if total += f.UncompressedSize64; f.UncompressedSize64 > uint64(limit) || total > uint64(limit) { //nolint:gosec // positive
			return nil, tooMuch(limit)
		}
		files = append(files, f)
	}
	z.File = nil
	return files, nil
}

func (s *Server) storeEntries(c *Call, files []*zip.File) ([]*storedJSON, error) {
	results := make([]*storedJSON, len(files))
	var total atomic.Int64 // bytes that were inflated
	work, ctx := errgroup.WithContext(c.Request.Context())
	work.SetLimit(unzipWorkers)
	for i, f := range files {
		if ctx.Err() != nil {
			break
		}
		work.Go(func() (err error) {
			results[i], err = s.storeEntry(c, f, &total)
			return err
		})
	}
	err := work.Wait()
	stored := make([]*storedJSON, 0, len(results))
	for _, r := range results {
		if r != nil {
			stored = append(stored, r)
		}
	}
	if err == nil {
		err = c.Request.Context().Err()
	}
	if err != nil {
		return nil, s.after(err, len(stored))
	}
	return stored, nil
}

// storeEntry stores an entry; nil if it is no DICOM file.
func (s *Server) storeEntry(c *Call, f *zip.File, total *atomic.Int64) (*storedJSON, error) {
	data, err := f.Open()
	if err != nil {
		return nil, entryError(f, err)
	}
	defer data.Close()
	in := &entryReader{r: data, file: f, left: int64(f.UncompressedSize64), total: total, limit: c.limit} //nolint:gosec // checked
	head := bufio.NewReaderSize(in, headOfFile)
	if zipped, err := looksZipped(head); zipped || err != nil && in.err == nil {
		return nil, nil // an inner ZIP file, or nothing
	}
	result, err := s.storeFile(c, head, int64(f.UncompressedSize64)) //nolint:gosec // checked
	var bad *storage.BadObjectError
	switch {
	case in.err != nil:
		return nil, in.err
	case errors.As(err, &bad):
		s.log.Info("passed over in a ZIP file: no DICOM file", "entry", shorten(f.Name), "error", err)
		return nil, nil
	}
	return result, err
}

// entryReader reads an entry, no more than it was said to have and no more than all may have together.
type entryReader struct {
	r     io.Reader
	file  *zip.File
	left  int64
	total *atomic.Int64
	limit int64
	err   error // what has ended it, but for io.EOF
}

func (e *entryReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	switch {
	case e.total.Add(int64(n)) > e.limit:
		err = tooMuch(e.limit)
	case e.left < 0:
		err = entryError(e.file, errors.New("it is larger than the ZIP file says"))
	case err != nil && err != io.EOF: //nolint:errorlint // readers give io.EOF itself
		err = entryError(e.file, err)
	default:
		return n, err
	}
	e.err = err
	return 0, err
}

func entryError(f *zip.File, err error) error {
	return fail(statusBadFileFormat, "Cannot read %.80q in the ZIP archive: %v", f.Name, err)
}

// after says in an error how much of a request has taken place.
func (s *Server) after(err error, stored int) error {
	if stored == 0 {
		return err
	}
	problem := translate(err)
	problem.Err = err
	problem.Details = strings.TrimSpace(fmt.Sprintf("%s (%d of its files were stored before)", problem.Details, stored))
	return problem
}

func shorten(name string) string {
	const enough = 100
	if len(name) > enough {
		return strings.ToValidUTF8(name[:enough], "") + "..."
	}
	return name
}

// spooled is a body in a temporary file.
type spooled struct{ *os.File }

// spool writes a body to a temporary file.
func (s *Server) spool(body io.Reader) (spooled, int64, error) {
	f, err := s.temporary(temporaryUpload)
	if err != nil {
		return spooled{}, 0, fail(jobs.CodeFullStorage, "Cannot keep the body in a temporary file (option TemporaryDirectory): %v", err)
	}
	size, err := io.Copy(f, body)
	if err == nil {
		return f, size, nil
	}
	f.remove()
	var own *apiError
	if errors.As(err, &own) {
		return f, 0, own
	}
	var onDisk *os.PathError
	if errors.As(err, &onDisk) {
		return f, 0, fail(jobs.CodeFullStorage, "Cannot keep the body in a temporary file (option TemporaryDirectory): %v", err)
	}
	return f, 0, bodyError(err)
}

func (f spooled) remove() {
	_ = f.Close()
	_ = os.Remove(f.Name()) // gone already, as a rule
}
