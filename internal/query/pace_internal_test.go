package query

import (
	"strings"
	"testing"

	"gantry/internal/storage/index"
)

// Large metadata are read a few at a time, small ones many at a time.
func TestPaceFollowsTheMetadata(t *testing.T) {
	t.Parallel()
	e := &Engine{}
	r, err := e.start(&Query{Level: index.Instance, Want: index.WantMetadata})
	if err != nil {
		t.Fatal(err)
	}
	page := func(size int) (text int) {
		value := strings.Repeat("x", size)
		records := make([]index.Record, r.batch)
		for i := range records {
			records[i].Metadata = []index.Metadata{{Number: 1024, Value: value}}
		}
		text = r.batch * size
		r.pace(records)
		return text
	}
	page(4 << 20)
	for range 3 {
		if text := page(4 << 20); text > 2*muchText {
			t.Errorf("%d bytes are held at once", text)
		}
	}
	for range 20 {
		page(10)
	}
	if r.batch != batch {
		t.Errorf("small metadata are read %d at a time", r.batch)
	}
}
