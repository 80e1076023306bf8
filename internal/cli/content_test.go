package cli

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

func someFile(t *testing.T) string {
	t.Helper()
	var ds dicom.Dataset
	ds.SetUID(dicom.TagSOPClassUID, dicom.CTImageStorage)
	ds.SetUID(dicom.TagSOPInstanceUID, "1.2")
	ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROW, Value: make([]byte, 4096)})
	body, err := codec.Marshal(&ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	head := codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2", TransferSyntaxUID: dicom.ExplicitVRLittleEndian})
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, append(head, body...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A file that shrinks or grows after its header was read never ends as if it were whole.
func TestChangedFile(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{"cut": 1000, "grown": 9000} {
		path := someFile(t)
		o, err := readObject(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := o.open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, errChanged) {
			t.Errorf("%s while it was read: %v", name, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := o.open(); !errors.Is(err, errChanged) {
			t.Errorf("%s before it was opened: %v", name, err)
		}
	}
}

// What would wait for a writer is not opened.
func TestNotARegularFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "socket")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Skip("no sockets in the file system here:", err)
	}
	defer func() { _ = ln.Close() }()
	f, err := find(t.Context(), new(clientOptions), []string{path})
	if err != nil || len(f.unusable) != 1 || !strings.Contains(f.unusable[0].Reason, "not a regular file") {
		t.Errorf("%+v %v", f, err)
	}
}
