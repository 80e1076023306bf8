package services_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/scu"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
	"gantry/internal/tools/phantom"
)

func image(t *testing.T, instance dicom.UID) []byte {
	t.Helper()
	data, err := phantom.Image{Study: dicom.NewUID(), Series: dicom.NewUID(), Instance: instance, Side: 8}.Dataset()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What was sent is found, bit for bit, once the answer is there; a second time it is a success, too.
func TestStore(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	c := s.dial("CT", nil)
	data := image(t, "1.2.3")
	for range 2 {
		rsp, err := c.Store(t.Context(), &scu.StoreRequest{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.3", TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(data)})
		if err != nil || rsp.Status != dimse.StatusSuccess {
			t.Fatalf("%v %v", rsp, err)
		}
	}
	var row *index.InstanceRow
	err := s.store.View(t.Context(), func(tx index.ReadTx) error {
		found, err := tx.Identify("1.2.3")
		if err == nil {
			row, err = tx.Instance(found[0].ID)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if o := row.Origin; o.Source != "DicomProtocol" || o.RemoteAET != "CT" || o.CalledAET != "GANTRY" || o.RemoteIP != "127.0.0.1" {
		t.Errorf("origin %+v", o)
	}
	object, err := s.store.OpenInstance(t.Context(), row.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	kept, _, err := object.Dataset()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(kept); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes are kept, %d were sent: %v", len(got), len(data), err)
	}
}

// The statuses of C-STORE (PS3.4 B.2.3).
func TestStoreStatuses(t *testing.T) {
	t.Parallel()
	withoutStudy := &dicom.Dataset{}
	withoutStudy.SetUID(dicom.TagSOPClassUID, dicom.CTImageStorage)
	withoutStudy.SetUID(dicom.TagSOPInstanceUID, "1.2.3")
	incomplete, err := codec.Marshal(withoutStudy, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, nil)
	for name, x := range map[string]struct {
		class dicom.UID
		data  []byte
		want  dimse.Status
	}{
		"another instance than announced": {dicom.CTImageStorage, image(t, "1.2.4"), dimse.StatusDataSetMismatch},
		"another class than announced":    {dicom.MRImageStorage, image(t, "1.2.3"), dimse.StatusDataSetMismatch},
		"no Study Instance UID":           {dicom.CTImageStorage, incomplete, dimse.StatusDataSetMismatch},
		"no DICOM":                        {dicom.CTImageStorage, []byte(strings.Repeat("GET / HTTP/1.1\r\n", 4)), dimse.StatusCannotUnderstand},
		"cut in the header":               {dicom.CTImageStorage, image(t, "1.2.3")[:30], dimse.StatusCannotUnderstand},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial("CT", nil)
			rsp, err := c.Store(t.Context(), &scu.StoreRequest{SOPClassUID: x.class, SOPInstanceUID: "1.2.3", TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(x.data)})
			if err != nil || rsp.Status != x.want {
				t.Errorf("%v %v, want %s", rsp, err, x.want)
			}
			if err := c.Echo(t.Context()); err != nil {
				t.Errorf("the association is gone: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		if st, err := s.store.Statistics(t.Context()); err == nil && st.Instances != 0 {
			t.Errorf("%d instances are stored", st.Instances)
		}
	})
}

// A store that takes nothing more says so with A700H.
func TestStoreStatusOfStoreErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.DicomAlwaysAllowStore = true })
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.store.Put(t.Context(), &storage.PutRequest{Data: bytes.NewReader(image(t, "1.2.3"))})
	if !errors.Is(err, storage.ErrClosed) {
		t.Errorf("a closed store: %v", err)
	}
	rsp, err := s.dial("CT", nil).Store(t.Context(), &scu.StoreRequest{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.3", TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(image(t, "1.2.3"))})
	if err != nil || rsp.Status != dimse.StatusProcessingFailure {
		t.Errorf("%v %v", rsp, err)
	}
}
