package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/tools/phantom"
)

// archiveCount is how many CT-like objects a study of this part has.
const archiveCount = 400

// benchArchive measures the download of a study as a ZIP archive, streamed: of images whose pixels compress to half, of
// images that are compressed already, and of files one after the other.
func benchArchive(ctx context.Context, opt *options) error {
	for _, set := range []struct {
		title      string
		compressed bool
	}{{"archive of 400 CT-like objects of 528 kB", false}, {"archive of 400 compressed objects of 528 kB", true}} {
		rates, files := map[string][]float64{}, map[string][]float64{}
		var list []peer
		for _, p := range peers(opt) {
			if p.name == "storescp" {
				continue // it gives nothing back
			}
			list = append(list, p)
			if err := archiveRounds(ctx, opt, p, set.compressed, rates, files); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		printRates(set.title+", MB/s of objects", list, rates)
		if !set.compressed {
			printRates("GET /instances/{id}/file of the same objects, one after the other, objects/s", list, files)
		}
	}
	return nil
}

// archiveRounds stores a study once and downloads it in each round; the first download, which finds nothing cached, does
// not count.
func archiveRounds(ctx context.Context, opt *options, p peer, compressed bool, rates, files map[string][]float64) error {
	dir, err := os.MkdirTemp(opt.scratch, p.name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := p.start(ctx, opt, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	base := "http://127.0.0.1:" + strconv.Itoa(s.http)
	study, instances, size, err := uploadStudy(ctx, base, compressed)
	if err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for round := range opt.rounds + 1 {
		began := time.Now()
		if _, err := download(ctx, base+"/studies/"+study+"/archive", buf); err != nil {
			return err
		}
		if took := time.Since(began); round > 0 {
			rates[p.name] = append(rates[p.name], float64(size)/1e6/took.Seconds())
		}
		began = time.Now()
		for _, id := range instances {
			if _, err := download(ctx, base+"/instances/"+id+"/file", buf); err != nil {
				return err
			}
		}
		if took := time.Since(began); round > 0 {
			files[p.name] = append(files[p.name], float64(len(instances))/took.Seconds())
		}
	}
	return nil
}

func uploadStudy(ctx context.Context, base string, compressed bool) (study string, instances []string, size int64, err error) {
	uid := dicom.NewUID()
	for i := range archiveCount {
		object, err := archiveObject(uid, i, compressed)
		if err != nil {
			return "", nil, 0, err
		}
		rq, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/instances", strings.NewReader(string(object)))
		if err != nil {
			return "", nil, 0, err
		}
		rs, err := http.DefaultClient.Do(rq)
		if err != nil {
			return "", nil, 0, err
		}
		var stored struct{ ID, ParentStudy string }
		err = json.NewDecoder(rs.Body).Decode(&stored)
		_ = rs.Body.Close()
		if err != nil || rs.StatusCode != http.StatusOK {
			return "", nil, 0, fmt.Errorf("upload: %s: %w", rs.Status, err)
		}
		study, instances, size = stored.ParentStudy, append(instances, stored.ID), size+int64(len(object))
	}
	return study, instances, size, nil
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
func download(ctx context.Context, url string, buf []byte) (int64, error) {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	rs, err := http.DefaultClient.Do(rq)
	if err != nil {
		return 0, err
	}
	defer rs.Body.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, rs.Body, buf)
	if err == nil && rs.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", filepath.Base(url), rs.Status)
	}
	return n, err
}
