package dicomjson

import "gantry/internal/dicom/codec"

// freeValue is the size of a value in bytes up to which nobody is asked for memory.
const freeValue = 1 << 20

// holdValue asks for the memory of a value.
func holdValue(h codec.Header, hold func(int64) (func(), error)) (release func(), err error) {
	if hold == nil || h.Kind != codec.KindElement || h.Length <= freeValue {
		return func() {}, nil
	}
	return hold(int64(h.Length))
}
