package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// object is a DICOM file as its header describes it.
type object struct {
	path                           string
	class, instance, study, series dicom.UID
	syntax                         dicom.TransferSyntax
	offset, size                   int64 // where the data set begins, and its length in bytes
	modified                       time.Time
}

// problem is a file that is no usable DICOM object.
type problem struct {
	Path   string
	Reason string
	err    error
}

// findings are what lies under the named files and folders.
type findings struct {
	objects  []object
	foreign  []problem // not DICOM, met while walking a folder
	damaged  []problem // DICOM, but unusable
	unusable []problem // named, and not DICOM or not readable

	files int // looked at
	seen  func(f *findings)
}

// unreadable counts the unusable files whose kind is not known.
func (f *findings) unreadable() int {
	n := 0
	for _, p := range f.unusable {
		if !errors.Is(p.err, errNotDICOM) {
			n++
		}
	}
	return n
}

func (f *findings) bytes() int64 {
	var n int64
	for i := range f.objects {
		n += f.objects[i].size
	}
	return n
}

// errNotDICOM is the problem of files that have nothing to do with us.
var errNotDICOM = errors.New("not a DICOM file")

// errNotRegular is the problem of pipes, sockets and devices.
var errNotRegular = errors.New("not a regular file")

// errEmpty is the problem of files without a byte.
var errEmpty = fmt.Errorf("%w but an empty one", errNotDICOM)

// find reads the headers of all DICOM files named, or in folders named.
func find(ctx context.Context, o *clientOptions, paths []string) (*findings, error) {
	n := newNotice(o)
	defer n.clear()
	f := findings{seen: func(f *findings) {
		n.show("reading headers: %s of %s", count(len(f.objects), "object"), count(f.files, "file"))
	}}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			f.unusable = append(f.unusable, problem{path, reason(err), err})
		case info.IsDir():
			if err := f.walk(ctx, path); err != nil {
				return nil, err
			}
		case !info.Mode().IsRegular(): // opening a pipe would wait for somebody who writes
			f.unusable = append(f.unusable, problem{path, errNotRegular.Error(), errNotRegular})
		default:
			f.add(path, true)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return &f, nil
}

func (f *findings) walk(ctx context.Context, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			f.unusable = append(f.unusable, problem{path, reason(err), err})
		case d.IsDir():
		case d.Type().IsRegular() || isFileLink(path, d):
			f.add(path, false)
		}
		return nil
	})
}

// isFileLink follows symbolic links to files; those to folders might lead in circles.
func isFileLink(path string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (f *findings) add(path string, named bool) {
	o, err := readObject(path)
	f.files++
	f.seen(f)
	switch {
	case err == nil:
		f.objects = append(f.objects, o)
	case named && (errors.Is(err, errNotDICOM) || as[*fs.PathError](err)):
		f.unusable = append(f.unusable, problem{path, reason(err), err})
	case errors.Is(err, errNotDICOM):
		f.foreign = append(f.foreign, problem{path, reason(err), err})
	default:
		f.damaged = append(f.damaged, problem{path, reason(err), err})
	}
}

// reason leaves the path out of an error, which is named beside it.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	if errors.Is(err, context.Canceled) {
		return "not sent: the command was ended"
	}
	text, _ := explainNetwork(err)
	return text
}

// sniffLength is what codec.SniffDICOM wants to see.
const sniffLength = 1024

// readObject reads the header of a file.
func readObject(path string) (object, error) {
	file, err := os.Open(path)
	if err != nil {
		return object{}, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return object{}, err
	}
	var head [sniffLength]byte
	n, err := file.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return object{}, err
	}
	if n == 0 {
		return object{}, errEmpty
	}
	if !codec.SniffDICOM(head[:n]) {
		return object{}, errNotDICOM
	}
	f, err := codec.OpenFile(file, codec.DefaultLimits())
	if err != nil {
		return object{}, err
	}
	if f.Meta.UID(dicom.TagMediaStorageSOPClassUID) == dicom.MediaStorageDirectoryStorage {
		return object{}, fmt.Errorf("%w but a DICOMDIR", errNotDICOM)
	}
	o := object{path: path, syntax: f.TransferSyntax, offset: f.DatasetOffset, size: info.Size() - f.DatasetOffset, modified: info.ModTime()}
	return o, o.readHeader(f, info.Size())
}

// readHeader takes the identifiers, and follows the data set as far as it needs to see that the file is whole.
func (o *object) readHeader(f *codec.File, fileSize int64) error {
	for {
		h, err := f.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if target := o.identifier(h); target != nil {
			v, err := f.Value()
			if err != nil {
				return err
			}
			*target = dicom.UID(trimUID(v))
		}
		if h.Tag == dicom.TagPixelData && h.Depth == 0 && !h.Undefined() && !o.syntax.Deflated {
			if end := h.ValueOffset + int64(h.Length); end > fileSize {
				return fmt.Errorf("truncated: %s of pixel data are missing", size(end-fileSize))
			}
			break
		}
	}
	if f.Truncated() {
		return errors.New("truncated")
	}
	return o.complete(f.Meta)
}

// identifier says where the value of an element belongs, nil for nowhere.
func (o *object) identifier(h codec.Header) *dicom.UID {
	if h.Depth != 0 || h.Kind != codec.KindElement || h.Length > 128 {
		return nil
	}
	switch h.Tag {
	case dicom.TagSOPClassUID:
		return &o.class
	case dicom.TagSOPInstanceUID:
		return &o.instance
	case dicom.TagStudyInstanceUID:
		return &o.study
	case dicom.TagSeriesInstanceUID:
		return &o.series
	}
	return nil
}

// complete takes from the file meta information what the data set lacks, and checks the two identifiers a C-STORE needs.
func (o *object) complete(meta *dicom.Dataset) error {
	if o.class == "" {
		o.class = meta.UID(dicom.TagMediaStorageSOPClassUID)
	}
	if o.instance == "" {
		o.instance = meta.UID(dicom.TagMediaStorageSOPInstanceUID)
	}
	switch {
	case o.class == "":
		return errors.New("SOP Class UID (0008,0016) is missing")
	case o.instance == "":
		return errors.New("SOP Instance UID (0008,0018) is missing")
	}
	return nil
}

func trimUID(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == 0 || b[len(b)-1] == ' ') {
		b = b[:len(b)-1]
	}
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	return b
}
