package jobkinds

import (
	"slices"
	"sync/atomic"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
)

// Acceptance is what is let in, storage SOP classes and transfer syntaxes: what the configuration says, until somebody
// changes it. It may be used and changed by several at the same time.
type Acceptance struct {
	now atomic.Pointer[acceptanceRules]
}

// acceptanceRules do not change once they are made.
type acceptanceRules struct {
	unknown            bool
	accepted, rejected []string // patterns of SOP classes
	syntaxes           []string // patterns of transfer syntaxes
	refused            map[dicom.UID]bool
}

// NewAcceptance reads the options AcceptedTransferSyntaxes, *TransferSyntaxAccepted, UnknownSopClassAccepted,
// AcceptedSopClasses and RejectedSopClasses.
func NewAcceptance(c *config.Config) *Acceptance {
	r := &acceptanceRules{
		unknown: c.UnknownSopClassAccepted, accepted: c.AcceptedSopClasses, rejected: c.RejectedSopClasses,
		syntaxes: c.AcceptedTransferSyntaxes, refused: map[dicom.UID]bool{},
	}
	for _, g := range syntaxGroups(c) {
		for _, uid := range g.uids {
			if !g.accepted {
				r.refused[uid] = true
			}
		}
	}
	a := &Acceptance{}
	a.now.Store(r)
	return a
}

// Accepted is what services and decisions share; it is read from the configuration where none was given.
func (d *Deps) Accepted() *Acceptance {
	d.acceptOnce.Do(func() {
		if d.Acceptance == nil {
			d.Acceptance = NewAcceptance(d.Config)
		}
	})
	return d.Acceptance
}

// change puts altered rules in the place of those that hold.
func (a *Acceptance) change(alter func(*acceptanceRules)) {
	for {
		old := a.now.Load()
		altered := *old
		alter(&altered)
		if a.now.CompareAndSwap(old, &altered) {
			return
		}
	}
}

// SetTransferSyntaxes accepts what matches one of the patterns, and nothing else, whatever the configuration says.
func (a *Acceptance) SetTransferSyntaxes(patterns []string) {
	a.change(func(r *acceptanceRules) { r.syntaxes, r.refused = slices.Clone(patterns), nil })
}

// SetUnknownSOPClasses is the option UnknownSopClassAccepted.
func (a *Acceptance) SetUnknownSOPClasses(accepted bool) {
	a.change(func(r *acceptanceRules) { r.unknown = accepted })
}

// UnknownSOPClasses reports whether classes are taken that no dictionary knows.
func (a *Acceptance) UnknownSOPClasses() bool { return a.now.Load().unknown }

// TransferSyntaxes lists the known ones that are accepted.
func (a *Acceptance) TransferSyntaxes() []dicom.UID {
	return a.those(dict.TransferSyntaxes(), a.TransferSyntax)
}

// SOPClasses lists the known ones that are accepted.
func (a *Acceptance) SOPClasses() []dicom.UID { return a.those(dict.StorageSOPClasses(), a.SOPClass) }

func (a *Acceptance) those(all []dicom.UID, accepted func(dicom.UID) bool) []dicom.UID {
	return slices.DeleteFunc(slices.Clone(all), func(uid dicom.UID) bool { return !accepted(uid) })
}

// SOPClass reports whether objects of the class are taken. An entry of AcceptedSopClasses without a wildcard also lets
// in a class that no dictionary knows.
func (a *Acceptance) SOPClass(class dicom.UID) bool {
	r := a.now.Load()
	if matchesAny(r.rejected, string(class)) {
		return false
	}
	if slices.Contains(r.accepted, string(class)) {
		return true
	}
	known := dict.IsStorageSOPClass(class)
	if !known && r.unknown {
		_, listed := dict.LookupUID(class)
		known = !listed
	}
	return known && (len(r.accepted) == 0 || matchesAny(r.accepted, string(class)))
}

// TransferSyntax reports whether objects in the transfer syntax are taken.
func (a *Acceptance) TransferSyntax(uid dicom.UID) bool {
	r := a.now.Load()
	return matchesAny(r.syntaxes, string(uid)) && !r.refused[uid]
}

func matchesAny(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return dicom.MatchWildcards(p, s) })
}

type syntaxGroup struct {
	accepted bool
	uids     []dicom.UID
}

// syntaxGroups are Orthanc's groups of transfer syntaxes; its "JpegLossless" means JPEG-LS.
func syntaxGroups(c *config.Config) []syntaxGroup {
	return []syntaxGroup{
		{c.DeflatedTransferSyntaxAccepted, []dicom.UID{dicom.DeflatedExplicitVRLittleEndian}},
		{c.JpegTransferSyntaxAccepted, []dicom.UID{
			dicom.JPEGBaseline8Bit, dicom.JPEGExtended12Bit, dicom.JPEGExtended35,
			dicom.JPEGSpectralSelectionNonHierarchical68, dicom.JPEGSpectralSelectionNonHierarchical79,
			dicom.JPEGFullProgressionNonHierarchical1012, dicom.JPEGFullProgressionNonHierarchical1113,
			dicom.JPEGLossless, dicom.JPEGLosslessNonHierarchical15,
			dicom.JPEGExtendedHierarchical1618, dicom.JPEGExtendedHierarchical1719,
			dicom.JPEGSpectralSelectionHierarchical2022, dicom.JPEGSpectralSelectionHierarchical2123,
			dicom.JPEGFullProgressionHierarchical2426, dicom.JPEGFullProgressionHierarchical2527,
			dicom.JPEGLosslessHierarchical28, dicom.JPEGLosslessHierarchical29, dicom.JPEGLosslessSV1,
		}},
		{c.Jpeg2000TransferSyntaxAccepted, []dicom.UID{
			dicom.JPEG2000Lossless, dicom.JPEG2000, dicom.JPEG2000MCLossless, dicom.JPEG2000MC,
		}},
		{c.JpegLosslessTransferSyntaxAccepted, []dicom.UID{dicom.JPEGLSLossless, dicom.JPEGLSNearLossless}},
		{c.JpipTransferSyntaxAccepted, []dicom.UID{dicom.JPIPReferenced, dicom.JPIPReferencedDeflate}},
		{c.Mpeg2TransferSyntaxAccepted, []dicom.UID{dicom.MPEG2MPML, dicom.MPEG2MPMLF, dicom.MPEG2MPHL, dicom.MPEG2MPHLF}},
		{c.RleTransferSyntaxAccepted, []dicom.UID{dicom.RLELossless}},
		{c.Mpeg4TransferSyntaxAccepted, []dicom.UID{
			dicom.MPEG4HP41, dicom.MPEG4HP41F, dicom.MPEG4HP41BD, dicom.MPEG4HP41BDF, dicom.MPEG4HP422D, dicom.MPEG4HP422DF,
			dicom.MPEG4HP423D, dicom.MPEG4HP423DF, dicom.MPEG4HP42STEREO, dicom.MPEG4HP42STEREOF,
		}},
		{c.H265TransferSyntaxAccepted, []dicom.UID{dicom.HEVCMP51, dicom.HEVCM10P51}},
	}
}
