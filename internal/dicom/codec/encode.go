package codec

import "gantry/internal/dicom"

// appendHeader appends the bytes of an element's, item's or delimiter's header (PS3.5 7.1, 7.5).
func appendHeader(dst []byte, h *Header, e encoding) []byte {
	dst = e.appendTag(dst, h.Tag)
	if e.implicit || h.Form == FormImplicit || h.Tag.Group() == delimiterGroup {
		return e.appendUint32(dst, h.Length)
	}
	vr := h.VR
	if h.Form == FormShort && h.Length <= 0xFFFF {
		raw := h.RawVR
		if raw == [2]byte{} && vr != dicom.VRUN {
			raw = [2]byte{byte(vr >> 8), byte(vr)}
		}
		dst = append(dst, raw[0], raw[1])
		return e.appendUint16(dst, uint16(h.Length))
	}
	if !capital(byte(vr>>8)) || !capital(byte(vr)) {
		vr = dicom.VRUN
	}
	if !vr.LongForm() {
		if h.Length <= 0xFFFF {
			dst = append(dst, byte(vr>>8), byte(vr))
			return e.appendUint16(dst, uint16(h.Length))
		}
		vr = dicom.VRUN // a value too long for the 16 bits its VR has (PS3.5 6.2.2)
	}
	dst = append(dst, byte(vr>>8), byte(vr), h.Reserved[0], h.Reserved[1])
	return e.appendUint32(dst, h.Length)
}

// appendSwapped appends a value with the bytes of its numbers in reverse order. What is too short to be a number
// at its end stays as it is.
func appendSwapped(dst, value []byte, width int) []byte {
	for len(value) >= width {
		for i := width - 1; i >= 0; i-- {
			dst = append(dst, value[i])
		}
		value = value[width:]
	}
	return append(dst, value...)
}
