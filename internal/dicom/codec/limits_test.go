package codec_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// zeroReader gives zeros without end.
type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestLimits(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(head(0x00081140, "SQ", u)+bare(0xFFFEE000, u), 10)
	many := strings.Repeat(short(0x00100020, "LO", ""), 11)
	for _, c := range []struct {
		name, in string
		ts       dicom.TransferSyntax
		lim      codec.Limits
		want     codec.LimitError
	}{
		{"value", short(0x00100020, "LO", "12345678901"), explicitLE, codec.Limits{MaxValue: 10},
			codec.LimitError{Path: "(0010,0020)", Limit: "MaxValue", Value: 11, Max: 10}},
		{"value of 4 GB", head(0x00091001, "OB", u-1), explicitLE, codec.Limits{},
			codec.LimitError{Path: "(0009,1001)", Limit: "MaxValue", Value: u - 1, Max: 64 << 20}},
		{"padding", short(0x00100020, "LO", "1") + strings.Repeat("\x00", 21), explicitLE, codec.Limits{MaxValue: 20},
			codec.LimitError{Offset: 9, Limit: "MaxValue", Value: 21, Max: 20}},
		{"depth", deep, explicitLE, codec.Limits{MaxDepth: 3},
			codec.LimitError{Offset: 60, Path: "(0008,1140)[0].(0008,1140)[0].(0008,1140)[0]", Limit: "MaxDepth", Value: 4, Max: 3}},
		{"elements", many, explicitLE, codec.Limits{MaxElements: 10},
			codec.LimitError{Offset: 80, Path: "(0010,0020)", Limit: "MaxElements", Value: 11, Max: 10}},
		{"items count as elements", head(0x00081140, "SQ", u) + strings.Repeat(item(""), 10), explicitLE, codec.Limits{MaxElements: 10},
			codec.LimitError{Offset: 84, Path: "(0008,1140)[9]", Limit: "MaxElements", Value: 11, Max: 10}},
		{"fragments count as elements", head(0x7FE00010, "OB", u) + strings.Repeat(item(""), 10), explicitLE, codec.Limits{MaxElements: 10},
			codec.LimitError{Offset: 84, Path: "(7FE0,0010)[9]", Limit: "MaxElements", Value: 11, Max: 10}},
		{"memory", many, explicitLE, codec.Limits{MaxMemory: 500},
			codec.LimitError{Offset: 16, Path: "(0010,0020)", Limit: "MaxMemory", Value: 576, Max: 500}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, d := range []*codec.Reader{codec.NewReaderBytes([]byte(c.in), c.ts, c.lim), codec.NewReader(strings.NewReader(c.in), c.ts, c.lim)} {
				err := readAll(d, c.lim.MaxMemory > 0)
				limit, ok := errors.AsType[*codec.LimitError](err)
				if !ok || *limit != c.want {
					t.Errorf("got %v, want %v", err, &c.want)
				}
			}
		})
	}
}

func TestLimitErrorNamesPlaceAndLimit(t *testing.T) {
	t.Parallel()
	d := codec.NewReaderBytes([]byte(short(0x00100020, "LO", "12345678901")), explicitLE, codec.Limits{MaxValue: 10})
	const want = "codec: (0010,0020) at byte 0: 11 exceeds the limit MaxValue of 10"
	if err := readAll(d, false); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// readAll reads all values one by one, or the data set as a whole.
func readAll(d *codec.Reader, whole bool) error {
	if whole {
		_, err := d.Dataset()
		return err
	}
	for {
		if _, err := d.Next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if _, err := d.Value(); err != nil {
			return err
		}
	}
}

// Values beyond the limit can be streamed and skipped all the same.
func TestLargeValuesCanBeStreamed(t *testing.T) {
	t.Parallel()
	const size = 100 << 10
	in := head(0x00091001, "OB", size) + strings.Repeat("x", size) + head(0x00091002, "OB", size) + strings.Repeat("y", size) + short(0x00100020, "LO", "1")
	d := codec.NewReader(strings.NewReader(in), explicitLE, codec.Limits{MaxValue: 10})
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(d); err != nil || len(b) != size {
		t.Fatalf("read %d bytes, %v", len(b), err)
	}
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	if h, err := d.Next(); err != nil || h.Tag != dicom.TagPatientID {
		t.Fatalf("after skipping %v, %v", h, err)
	}
}

func TestInflatedSizeIsLimited(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w := codec.NewWriter(&bomb, deflated)
	if err := w.WriteHeader(codec.Header{Tag: dicom.TagPixelData, VR: dicom.VROB, Length: 50 << 20}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeroReader{}, 50<<20); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if bomb.Len() > 1<<20 {
		t.Fatalf("50 MiB of zeros deflate to %d bytes", bomb.Len())
	}
	lim := codec.Limits{MaxInflated: 1 << 20}
	for _, d := range []*codec.Reader{codec.NewReaderBytes(bomb.Bytes(), deflated, lim), codec.NewReader(bytes.NewReader(bomb.Bytes()), deflated, lim)} {
		if _, err := d.Next(); err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, d)
		limit, ok := errors.AsType[*codec.LimitError](err)
		if !ok || limit.Limit != "MaxInflated" || n > 1<<20 {
			t.Errorf("%d bytes given, %v", n, err)
		}
	}
}

// What a length announces is not taken from memory before the bytes have come.
func TestMemoryFollowsTheBytes(t *testing.T) {
	const announced = 60 << 20
	in := head(0x7FE00010, "OB", announced) + strings.Repeat("x", 100)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		d := codec.NewReader(strings.NewReader(in), explicitLE, codec.Limits{})
		if _, err := d.Next(); err != nil {
			t.Fatal(err)
		}
		if v, err := d.Value(); err != nil || len(v) != 100 || !d.Truncated() {
			t.Fatalf("%d bytes, truncated %v, %v", len(v), d.Truncated(), err)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > announced/10 {
		t.Errorf("%d bytes taken for values of 100", used)
	}
}

func TestStreamErrorsArePassedOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("line is down")
	for _, in := range []string{"", short(0x00100020, "LO", "1"), head(0x7FE00010, "OW", 100) + "abc", head(0x7FE00010, "OB", u), short(0x00100020, "LO", "1") + "\x00\x00"} {
		d := codec.NewReader(io.MultiReader(strings.NewReader(in), failing{broken}), explicitLE, codec.Limits{})
		if err := readAll(d, false); !errors.Is(err, broken) {
			t.Errorf("%q: %v", in, err)
		}
	}
	d := codec.NewReader(stuck{}, explicitLE, codec.Limits{})
	if _, err := d.Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a stream that gives nothing: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }
