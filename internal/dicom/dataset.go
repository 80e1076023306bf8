// Package dicom holds the values that DICOM is made of: tags, value representations, UIDs, transfer syntaxes,
// data elements and data sets (PS3.5). It reads and writes nothing; package codec does.
package dicom

import "slices"

// Dataset is a data set or a sequence item held in memory. Elements stand in the order they came in;
// what Set and its kin add is put in its place by tag.
type Dataset struct {
	Elements        []Element
	BigEndian       bool // byte order of the numbers in Element.Value
	UndefinedLength bool // of an item: it ends with a delimiter instead of having a length
}

// Element is a data element held in memory. One of Value, Items and Fragments is used.
type Element struct {
	Tag             Tag
	VR              VR
	Value           []byte     // in the byte order of the data set, padding included
	Items           []*Dataset // of a sequence
	Fragments       [][]byte   // of encapsulated pixel data; the first is the basic offset table (PS3.5 A.4)
	UndefinedLength bool       // the value ends with a delimiter instead of having a length
}

// Get returns the first element with the tag, or nil. The pointer is good until the data set changes.
func (d *Dataset) Get(t Tag) *Element {
	for i := range d.Elements {
		if d.Elements[i].Tag == t {
			return &d.Elements[i]
		}
	}
	return nil
}

// Items returns the items of a sequence, nil when it is absent or empty.
func (d *Dataset) Items(t Tag) []*Dataset {
	if e := d.Get(t); e != nil {
		return e.Items
	}
	return nil
}

// Set puts the element in place of the one with the same tag, or in its place by tag.
func (d *Dataset) Set(e Element) {
	if old := d.Get(e.Tag); old != nil {
		*old = e
		return
	}
	i := len(d.Elements)
	for i > 0 && d.Elements[i-1].Tag > e.Tag {
		i--
	}
	d.Elements = slices.Insert(d.Elements, i, e)
}

// Remove takes all elements with the tag out of the data set.
func (d *Dataset) Remove(t Tag) {
	d.Elements = slices.DeleteFunc(d.Elements, func(e Element) bool { return e.Tag == t })
}

// SetItems sets a sequence of defined length to the items given.
func (d *Dataset) SetItems(t Tag, items ...*Dataset) {
	d.Set(Element{Tag: t, VR: VRSQ, Items: items})
}
