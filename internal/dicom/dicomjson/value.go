package dicomjson

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"

	"gantry/internal/dicom"
)

// numberSize is the size in bytes of one value of a VR that holds numbers, 0 of all other VRs.
func numberSize(vr dicom.VR) int {
	switch vr {
	case dicom.VRUS, dicom.VRSS:
		return 2
	case dicom.VRUL, dicom.VRSL, dicom.VRFL, dicom.VRAT, dicom.VROL, dicom.VROF:
		return 4
	case dicom.VRFD, dicom.VRSV, dicom.VRUV, dicom.VROD, dicom.VROV:
		return 8
	}
	return 0
}

// appendNumbers writes the numbers of a value with a backslash between them, as the text of Orthanc's tags.
func appendNumbers(to, value []byte, vr dicom.VR, bigEndian bool) []byte {
	size := numberSize(vr)
	for n := 0; len(value) >= size; n++ {
		if n > 0 {
			to = append(to, '\\')
		}
		to = appendNumber(to, value[:size], vr, bigEndian)
		value = value[size:]
	}
	return to
}

func appendNumber(to, value []byte, vr dicom.VR, bigEndian bool) []byte {
	order := byteOrder(bigEndian)
	switch vr {
	case dicom.VRUS:
		return strconv.AppendUint(to, uint64(order.Uint16(value)), 10)
	case dicom.VRSS:
		return strconv.AppendInt(to, int64(int16(order.Uint16(value))), 10)
	case dicom.VRUL, dicom.VROL:
		return strconv.AppendUint(to, uint64(order.Uint32(value)), 10)
	case dicom.VRSL:
		return strconv.AppendInt(to, int64(int32(order.Uint32(value))), 10)
	case dicom.VRUV, dicom.VROV:
		return strconv.AppendUint(to, order.Uint64(value), 10)
	case dicom.VRSV:
		return strconv.AppendInt(to, int64(order.Uint64(value)), 10)
	case dicom.VRFL, dicom.VROF:
		return appendFloat(to, float64(math.Float32frombits(order.Uint32(value))))
	case dicom.VRFD, dicom.VROD:
		return appendFloat(to, math.Float64frombits(order.Uint64(value)))
	}
	return appendTag(to, dicom.NewTag(order.Uint16(value), order.Uint16(value[2:])))
}

// appendFloat writes as many digits as tell any two numbers apart.
func appendFloat(to []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(to, "inf"...)
	case math.IsInf(f, -1):
		return append(to, "-inf"...)
	case math.IsNaN(f):
		return append(to, "nan"...)
	}
	return strconv.AppendFloat(to, f, 'g', 17, 64)
}

func byteOrder(bigEndian bool) binary.ByteOrder {
	if bigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

const hexDigits = "0123456789abcdef"

// appendTag writes a tag as "gggg,eeee".
func appendTag(to []byte, t dicom.Tag) []byte {
	for shift := 28; shift >= 0; shift -= 4 {
		if shift == 12 {
			to = append(to, ',')
		}
		to = append(to, hexDigits[uint32(t)>>shift&0xf])
	}
	return to
}

// isASCII reports whether a value of unknown VR may be shown as text.
func isASCII(value []byte) bool {
	for _, b := range trimNULs(value) {
		if b >= 0x80 || b < 0x20 && b != '\r' && b != '\n' && b != '\t' {
			return false
		}
	}
	return true
}

func trimNULs(value []byte) []byte { return bytes.TrimRight(value, "\x00") }
