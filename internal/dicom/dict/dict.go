// Package dict looks up what PS3.6 and the private dictionaries say about tags and UIDs.
package dict

import "gantry/internal/dicom"

type Entry struct {
	Tag           dicom.Tag
	VR            dicom.VR
	VRText        string
	VM            string
	Keyword, Name string
	Retired       bool
}

func Lookup(t dicom.Tag) (Entry, bool)                        { return Entry{}, false }
func LookupKeyword(k string) (Entry, bool)                    { return Entry{}, false }
func VRFor(t dicom.Tag) dicom.VR                              { return dicom.VRUN }
func LookupPrivate(creator string, t dicom.Tag) (Entry, bool) { return Entry{}, false }

type UIDEntry struct {
	UID                 dicom.UID
	Type, Keyword, Name string
	Retired             bool
}

func LookupUID(u dicom.UID) (UIDEntry, bool) { return UIDEntry{}, false }
func StorageSOPClasses() []dicom.UID         { return nil }
func IsStorageSOPClass(u dicom.UID) bool     { return false }
func TransferSyntaxes() []dicom.UID          { return nil }

type UserEntry struct {
	Tag            dicom.Tag
	VR             dicom.VR
	Name           string
	MinVM, MaxVM   int
	PrivateCreator string
}
type Dictionary struct{}

func New(user []UserEntry) (*Dictionary, error)            { return &Dictionary{}, nil }
func (d *Dictionary) Lookup(t dicom.Tag) (Entry, bool)     { return Lookup(t) }
func (d *Dictionary) LookupKeyword(k string) (Entry, bool) { return LookupKeyword(k) }
func (d *Dictionary) VRFor(t dicom.Tag) dicom.VR           { return VRFor(t) }
func (d *Dictionary) LookupPrivate(creator string, t dicom.Tag) (Entry, bool) {
	return LookupPrivate(creator, t)
}
