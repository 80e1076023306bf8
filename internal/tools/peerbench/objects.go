package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/tools/phantom"
)

// size is one kind of object: how large and how many.
type size struct {
	name  string
	bytes int
	count int
}

func parseSize(text string) (size, error) {
	name, count, _ := strings.Cut(text, ":")
	number := strings.TrimSuffix(name, "k")
	n, err := strconv.Atoi(number)
	if err != nil || n <= 0 {
		return size{}, fmt.Errorf("--sizes: %q is no size such as 528k", name)
	}
	if number != name {
		n *= 1000
	}
	s := size{name: name, bytes: n, count: 1000}
	if count != "" {
		if s.count, err = strconv.Atoi(count); err != nil || s.count <= 0 || s.count > 100_000 {
			return size{}, fmt.Errorf("--sizes: %q is no count from 1 to 100000", count)
		}
	}
	return s, nil
}

// writeObjects writes CT images of about the given size below dir, spread over as many folders as there will be
// associations, and returns those folders. Every call makes new UIDs.
func writeObjects(dir string, s size, folders int) ([]string, error) {
	study, series := dicom.NewUID(), dicom.NewUID()
	names := make([]string, folders)
	for i := range names {
		names[i] = filepath.Join(dir, strconv.Itoa(i))
		if err := os.MkdirAll(names[i], 0o755); err != nil {
			return nil, err
		}
	}
	for i := range s.count {
		instance := dicom.UID(fmt.Sprintf("%s.%d", series, i+1))
		object, err := phantom.Image{Study: study, Series: series, Instance: instance, Number: i + 1,
			Side: phantom.SideFor(s.bytes)}.File()
		if err != nil {
			return nil, err
		}
		file := filepath.Join(names[i%folders], fmt.Sprintf("CT%06d.dcm", i))
		if err := os.WriteFile(file, object, 0o644); err != nil {
			return nil, err
		}
	}
	return names, nil
}
