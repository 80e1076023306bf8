// Command gentestdata writes the DICOM files of testdata: run from the module's root,
//
//	go run ./internal/tools/gentestdata testdata/ct
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"gantry/internal/dicom"
	"gantry/internal/tools/phantom"
)

// root is a UID made once (PS3.5 B.2), so that the files come out the same each time.
const root = "2.25.120734925498350498120374129384712093481"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gentestdata FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gentestdata:", err)
		os.Exit(1)
	}
}

// write makes one study of two series with three images each.
func write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for series := range 2 {
		for image := range 3 {
			file, err := phantom.Image{Study: root + ".1", Series: dicom.UID(fmt.Sprintf("%s.1.%d", root, series+1)),
				Instance: dicom.UID(fmt.Sprintf("%s.1.%d.%d", root, series+1, image+1)), Number: image + 1, Side: 32}.File()
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d-%d.dcm", series+1, image+1)), file, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
