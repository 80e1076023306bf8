package dict

import (
	"fmt"
	"strconv"
	"strings"

	"gantry/internal/dicom"
)

// UserEntry is an element that the user adds to the dictionary: an entry of Orthanc's option "Dictionary".
type UserEntry struct {
	Tag            dicom.Tag // of a private element with a creator only the group and the low 8 bits count
	VR             dicom.VR
	Name           string
	MinVM, MaxVM   int    // how many values there may be; MaxVM 0: any number; both 0: one
	PrivateCreator string // "" for standard elements
}

// UserEntryError says what is wrong with a UserEntry.
type UserEntryError struct {
	Tag    dicom.Tag
	Reason string
}

// Error returns "dict: user entry (gggg,eeee): reason".
func (e *UserEntryError) Error() string {
	return fmt.Sprintf("dict: user entry %v: %s", e.Tag, e.Reason)
}

// ParseUserTag reads the key of an entry of the option "Dictionary": "gggg,eeee", or "gggg,ee" for private elements.
func ParseUserTag(key string) (dicom.Tag, error) {
	if len(key) == 7 && key[4] == ',' {
		key = key[:5] + "00" + key[5:]
	}
	t, err := dicom.ParseTag(key)
	if err != nil {
		return 0, fmt.Errorf("dict: user entry: %w", err)
	}
	return t, nil
}

// Dictionary is the standard dictionary with a user's entries before it. The zero value and nil have no user entries.
// It does not change after New, so all may use it at once.
type Dictionary struct {
	standard map[dicom.Tag]Entry
	private  map[privateKey]Entry
	keywords map[string]Entry
	noVendor bool
}

type privateKey struct {
	creator string
	tag     dicom.Tag // gggg00ee
}

// New returns the dictionary with the user's entries; a later one replaces an earlier one of the same element.
// The first wrong one is a *UserEntryError.
func New(user []UserEntry) (*Dictionary, error) {
	d := &Dictionary{
		standard: make(map[dicom.Tag]Entry),
		private:  make(map[privateKey]Entry),
		keywords: make(map[string]Entry),
	}
	for _, u := range user {
		if reason := u.wrong(); reason != "" {
			return nil, &UserEntryError{u.Tag, reason}
		}
		e := Entry{Tag: u.Tag, VR: u.VR, VRText: u.VR.String(), VM: u.vm(), Keyword: u.Name, Name: u.Name}
		if creator := strings.Trim(u.PrivateCreator, " \x00"); creator != "" {
			d.private[privateKey{creator, u.Tag &^ 0xFF00}] = e
			continue
		}
		d.standard[u.Tag] = e
		d.keywords[u.Name] = e
	}
	return d, nil
}

// WithoutPrivate returns the same dictionary less the built-in private elements (option LoadPrivateDictionary off).
func (d *Dictionary) WithoutPrivate() *Dictionary {
	var c Dictionary
	if d != nil {
		c = *d
	}
	c.noVendor = true
	return &c
}

// Lookup is the function Lookup with the user's entries.
func (d *Dictionary) Lookup(t dicom.Tag) (Entry, bool) {
	if d != nil {
		if e, ok := d.standard[t]; ok {
			return e, true
		}
	}
	return Lookup(t)
}

// LookupKeyword is the function LookupKeyword with the user's entries, whose names are their keywords.
func (d *Dictionary) LookupKeyword(keyword string) (Entry, bool) {
	if d != nil {
		if e, ok := d.keywords[keyword]; ok {
			return e, true
		}
	}
	return LookupKeyword(keyword)
}

// VRFor is the function VRFor with the user's entries.
func (d *Dictionary) VRFor(t dicom.Tag) dicom.VR {
	if d != nil && len(d.standard) > 0 {
		if e, ok := d.standard[t]; ok {
			return e.VR
		}
	}
	return VRFor(t)
}

// LookupPrivate is the function LookupPrivate with the user's entries.
func (d *Dictionary) LookupPrivate(creator string, t dicom.Tag) (Entry, bool) {
	if d == nil {
		return LookupPrivate(creator, t)
	}
	if _, ok := t.Creator(); ok {
		if e, ok := d.private[privateKey{strings.Trim(creator, " \x00"), t &^ 0xFF00}]; ok {
			e.Tag = t
			return e, true
		}
	}
	if d.noVendor {
		return Entry{}, false
	}
	return LookupPrivate(creator, t)
}

// wrong returns what is wrong with the entry, "" if nothing is.
func (u UserEntry) wrong() string {
	switch {
	case !u.VR.Known():
		return fmt.Sprintf("value representation %q is not one of PS3.5", u.VR.String())
	case u.Name == "":
		return "the name is empty"
	case u.PrivateCreator != "" && !u.Tag.IsPrivate():
		return "a private creator belongs to a group with an odd number"
	case u.MinVM < 0 || u.MaxVM < 0 || u.MaxVM > 0 && u.MaxVM < u.MinVM:
		return fmt.Sprintf("multiplicity %d to %d is no range", u.MinVM, u.MaxVM)
	}
	return ""
}

func (u UserEntry) vm() string {
	least := strconv.Itoa(max(u.MinVM, 1))
	switch {
	case u.MinVM == 0 && u.MaxVM == 0, u.MinVM == u.MaxVM:
		return least
	case u.MaxVM == 0:
		return least + "-n"
	}
	return least + "-" + strconv.Itoa(u.MaxVM)
}
