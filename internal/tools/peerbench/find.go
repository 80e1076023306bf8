package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/tools/phantom"
)

// asked is a search as it is sent to /tools/find.
type asked struct{ name, body string }

// benchFind measures searches beside each other over a small store, and of gantry alone over a large index.
func benchFind(ctx context.Context, opt *options) error {
	searches := []asked{
		{"wildcards, all that is found expanded", `{"Level":"Study","Query":{"PatientName":"*a1*"},"Expand":true}`},
		{"patient id", `{"Level":"Study","Query":{"PatientID":"ID0100"},"Expand":true}`},
		{"nothing found", `{"Level":"Study","Query":{"PatientName":"nobody*"},"Expand":true}`},
	}
	err := restRounds(ctx, opt, append(titles(searches), pageTitles...), func(ctx context.Context, s *server) (figures, error) {
		_, err := upload(ctx, s.base(), opt.studies, func(i int) phantom.Image {
			study := dicom.NewUID()
			return phantom.Image{PatientID: fmt.Sprintf("ID%04d", i), PatientName: fmt.Sprintf("Patient^Anna%d", i), Study: study,
				Series: study + ".1", Instance: study + ".1.1", Side: 16}
		})
		if err != nil {
			return nil, err
		}
		return searchTimes(ctx, s, searches, opt.studies)
	})
	if err != nil || opt.filled == 0 {
		return err
	}
	return benchFilled(ctx, opt)
}

// benchFilled measures gantry over an index of synthetic rows without objects behind them.
func benchFilled(ctx context.Context, opt *options) error {
	dir, err := os.MkdirTemp(opt.scratch, "filled-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fill := exec.CommandContext(ctx, "go", "run", "./internal/tools/fillindex", "--fill-only", "--dir", filepath.Join(dir, "data"),
		"--instances", strconv.Itoa(opt.filled))
	fill.Stdout, fill.Stderr = os.Stdout, os.Stderr
	if err := fill.Run(); err != nil {
		return err
	}
	s, err := startGantry(ctx, opt, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	studies := opt.filled / 100
	searches := []asked{
		{"wildcards, a tenth found, ids", `{"Level":"Study","Query":{"PatientName":"smith*"}}`},
		{"wildcards, a tenth found, 100 expanded", `{"Level":"Study","Query":{"PatientName":"smith*"},"Expand":true,"Limit":100}`},
		{"wildcards, a tenth found, all expanded", `{"Level":"Study","Query":{"PatientName":"smith*"},"Expand":true}`},
		{"wildcards in two tags, few found", `{"Level":"Study","Query":{"PatientName":"*7^an*","StudyDescription":"*head*9?"},"Expand":true}`},
		{"wildcards and dates", `{"Level":"Study","Query":{"PatientName":"*a*^*","StudyDescription":"*knee*","StudyDate":"20180101-20181231"},"Expand":true}`},
		{"patient id", fmt.Sprintf(`{"Level":"Study","Query":{"PatientID":"PID%07d"},"Expand":true}`, studies/4)},
		{"accession number", fmt.Sprintf(`{"Level":"Study","Query":{"AccessionNumber":"ACC%08d"},"Expand":true}`, studies/2)},
		{"study instance UID", fmt.Sprintf(`{"Level":"Study","Query":{"StudyInstanceUID":"1.2.826.0.1.3680043.10.1.%d"},"Expand":true}`, studies/2)},
		{"SOP instance UID", fmt.Sprintf(`{"Level":"Instance","Query":{"SOPInstanceUID":"1.2.826.0.1.3680043.10.1.%d.1.7"},"Expand":true}`, studies/2)},
	}
	got, err := searchTimes(ctx, s, searches, studies)
	if err != nil {
		return err
	}
	fmt.Printf("gantry over %d instances of %d studies\n", opt.filled, studies)
	for _, title := range append(titles(searches), pageTitles...) {
		fmt.Printf("  %-72s %10.2f\n", title, got[title])
	}
	err = benchGrowth(ctx, opt, s)
	fmt.Println()
	return err
}

// benchGrowth sets the rate of C-STORE into an empty store beside that into a full one.
func benchGrowth(ctx context.Context, opt *options, full *server) error {
	return withGantry(ctx, opt, func(empty *server) error {
		rates := map[*server][]float64{}
		for range opt.rounds {
			for _, s := range []*server{empty, full} {
				rate, err := storeNew(ctx, opt, s, size{name: "3k", bytes: 3000, count: 4000})
				if err != nil {
					return err
				}
				rates[s] = append(rates[s], rate)
			}
		}
		fmt.Printf("  %-72s %10.0f\n", "C-STORE of 4,000 objects of 3 kB, one association, objects/s", median(rates[full]))
		fmt.Printf("  %-72s %10.0f\n", "the same into an empty store", median(rates[empty]))
		return nil
	})
}

// storeNew sends objects that no server has seen on one association.
func storeNew(ctx context.Context, opt *options, s *server, objects size) (float64, error) {
	dir, err := os.MkdirTemp(opt.scratch, "objects-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	folders, err := writeObjects(dir, objects, 1)
	if err != nil {
		return 0, err
	}
	took, err := send(ctx, opt, s, folders)
	return float64(objects.count) / took.Seconds(), err
}

func withGantry(ctx context.Context, opt *options, do func(*server) error) error {
	dir, err := os.MkdirTemp(opt.scratch, "gantry-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := startGantry(ctx, opt, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	return do(s)
}

var pageTitles = []string{"all studies, one request with ?expand, studies/s", "all studies, pages of 100 with ?expand, studies/s"}

func (a asked) title() string { return "POST /tools/find, " + a.name + ", ms" }

func titles(searches []asked) []string {
	var list []string
	for _, a := range searches {
		list = append(list, a.title())
	}
	return list
}

// searchTimes asks each search several times, and pages through all studies.
func searchTimes(ctx context.Context, s *server, searches []asked, studies int) (figures, error) {
	got := figures{}
	for _, a := range searches {
		took, err := medianTime(21, func() error {
			return ask(ctx, http.MethodPost, s.base()+"/tools/find", []byte(a.body), nil)
		})
		if err != nil {
			return nil, err
		}
		got[a.title()] = took
	}
	began := time.Now()
	if err := ask(ctx, http.MethodGet, s.base()+"/studies?expand", nil, nil); err != nil {
		return nil, err
	}
	got[pageTitles[0]] = float64(studies) / time.Since(began).Seconds()
	began = time.Now()
	const page = 100
	for since := 0; since < studies; since += page {
		if err := ask(ctx, http.MethodGet, fmt.Sprintf("%s/studies?expand&since=%d&limit=%d", s.base(), since, page), nil, nil); err != nil {
			return nil, err
		}
	}
	got[pageTitles[1]] = float64(studies) / time.Since(began).Seconds()
	return got, nil
}
