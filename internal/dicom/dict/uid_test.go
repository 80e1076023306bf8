package dict

import (
	"slices"
	"testing"

	"gantry/internal/dicom"
)

func TestLookupUID(t *testing.T) {
	t.Parallel()
	want := UIDEntry{dicom.CTImageStorage, "SOP Class", "CTImageStorage", "CT Image Storage", false}
	if e, ok := LookupUID(dicom.CTImageStorage); !ok || e != want {
		t.Errorf("CT: %+v, %v", e, ok)
	}
	if e, ok := LookupUID(dicom.ExplicitVRBigEndian); !ok || !e.Retired || e.Type != "Transfer Syntax" {
		t.Errorf("big endian: %+v, %v", e, ok)
	}
	for i := range len(uidRows) - 1 {
		if e, ok := LookupUID(dicom.UID(uidAt(i))); !ok || string(e.UID) != uidAt(i) || !e.UID.Valid() || e.Type == "" {
			t.Errorf("row %d: %+v, %v", i, e, ok)
		}
	}
	for _, uid := range []dicom.UID{"", "1.2", "1.2.840.10008.1.2.4", "9", "1.2.840.10008.5.1.4.1.1.2\x00"} {
		if e, ok := LookupUID(uid); ok {
			t.Errorf("LookupUID(%q) = %+v, want nothing", uid, e)
		}
	}
}

func TestStorageSOPClasses(t *testing.T) {
	t.Parallel()
	for uid, want := range map[dicom.UID]bool{
		dicom.CTImageStorage:                     true,
		dicom.SecondaryCaptureImageStorage:       true,
		dicom.EncapsulatedPDFStorage:             true,
		"1.2.840.10008.5.1.4.1.1.3":              true, // retired
		"1.2.840.10008.5.1.4.1.1.601.1":          true, // DICONDE
		"1.2.840.10008.5.1.4.38.1":               true, // hanging protocol: not patient related
		"1.2.840.10008.5.1.4.34.7":               true,
		dicom.VerificationSOPClass:               false,
		dicom.StorageCommitmentPushModel:         false,
		dicom.StorageCommitmentPushModelInstance: false,
		dicom.MediaStorageDirectoryStorage:       false,
		"1.2.840.10008.5.1.4.1.1.200.4":          false, // protocol approval FIND
		dicom.ExplicitVRLittleEndian:             false,
		"1.2.3":                                  false,
	} {
		if got := IsStorageSOPClass(uid); got != want {
			t.Errorf("IsStorageSOPClass(%s) = %v", uid, got)
		}
	}
	classes := StorageSOPClasses()
	if len(classes) < 190 || !slices.IsSorted(classes) || !slices.Contains(classes, dicom.MRImageStorage) {
		t.Errorf("%d storage SOP classes", len(classes))
	}
	for _, uid := range classes {
		if !IsStorageSOPClass(uid) {
			t.Errorf("%s is in the list", uid)
		}
	}
}

func TestTransferSyntaxes(t *testing.T) {
	t.Parallel()
	all := TransferSyntaxes()
	if len(all) != 63 {
		t.Errorf("%d transfer syntaxes", len(all))
	}
	for _, uid := range []dicom.UID{dicom.ImplicitVRLittleEndian, dicom.JPEG2000, dicom.HTJ2K, dicom.DeflatedImageFrameCompression} {
		if !slices.Contains(all, uid) {
			t.Errorf("%s is missing", uid)
		}
	}
}
