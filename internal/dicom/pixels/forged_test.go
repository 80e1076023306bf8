package pixels_test

import (
	"bytes"
	"runtime"
	"testing"

	"gantry/internal/dicom/pixels"
)

// A scan has each component of its frame once (ISO/IEC 10918-1 B.2.3).
func TestScansOfForgedComponents(t *testing.T) {
	t.Parallel()
	e := encoding{6, 5, 3, 8, 1, 0, 0, true}
	whole := e.encode(noise(90, 8, 0))
	at := bytes.Index(whole, []byte{0xff, 0xda})
	head := int(whole[at+3]) + 2
	scan := func(ids ...byte) []byte {
		header := []byte{byte(len(ids))}
		for _, id := range ids {
			header = append(header, id, 0)
		}
		forged := append(bytes.Clone(whole[:at]), segment(0xda, append(header, 1, 0, 0)...)...)
		return append(forged, whole[at+head:]...)
	}
	if _, _, err := pixels.UnpackJPEG(scan(1), e.layoutOf()); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"a component twice in a scan": scan(1, 1), "a component of two scans": scan(2),
		"255 components": scan(bytes.Repeat([]byte{1}, 255)...),
	} {
		if _, _, err := pixels.UnpackJPEG(data, e.layoutOf()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// No memory is taken for pixels that cannot be in a frame: each block of 64 has a bit or more.
func TestForgedSizeOfJPEG(t *testing.T) { //nolint:paralleltest // it counts the memory of the process
	small := baseline(t, 6, 5, false)
	copy(small[bytes.Index(small, []byte{0xff, 0xc0})+5:], []byte{0x16, 0xa0, 0x16, 0xa0})
	l := gray(0x16a0, 0x16a0, 8, 8, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := pixels.UnpackJPEG(small, l); err == nil {
		t.Error("a frame of 33 million pixels in 500 bytes was taken")
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 16<<20 {
		t.Errorf("%d MB were taken for it", taken>>20)
	}
}
