package services_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/scp"
	"gantry/internal/scu"
	"gantry/internal/tools/phantom"
)

// Names and ids of patients are in the log if DeidentifyLogs is off, and only then. Each association with objects ends
// with a line about them.
func TestLogOfAssociation(t *testing.T) {
	t.Parallel()
	for _, masked := range []bool{true, false} {
		t.Run(fmt.Sprintf("masked %t", masked), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *config.Config) { c.DeidentifyLogs = masked })
			c := s.dial("CT", nil)
			var size int
			for _, broken := range []bool{false, true} {
				i := phantom.Image{PatientID: "ID-WALNUT", PatientName: "Doe^Jane", Study: "1.2.3", Series: "1.2.3.1", Instance: dicom.NewUID(), Side: 4}
				data, err := i.Dataset()
				if err != nil {
					t.Fatal(err)
				}
				if broken {
					data = bytes.Replace(data, []byte("Doe^Jane"), []byte("Doe^Jan\\"), 1)
					data = data[:bytes.Index(data, []byte("ID-WALNUT"))+3]
				} else {
					size = len(data)
				}
				rsp, err := c.Store(t.Context(), &scu.StoreRequest{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: i.Instance,
					TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(data)})
				if err != nil || broken == (rsp.Err() == nil) {
					t.Fatalf("%v %v", rsp, err)
				}
			}
			if err := c.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.stop()
			log := s.logged.String()
			if want := fmt.Sprintf("stored=1 failed=1 bytes=%d", size); !strings.Contains(log, want) {
				t.Errorf("no line with %s", want)
			}
			for _, text := range []string{"Doe", "Jan", "WALNUT"} {
				if strings.Contains(log, text) == masked {
					t.Errorf("%q in the log: %t", text, !masked)
				}
			}
		})
	}
}

// A C-STORE that fails is one line in the log, which says whose it was, of what, how it was answered, why, and what to do.
func TestFailedStoreIsOneLine(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		change func(*config.Config)
		data   func(t *testing.T) []byte
		want   []string
	}{
		"not an object": {nil, func(*testing.T) []byte { return []byte(strings.Repeat("GET / HTTP/1.1\r\n", 4)) },
			[]string{"level=WARN", `status="C000H cannot understand"`, `reason="the data set cannot be read: `, `next="correct the object at its sender"`}},
		"another instance": {nil, func(t *testing.T) []byte { return image(t, "1.2.4") },
			[]string{"level=WARN", `status="A900H data set does not match SOP class"`, "(0008,0018)", `next="correct the object at its sender"`}},
		"not allowed": {func(c *config.Config) { c.DicomAlwaysAllowStore = false }, func(t *testing.T) []byte { return image(t, "1.2.3") },
			[]string{"level=WARN", `status="0124H not authorised"`, `reason="C-STORE is not allowed for this AE title"`, "DicomModalities"}},
		"our own failure": {nil, nil, []string{"level=ERROR", `status="0110H processing failure"`, `reason="not stored: `, "next="}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, x.change)
			data := image(t, "1.2.3")
			if x.data != nil {
				data = x.data(t)
			} else if err := s.store.Close(); err != nil {
				t.Fatal(err)
			}
			c := s.dial("CT", nil)
			rsp, err := c.Store(t.Context(), &scu.StoreRequest{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.3",
				TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(data)})
			if err != nil || rsp.Status.OK() {
				t.Fatalf("%v %v", rsp, err)
			}
			var lines []string
			for line := range strings.Lines(s.logged.String()) {
				if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
					lines = append(lines, line)
				}
			}
			if len(lines) != 1 {
				t.Fatalf("%d lines: %s", len(lines), lines)
			}
			for _, want := range append(x.want, "calling=CT", "called=GANTRY", "service=C-STORE", "instance=1.2.3 ") {
				if !strings.Contains(lines[0], want) {
					t.Errorf("%swithout %s", lines[0], want)
				}
			}
		})
	}
}

// What is not stored is not stored on a presentation context for something else either (PS3.4 B.2.3).
func TestStoreWrongClass(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.AcceptedSopClasses = []string{string(dicom.CTImageStorage)} })
	peer := &scp.Peer{CallingAET: "CT", RemoteAddr: from("10.0.0.1")}
	for _, x := range []struct{ context, class dicom.UID }{
		{dicom.CTImageStorage, dicom.MRImageStorage}, {dicom.CTImageStorage, dicom.VerificationSOPClass},
		{dicom.CTImageStorage, "../.."}, {dicom.VerificationSOPClass, dicom.CTImageStorage}, {dicom.StorageCommitmentPushModel, dicom.CTImageStorage},
	} {
		err := s.services.Store(t.Context(), &scp.StoreRequest{SOPClassUID: x.class, SOPInstanceUID: "1.2.3.4", Data: bytes.NewReader(image(t, "1.2.3.4")),
			Header: scp.Header{Peer: peer, AbstractSyntax: x.context, TransferSyntax: dicom.ExplicitVRLittleEndian}})
		if dimse.StatusOf(err) != dimse.StatusSOPClassNotSupported {
			t.Errorf("%s on %s: %v", x.class, x.context, err)
		}
	}
}
