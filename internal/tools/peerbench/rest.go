package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/tools/phantom"
)

// figures are the values of one round by their titles.
type figures map[string]float64

// restRounds runs a measurement of the REST API in a fresh server of each peer, as often as there are rounds, and prints
// the titles in their order. The servers take turns, so that a slow minute of the machine meets all of them.
func restRounds(ctx context.Context, opt *options, titles []string, measure func(ctx context.Context, s *server) (figures, error)) error {
	all := map[string]map[string][]float64{}
	for _, title := range titles {
		all[title] = map[string][]float64{}
	}
	list := restPeers(opt)
	for range opt.rounds {
		for _, p := range list {
			got, err := restOnce(ctx, opt, p, measure)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			for title, value := range got {
				all[title][p.name] = append(all[title][p.name], value)
			}
		}
	}
	for _, title := range titles {
		printRates(title, list, all[title])
	}
	return nil
}

// restPeers are the peers that have a REST API.
func restPeers(opt *options) []peer {
	var list []peer
	for _, p := range peers(opt) {
		if p.name != "storescp" {
			list = append(list, p)
		}
	}
	return list
}

func restOnce(ctx context.Context, opt *options, p peer, measure func(context.Context, *server) (figures, error)) (figures, error) {
	dir, err := os.MkdirTemp(opt.scratch, p.name+"-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := p.start(ctx, opt, dir)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := firstAnswer(ctx, s); err != nil {
		return nil, err
	}
	return measure(ctx, s)
}

func (s *server) base() string { return "http://127.0.0.1:" + strconv.Itoa(s.http) }

// stored is what POST /instances answers.
type stored struct{ ID, ParentStudy string }

// upload stores CT images by four clients at once: image(i) for each i below count.
func upload(ctx context.Context, base string, count int, image func(i int) phantom.Image) ([]stored, error) {
	list := make([]stored, count)
	err := parallel(4, count, func(i int) error {
		object, err := image(i).File()
		if err != nil {
			return err
		}
		return ask(ctx, http.MethodPost, base+"/instances", object, &list[i])
	})
	return list, err
}

// parallel calls work for each number below count, from several goroutines, and returns one of the errors.
func parallel(workers, count int, work func(i int) error) error {
	numbers := make(chan int, count)
	for i := range count {
		numbers <- i
	}
	close(numbers)
	errs := make([]error, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range numbers {
				if errs[w] = work(i); errs[w] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// client keeps as many connections as the measurements use at once.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}}

var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// ask makes a request and reads the answer to its end; into is decoded from it unless it is nil.
func ask(ctx context.Context, method, url string, body []byte, into any) error {
	rq, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	rs, err := client.Do(rq)
	if err != nil {
		return err
	}
	defer rs.Body.Close()
	if rs.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(rs.Body, 300))
		return fmt.Errorf("%s %s: %s: %s", method, url, rs.Status, text)
	}
	if into == nil {
		buffer := buffers.Get().(*[256 << 10]byte)
		defer buffers.Put(buffer)
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, rs.Body, buffer[:])
		return err
	}
	return json.NewDecoder(rs.Body).Decode(into)
}

// medianTime asks several times and gives the median in milliseconds.
func medianTime(times int, do func() error) (float64, error) {
	var took []float64
	for range times {
		began := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	return median(took), nil
}

// series makes the images of one series.
func series(side int) func(i int) phantom.Image {
	study := dicom.NewUID()
	return func(i int) phantom.Image {
		return phantom.Image{Study: study, Series: study + ".1", Instance: dicom.UID(fmt.Sprintf("%s.1.%d", study, i+1)), Number: i + 1,
			Side: side}
	}
}
