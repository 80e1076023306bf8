package jobkinds

import (
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
)

func TestAcceptedSOPClasses(t *testing.T) {
	t.Parallel()
	const private, printing = dicom.UID("1.3.12.2.1107.5.9.1"), dicom.UID("1.2.840.10008.5.1.1.9")
	for name, c := range map[string]struct {
		set  func(*config.Config)
		want map[dicom.UID]bool
	}{
		"by default every storage class of the dictionary": {func(*config.Config) {},
			map[dicom.UID]bool{dicom.CTImageStorage: true, private: false, printing: false, dicom.VerificationSOPClass: false}},
		"unknown ones on demand, known others never": {func(c *config.Config) { c.UnknownSopClassAccepted = true },
			map[dicom.UID]bool{dicom.CTImageStorage: true, private: true, printing: false}},
		"a list limits": {func(c *config.Config) { c.AcceptedSopClasses = []string{string(dicom.CTImageStorage)} },
			map[dicom.UID]bool{dicom.CTImageStorage: true, dicom.MRImageStorage: false}},
		"a list adds what is written out": {func(c *config.Config) { c.AcceptedSopClasses = []string{"1.2.840.*", string(private)} },
			map[dicom.UID]bool{dicom.CTImageStorage: true, private: true}},
		"refused ones go last": {func(c *config.Config) { c.RejectedSopClasses = []string{string(dicom.CTImageStorage)} },
			map[dicom.UID]bool{dicom.CTImageStorage: false, dicom.MRImageStorage: true}},
	} {
		cfg := config.Default()
		c.set(cfg)
		a := NewAcceptance(cfg)
		for class, want := range c.want {
			if got := a.SOPClass(class); got != want {
				t.Errorf("%s: %s %v", name, class, got)
			}
		}
	}
}

func TestAcceptedTransferSyntaxes(t *testing.T) {
	t.Parallel()
	a := NewAcceptance(config.Default())
	for _, ts := range []dicom.UID{dicom.ImplicitVRLittleEndian, dicom.JPEGLosslessSV1, dicom.HTJ2K, dicom.RLELossless, dicom.DeflatedExplicitVRLittleEndian} {
		if !a.TransferSyntax(ts) {
			t.Errorf("%s is refused by default", ts)
		}
	}
	for ts, off := range map[dicom.UID]func(*config.Config){
		dicom.DeflatedExplicitVRLittleEndian: func(c *config.Config) { c.DeflatedTransferSyntaxAccepted = false },
		dicom.JPEGBaseline8Bit:               func(c *config.Config) { c.JpegTransferSyntaxAccepted = false },
		dicom.JPEG2000:                       func(c *config.Config) { c.Jpeg2000TransferSyntaxAccepted = false },
		dicom.JPEGLSLossless:                 func(c *config.Config) { c.JpegLosslessTransferSyntaxAccepted = false },
		dicom.JPIPReferenced:                 func(c *config.Config) { c.JpipTransferSyntaxAccepted = false },
		dicom.MPEG2MPML:                      func(c *config.Config) { c.Mpeg2TransferSyntaxAccepted = false },
		dicom.RLELossless:                    func(c *config.Config) { c.RleTransferSyntaxAccepted = false },
		dicom.MPEG4HP41:                      func(c *config.Config) { c.Mpeg4TransferSyntaxAccepted = false },
		dicom.HEVCMP51:                       func(c *config.Config) { c.H265TransferSyntaxAccepted = false },
	} {
		cfg := config.Default()
		off(cfg)
		if NewAcceptance(cfg).TransferSyntax(ts) || !NewAcceptance(cfg).TransferSyntax(dicom.ExplicitVRLittleEndian) {
			t.Errorf("the group of %s cannot be switched off alone", ts)
		}
	}
}
