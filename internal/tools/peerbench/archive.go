package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/tools/phantom"
)

// archiveCount is how many CT-like objects a study of this part has.
const archiveCount = 400

// benchArchive measures the download of a study as a ZIP archive, streamed: of images whose pixels compress to half, and of
// images that are compressed already. Beside it stands what reading the same bytes costs otherwise: file by file over
// REST, and from the data folder without any server.
func benchArchive(ctx context.Context, opt *options) error {
	const single, bare = "the same objects by GET /instances/{id}/file, one after the other, MB/s", "the same bytes from the data folder, MB/s"
	for _, compressed := range []bool{false, true} {
		title := fmt.Sprintf("archive of %d CT-like objects of 528 kB, MB/s of objects", archiveCount)
		if compressed {
			title = fmt.Sprintf("archive of %d objects of 528 kB that are compressed already, MB/s of objects", archiveCount)
		}
		err := restRounds(ctx, opt, []string{title, single, bare}, func(ctx context.Context, s *server) (figures, error) {
			list, size, err := uploadStudy(ctx, s.base(), compressed)
			if err != nil {
				return nil, err
			}
			got := figures{}
			for _, way := range []struct {
				title string
				read  func() error
			}{
				{title, func() error {
					return ask(ctx, http.MethodGet, s.base()+"/studies/"+list[0].ParentStudy+"/archive", nil, nil)
				}},
				{single, func() error { return readFiles(ctx, s.base(), list) }},
				{bare, func() error { return readFolder(s.data) }},
			} {
				took, err := medianTime(1, way.read)
				if err != nil {
					return nil, err
				}
				got[way.title] = float64(size) / 1000 / took
			}
			return got, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func readFiles(ctx context.Context, base string, list []stored) error {
	for _, object := range list {
		if err := ask(ctx, http.MethodGet, base+"/instances/"+object.ID+"/file", nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// readFolder reads all files that a server has written, as cat would.
func readFolder(dir string) error {
	buffer := make([]byte, 256<<10)
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{file}, buffer)
		return err
	})
}

func uploadStudy(ctx context.Context, base string, compressed bool) (list []stored, size int64, err error) {
	uid := dicom.NewUID()
	for i := range archiveCount {
		object, err := archiveObject(uid, i, compressed)
		if err != nil {
			return nil, 0, err
		}
		list, size = append(list, stored{}), size+int64(len(object))
		if err := ask(ctx, http.MethodPost, base+"/instances", object, &list[i]); err != nil {
			return nil, 0, err
		}
	}
	return list, size, nil
}

// archiveObject makes a CT image; compressed is one whose single fragment is as random as that of JPEG 2000.
func archiveObject(study dicom.UID, i int, compressed bool) ([]byte, error) {
	const bytes = 528_000
	image := phantom.Image{Study: study, Series: study + ".1", Instance: dicom.UID(fmt.Sprintf("%s.1.%d", study, i+1)), Number: i + 1,
		Side: phantom.SideFor(bytes)}
	if !compressed {
		return image.File()
	}
	image.Side = 16
	small, err := image.Dataset()
	if err != nil {
		return nil, err
	}
	ds, err := codec.Unmarshal(small, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian), codec.DefaultLimits())
	if err != nil {
		return nil, err
	}
	ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROB, UndefinedLength: true, Fragments: [][]byte{{}, noise(bytes, i)}})
	syntax := dicom.LookupTransferSyntax(dicom.JPEG2000Lossless)
	body, err := codec.Marshal(ds, syntax)
	return append(codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: image.Instance,
		TransferSyntaxUID: syntax.UID}), body...), err
}

// noise is what no program compresses.
func noise(n, seed int) []byte {
	b := make([]byte, n)
	state := uint64(seed)*2862933555777941757 + 3037000493
	for i := range b {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		b[i] = byte(state >> 32)
	}
	return b
}

// download reads an answer into buf, again and again.
