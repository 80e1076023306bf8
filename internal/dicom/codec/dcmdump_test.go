package codec_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/testkit"
)

// dcmdumpRefuses are the samples that we read and dcmdump does not.
var dcmdumpRefuses = map[string]string{
	"SC_rgb_jpeg.dcm":  "implicit VR under an explicit VR transfer syntax",
	"MR_truncated.dcm": "pixel data that is cut off",
}

// dumped is an element, or the beginning or end of a container, as both sides see it.
type dumped struct {
	tag    dicom.Tag
	vr     string
	value  string
	length string // "u/l" if undefined
}

var dumpLine = regexp.MustCompile(`^ *\(([0-9a-f]{4}),([0-9a-f]{4})\) (..) (.*?) *# +(u/l|[0-9]+), ?[0-9-]+ `)

// DCMTK's dcmdump sees the same elements, VRs, lengths and values as we do.
func TestSamplesAgainstDCMTK(t *testing.T) {
	t.Parallel()
	dcmdump := testkit.Program(t, "dcmdump")
	forSamples(t, func(t *testing.T, path string, data []byte) {
		out, err := exec.CommandContext(t.Context(), dcmdump, "-q", "+L", "-Un", "+Qo", path).Output()
		if why := dcmdumpRefuses[filepath.Base(path)]; why != "" {
			if err == nil {
				t.Fatalf("dcmdump reads the file, though it holds %s", why)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var want []dumped
		for line := range strings.Lines(string(out)) {
			if m := dumpLine.FindStringSubmatch(line); m != nil {
				tag, _ := dicom.ParseTag(m[1] + m[2])
				want = append(want, dumped{tag, m[3], m[4], m[5]})
			}
		}
		f, err := codec.OpenFileBytes(data, codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got := metaLines(f.Meta)
		got = append(got, readerLines(t, f.Reader)...)
		compareDumps(t, got, want)
	})
}

// line is what we know of an element; the text of its value depends on the VR that dcmdump settled on.
type line struct {
	tag       dicom.Tag
	vr        dicom.VR
	length    string
	value     []byte
	container bool
	order     binary.ByteOrder
}

func metaLines(ds *dicom.Dataset) []line {
	var lines []line
	for _, e := range ds.Elements {
		lines = append(lines, line{e.Tag, e.VR, evenLength(uint32(len(e.Value))), e.Value, false, binary.LittleEndian})
	}
	return lines
}

func readerLines(t *testing.T, d *codec.Reader) []line {
	t.Helper()
	var lines []line
	for {
		h, err := d.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Kind == codec.KindPadding {
			continue
		}
		l := line{tag: h.Tag, vr: h.VR, length: evenLength(h.Length), order: binary.LittleEndian}
		if h.BigEndian {
			l.order = binary.BigEndian
		}
		switch h.Kind {
		case codec.KindElement, codec.KindFragment:
			v, err := d.Value()
			if err != nil {
				t.Fatal(err)
			}
			l.value = append(l.value, v...)
			if h.Kind == codec.KindFragment {
				l.vr = dicom.VROB
			}
		default:
			l.container = true
		}
		lines = append(lines, l)
	}
}

func evenLength(n uint32) string {
	if n == codec.UndefinedLength {
		return "u/l"
	}
	return strconv.Itoa(int(n + n&1))
}

func compareDumps(t *testing.T, got []line, want []dumped) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i]
		if g.tag != w.tag || g.length != w.length || !sameVR(g, w.vr) {
			t.Fatalf("element %d: %s %s # %s, dcmdump has %s %s # %s", i, g.tag, g.vr, g.length, w.tag, w.vr, w.length)
		}
		if g.container {
			continue
		}
		if text := format(g, w.vr); !sameValue(w.vr, text, w.value) {
			t.Fatalf("element %d: %s %s is %.200s, dcmdump has %.200s", i, g.tag, g.vr, text, w.value)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d elements, dcmdump has %d", len(got), len(want))
	}
}

// sameVR knows what dcmdump calls VRs: "??" what the dictionary does not know, "na" and "pi" items and delimiters,
// "up" offsets in directories. It settles US or SS by Pixel Representation; encapsulated OW is OB to it, and UN with items SQ.
func sameVR(g line, vr string) bool {
	if g.container && (g.vr == dicom.VROW && vr == "OB" || g.vr == dicom.VRUN && vr == "SQ") {
		return true
	}
	switch vr {
	case "na", "pi":
		return g.tag.Group() == 0xFFFE
	case "??":
		return g.vr == dicom.VRUN || !g.vr.Known()
	case "up":
		return g.vr == dicom.VRUL
	case "SS", "US":
		return g.vr == dicom.VRUS || g.vr == dicom.VRSS
	}
	return g.vr.String() == vr
}

// format writes a value as dcmdump does.
func format(g line, vr string) string {
	v := g.value
	switch vr {
	case "US", "SS", "UL", "SL", "up", "AT", "FL", "FD", "OF", "OD", "OW", "SV", "UV":
		return numbers(v, vr, g.order)
	case "OB", "UN", "??", "pi":
		return hexBytes(v)
	}
	if len(v) == 0 {
		return "(no value available)"
	}
	var b strings.Builder
	for _, c := range v {
		if c < ' ' || c > '~' {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return "[" + b.String() + "]"
}

func hexBytes(v []byte) string {
	if len(v) == 0 {
		return "(no value available)"
	}
	if len(v)%2 == 1 {
		v = append(v, 0)
	}
	s := fmt.Sprintf("% x", v)
	return strings.ReplaceAll(s, " ", `\`)
}

func numbers(v []byte, vr string, order binary.ByteOrder) string {
	var parts []string
	width := map[string]int{"US": 2, "SS": 2, "OW": 2, "AT": 4, "FD": 8, "OD": 8, "SV": 8, "UV": 8}[vr]
	if width == 0 {
		width = 4
	}
	for ; len(v) >= width; v = v[width:] {
		parts = append(parts, number(v, vr, order))
	}
	if len(parts) == 0 {
		return "(no value available)"
	}
	return strings.Join(parts, `\`)
}

func number(v []byte, vr string, order binary.ByteOrder) string {
	switch vr {
	case "US":
		return strconv.Itoa(int(order.Uint16(v)))
	case "SS":
		return strconv.Itoa(int(int16(order.Uint16(v))))
	case "OW":
		return fmt.Sprintf("%04x", order.Uint16(v))
	case "SL":
		return strconv.Itoa(int(int32(order.Uint32(v))))
	case "AT":
		return fmt.Sprintf("(%04x,%04x)", order.Uint16(v), order.Uint16(v[2:]))
	case "FL", "OF":
		return strconv.FormatFloat(float64(math.Float32frombits(order.Uint32(v))), 'g', -1, 64)
	case "FD", "OD":
		return strconv.FormatFloat(math.Float64frombits(order.Uint64(v)), 'g', -1, 64)
	case "SV":
		return strconv.FormatInt(int64(order.Uint64(v)), 10)
	case "UV":
		return strconv.FormatUint(order.Uint64(v), 10)
	}
	return strconv.FormatUint(uint64(order.Uint32(v)), 10)
}

// sameValue compares texts: of strings without the padding, of real numbers by what they mean.
func sameValue(vr, got, want string) bool {
	if got == want {
		return true
	}
	switch vr {
	case "FL", "FD", "OF", "OD":
		return sameFloats(strings.Split(got, `\`), strings.Split(want, `\`))
	}
	return unpad(got) == unpad(want)
}

func unpad(s string) string {
	s, ok := strings.CutSuffix(s, "]")
	if !ok {
		return s
	}
	for {
		trimmed := strings.TrimSuffix(strings.TrimRight(s, " "), `\000`)
		if trimmed == s {
			break
		}
		s = trimmed
	}
	if s == "[" {
		return "(no value available)"
	}
	return s
}

func sameFloats(got, want []string) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		a, err1 := strconv.ParseFloat(got[i], 64)
		b, err2 := strconv.ParseFloat(want[i], 64)
		if err1 != nil || err2 != nil || math.Abs(a-b) > 1e-7*math.Abs(a) {
			return false
		}
	}
	return true
}
