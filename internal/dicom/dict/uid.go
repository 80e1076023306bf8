package dict

import (
	"sort"
	"strings"

	"gantry/internal/dicom"
)

// UIDEntry is what PS3.6 A says about a UID.
type UIDEntry struct {
	UID     dicom.UID
	Type    string // "SOP Class", "Transfer Syntax", ...
	Keyword string // "CTImageStorage"; "" for a few retired ones
	Name    string // "CT Image Storage"
	Retired bool
}

const (
	uidRetired = 1 << iota
	uidStorage
	uidTransferSyntax
)

// uidRow is a UID in the tables: the offset of its text and flags. A last row marks the end of the text.
type uidRow struct {
	text  uint32
	flags uint8
}

// LookupUID returns the entry of a UID that the standard defines.
func LookupUID(u dicom.UID) (UIDEntry, bool) {
	i, ok := findUID(u)
	if !ok {
		return UIDEntry{}, false
	}
	fields := strings.SplitN(uidText[uidRows[i].text:uidRows[i+1].text-1], "\t", 4)
	return UIDEntry{
		UID: u, Type: fields[1], Keyword: fields[2], Name: fields[3],
		Retired: uidRows[i].flags&uidRetired != 0,
	}, true
}

// IsStorageSOPClass reports whether u is a SOP class of the standard, retired or not, whose instances
// C-STORE transfers (PS3.4 B.5).
func IsStorageSOPClass(u dicom.UID) bool {
	i, ok := findUID(u)
	return ok && uidRows[i].flags&uidStorage != 0
}

// StorageSOPClasses returns all UIDs for which IsStorageSOPClass is true, sorted as text, in a slice of the caller's own.
func StorageSOPClasses() []dicom.UID { return uidsWith(uidStorage) }

// TransferSyntaxes returns all transfer syntaxes of the standard, retired ones too, sorted as text,
// in a slice of the caller's own.
func TransferSyntaxes() []dicom.UID { return uidsWith(uidTransferSyntax) }

func uidsWith(flag uint8) []dicom.UID {
	var uids []dicom.UID
	for i := range len(uidRows) - 1 {
		if uidRows[i].flags&flag != 0 {
			uids = append(uids, dicom.UID(uidAt(i)))
		}
	}
	return uids
}

func findUID(u dicom.UID) (int, bool) {
	n := len(uidRows) - 1
	i := sort.Search(n, func(i int) bool { return uidAt(i) >= string(u) })
	return i, i < n && uidAt(i) == string(u)
}

func uidAt(i int) string {
	uid, _, _ := strings.Cut(uidText[uidRows[i].text:uidRows[i+1].text], "\t")
	return uid
}
