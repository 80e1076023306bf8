package testkit

import (
	"archive/zip"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// FreePort returns a port for a foreign program that cannot choose one by itself, below those that systems hand out by
// themselves: nobody else takes it before it is used, or between two uses.
func FreePort(t testing.TB) int {
	t.Helper()
	var err error
	for range 100 {
		var l net.Listener
		port := 12000 + rand.IntN(20000)
		if l, err = net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal(err)
	return 0
}

// Unzip returns the files of a ZIP archive by their names, checksums checked. Two of one name fail the test.
func Unzip(t testing.TB, archive []byte) map[string][]byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range r.File {
		if _, twice := files[f.Name]; twice {
			t.Errorf("two entries %q", f.Name)
		}
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(in); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		_ = in.Close()
	}
	return files
}
