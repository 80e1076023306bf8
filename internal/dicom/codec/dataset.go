package codec

import (
	"bytes"
	"errors"
	"io"
	"math"

	"gantry/internal/dicom"
)

// What elements and items are taken to cost in memory beside their values, slices that grow included.
const (
	elementCost = 192
	itemCost    = 96
)

// ReadDataset reads a small data set into memory, Limits.MaxMemory at most: it is for commands, queries and the like,
// not for objects of unknown size.
func ReadDataset(r io.Reader, ts dicom.TransferSyntax, lim Limits) (*dicom.Dataset, error) {
	return NewReader(r, ts, lim).Dataset()
}

// Unmarshal is ReadDataset for bytes in memory. The data set holds copies of them.
func Unmarshal(b []byte, ts dicom.TransferSyntax, lim Limits) (*dicom.Dataset, error) {
	return NewReaderBytes(b, ts, lim).Dataset()
}

// Dataset reads what is left of the data set or item that the Reader stands in, its end included. With an error it
// returns what it had until there.
func (d *Reader) Dataset() (*dicom.Dataset, error) {
	ds := &dicom.Dataset{BigEndian: d.cur.enc.bigEndian, UndefinedLength: d.cur.kind == frameItem && !d.cur.defined}
	for {
		if err := d.advance(); err != nil {
			if errors.Is(err, io.EOF) {
				return ds, nil
			}
			return ds, err
		}
		switch d.hdr.Kind {
		case KindItemEnd, KindSequenceEnd, KindFragmentsEnd:
			return ds, nil
		case KindPadding:
			continue
		}
		e, err := d.Element()
		if err != nil && e.Items == nil {
			return ds, err
		}
		ds.Elements = append(ds.Elements, e)
		if err != nil {
			return ds, err
		}
	}
}

// Element reads into memory what Next has returned the header of: an element with its value, or all of a
// sequence or of encapsulated pixel data.
func (d *Reader) Element() (dicom.Element, error) {
	e := dicom.Element{Tag: d.hdr.Tag, VR: d.hdr.VR, UndefinedLength: d.hdr.Undefined()}
	err := d.take(elementCost)
	if err != nil {
		return e, err
	}
	switch d.hdr.Kind {
	case KindSequence:
		e.Items, err = d.items()
	case KindFragments:
		e.Fragments, err = d.fragments()
	default:
		e.Value, err = d.valueCopy()
	}
	return e, err
}

func (d *Reader) items() ([]*dicom.Dataset, error) {
	items := []*dicom.Dataset{}
	for {
		if err := d.advance(); err != nil {
			return items, err
		}
		switch d.hdr.Kind {
		case KindSequenceEnd:
			return items, nil
		case KindItem:
			if err := d.take(itemCost); err != nil {
				return items, err
			}
			item, err := d.Dataset()
			items = append(items, item)
			if err != nil {
				return items, err
			}
		}
	}
}

func (d *Reader) fragments() ([][]byte, error) {
	fragments := [][]byte{}
	for {
		if err := d.advance(); err != nil {
			return fragments, err
		}
		switch d.hdr.Kind {
		case KindFragmentsEnd:
			return fragments, nil
		case KindFragment:
			if err := d.take(itemCost); err != nil {
				return fragments, err
			}
			v, err := d.valueCopy()
			if err != nil {
				return fragments, err
			}
			fragments = append(fragments, v)
		}
	}
}

func (d *Reader) valueCopy() ([]byte, error) {
	if d.remaining != math.MaxInt64 {
		if err := d.take(d.remaining); err != nil {
			return nil, err
		}
	}
	b, err := d.Value()
	return bytes.Clone(b), err
}

// take counts n bytes of memory before they are used.
func (d *Reader) take(n int64) error {
	if d.memory += n; d.memory > d.lim.MaxMemory && d.err == nil {
		d.err = d.exceeds("MaxMemory", d.memory, d.lim.MaxMemory)
		d.remaining = 0
	}
	return d.err
}
