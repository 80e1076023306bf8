package pixels_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"gantry/internal/dicom/pixels"
)

// encoding is how a test writes a lossless JPEG frame (ISO/IEC 10918-1 annex H).
type encoding struct {
	rows, columns, components, precision int
	predictor, shift, restart            int  // lines from one restart to the next; 0: none
	apart                                bool // a scan for each component
}

// bitWriter writes entropy-coded data.
type bitWriter struct {
	out  []byte
	bits uint64
	n    int
}

func (w *bitWriter) put(value uint64, n int) {
	w.bits, w.n = w.bits<<n|value, w.n+n
	for ; w.n >= 8; w.n -= 8 {
		b := byte(w.bits >> (w.n - 8))
		if w.out = append(w.out, b); b == 0xff {
			w.out = append(w.out, 0)
		}
	}
}

func (w *bitWriter) marker(m byte) {
	if w.n > 0 {
		w.put(1<<(8-w.n)-1, 8-w.n)
	}
	w.out = append(w.out, 0xff, m)
}

// table gives the codes of the categories 0 to 16: of 2 to 5 bits, then longer and longer.
var tableCounts = [16]byte{0, 1, 2, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}

func codeOf(category int) (code uint64, length int) {
	next, first := uint64(0), 0
	for length, n := range tableCounts {
		if category < first+int(n) {
			return next + uint64(category-first), length + 1 //nolint:gosec // small
		}
		next, first = (next+uint64(n))<<1, first+int(n)
	}
	panic("no code")
}

func segment(marker byte, content ...byte) []byte {
	n := len(content) + 2
	return append([]byte{0xff, marker, byte(n >> 8), byte(n)}, content...)
}

// encode writes samples, interleaved, as a frame.
func (e encoding) encode(samples []uint16) []byte {
	out := []byte{0xff, 0xd8}
	frame := []byte{byte(e.precision), byte(e.rows >> 8), byte(e.rows), byte(e.columns >> 8), byte(e.columns), byte(e.components)}
	for c := range e.components {
		frame = append(frame, byte(c+1), 0x11, 0)
	}
	out = append(out, segment(0xc3, frame...)...)
	table := append([]byte{0}, tableCounts[:]...)
	for category := range byte(17) {
		table = append(table, category)
	}
	out = append(out, segment(0xc4, table...)...)
	if e.restart > 0 {
		n := e.restart * e.columns
		out = append(out, segment(0xdd, byte(n>>8), byte(n))...)
	}
	scans := [][]int{[]int{0, 1, 2}[:e.components]}
	if e.apart {
		scans = [][]int{{0}, {1}, {2}}[:e.components]
	}
	for _, scan := range scans {
		header := []byte{byte(len(scan))}
		for _, c := range scan {
			header = append(header, byte(c+1), 0)
		}
		out = append(out, segment(0xda, append(header, byte(e.predictor), 0, byte(e.shift))...)...)
		out = append(out, e.scan(samples, scan)...)
	}
	return append(out, 0xff, 0xd9)
}

func (e encoding) scan(samples []uint16, components []int) []byte {
	var w bitWriter
	at := func(y, x, c int) int { return int(samples[(y*e.columns+x)*e.components+c] >> e.shift) }
	for y := range e.rows {
		fresh := y == 0
		if e.restart > 0 && y > 0 && y%e.restart == 0 {
			w.marker(0xd0 + byte(y/e.restart-1)%8)
			w.bits, w.n, fresh = 0, 0, true
		}
		for x := range e.columns {
			for _, c := range components {
				var predicted int
				switch {
				case fresh && x == 0:
					predicted = 1 << (e.precision - e.shift - 1)
				case fresh:
					predicted = at(y, x-1, c)
				case x == 0:
					predicted = at(y-1, x, c)
				default:
					a, b, d := at(y, x-1, c), at(y-1, x, c), at(y-1, x-1, c)
					predicted = []int{0, a, b, d, a + b - d, a + (b-d)>>1, b + (a-d)>>1, (a + b) >> 1}[e.predictor]
				}
				w.difference(int(int16(uint16(at(y, x, c) - predicted)))) //nolint:gosec // modulo 2^16
			}
		}
	}
	if w.n > 0 {
		w.put(1<<(8-w.n)-1, 8-w.n)
	}
	return w.out
}

func (w *bitWriter) difference(d int) {
	if d == -1<<15 {
		w.put(codeOf(16))
		return
	}
	category := bits.Len(uint(max(d, -d)))
	w.put(codeOf(category))
	if d < 0 {
		d += 1<<category - 1
	}
	w.put(uint64(d), category) //nolint:gosec // not negative
}

// noise is samples that are smooth in places and wild in others.
func noise(n, precision, shift int) []uint16 {
	random := rand.New(rand.NewPCG(1, uint64(n))) //nolint:gosec // the same each time
	out, v := make([]uint16, n), 0
	for i := range out {
		if v += random.IntN(5) - 2; i%7 == 0 {
			v = random.IntN(1 << precision)
		}
		out[i] = uint16(v) & (1<<precision - 1) >> shift << shift
	}
	return out
}

// layoutOf is that of an image whose frames are encoded so.
func (e encoding) layoutOf() *pixels.Layout {
	l := &pixels.Layout{Rows: e.rows, Columns: e.columns, Samples: e.components, Allocated: 16, Stored: e.precision, High: e.precision - 1, Photometric: "MONOCHROME2"}
	if e.precision <= 8 {
		l.Allocated = 8
	}
	if e.components == 3 {
		l.Photometric = "RGB"
	}
	return l
}

// All predictors, precisions, restarts and transforms come back as they were.
func TestLosslessJPEG(t *testing.T) {
	t.Parallel()
	var list []encoding
	for predictor := 1; predictor <= 7; predictor++ {
		for precision := 2; precision <= 16; precision++ {
			list = append(list, encoding{9, 13, 1, precision, predictor, 0, 0, false}, encoding{9, 13, 1, precision, predictor, 1, 2, false})
		}
		list = append(list, encoding{5, 7, 3, 8, predictor, 0, 0, false}, encoding{5, 7, 3, 8, predictor, 0, 1, true})
	}
	list = append(list, encoding{1, 1, 1, 16, 4, 0, 0, false}, encoding{400, 500, 1, 12, 1, 0, 50, false})
	for _, e := range list {
		t.Run(fmt.Sprintf("%+v", e), func(t *testing.T) {
			t.Parallel()
			want := noise(e.rows*e.columns*e.components, e.precision, e.shift)
			plain, layout, err := pixels.UnpackJPEG(e.encode(want), e.layoutOf())
			if err != nil {
				t.Fatal(err)
			}
			got := make([]uint16, len(want))
			for i := range got {
				if got[i] = uint16(plain[i*layout.Allocated/8]); layout.Allocated == 16 {
					got[i] |= uint16(plain[2*i+1]) << 8
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got[:min(len(got), 30)], want[:min(len(want), 30)])
			}
		})
	}
}

// Whatever is cut or changed is an error, or other pixels, and nothing else.
func TestBrokenLosslessJPEG(t *testing.T) {
	t.Parallel()
	e := encoding{6, 5, 1, 12, 4, 0, 2, false}
	whole := e.encode(noise(30, 12, 0))
	for n := range len(whole) - 8 {
		if _, _, err := pixels.UnpackJPEG(whole[:n], e.layoutOf()); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(whole))
		}
	}
	for i := range whole {
		for _, b := range []byte{0, 0x55, 0xff} {
			changed := bytes.Clone(whole)
			changed[i] = b
			_, _, _ = pixels.UnpackJPEG(changed, e.layoutOf())
		}
	}
	other := e.layoutOf()
	other.Rows++
	if _, _, err := pixels.UnpackJPEG(whole, other); err == nil {
		t.Error("a frame of another size was taken")
	}
	vast := encoding{1 << 12, 1 << 12, 1, 16, 1, 0, 0, false}.layoutOf()
	small := bytes.Clone(whole)
	copy(small[bytes.Index(small, []byte{0xff, 0xc3})+4:], []byte{16, 16, 0, 16, 0})
	if _, _, err := pixels.UnpackJPEG(small, vast); err == nil {
		t.Error("a frame of 16 million pixels in 200 bytes was taken")
	}
	restarting := bytes.Clone(whole)
	restarting[bytes.Index(whole, []byte{0xff, 0xdd})+5]++
	if _, _, err := pixels.UnpackJPEG(restarting, e.layoutOf()); !errors.Is(err, pixels.ErrUnsupported) {
		t.Errorf("restarts within a line: %v", err)
	}
}

func FuzzUnpackJPEG(f *testing.F) {
	for _, e := range []encoding{{6, 5, 1, 12, 4, 0, 2, false}, {6, 5, 3, 8, 1, 0, 0, true}, {6, 5, 1, 16, 7, 1, 0, false}} {
		f.Add(e.encode(noise(e.rows*e.columns*e.components, e.precision, e.shift)), uint8(e.components), uint8(16))
	}
	f.Add(baseline(f, 6, 5, false), uint8(1), uint8(8))
	f.Add(baseline(f, 6, 5, true), uint8(3), uint8(8))
	f.Fuzz(func(t *testing.T, data []byte, samples, allocated uint8) {
		l := &pixels.Layout{Rows: 6, Columns: 5, Samples: int(samples), Allocated: int(allocated), Stored: int(allocated), High: int(allocated) - 1, Photometric: "YBR_FULL"}
		if samples == 1 {
			l.Photometric = "MONOCHROME2"
		}
		if plain, layout, err := pixels.UnpackJPEG(data, l); err == nil {
			if _, err := pixels.Decode(plain, layout); err != nil {
				t.Error(err)
			}
		}
	})
}

func BenchmarkLosslessJPEG(b *testing.B) {
	e := encoding{512, 512, 1, 12, 1, 0, 0, false}
	samples := make([]uint16, 512*512)
	for i := range samples {
		samples[i] = uint16(1000+i/512+i%13*3) & 4095
	}
	data := e.encode(samples)
	b.SetBytes(2 * 512 * 512)
	for b.Loop() {
		if _, _, err := pixels.UnpackJPEG(data, e.layoutOf()); err != nil {
			b.Fatal(err)
		}
	}
}
