package media_test

import (
	"fmt"
	"io"
	"testing"

	"gantry/internal/media"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
	"gantry/internal/tools/phantom"
)

// BenchmarkArchive writes 100 CT images of 528 kB to nowhere.
func BenchmarkArchive(b *testing.B) {
	s := openStore(b)
	var study index.Resource
	for i := range 100 {
		r := putImage(b, s, phantom.Image{Study: "1.7", Series: "1.7.1", Instance: uid(fmt.Sprintf("1.7.1.%d", i)), Number: i + 1, Side: 512})
		study = index.Resource{Level: index.Study, ID: r.StudyID}
	}
	p := plan(b, s, false, study)
	for name, o := range map[string]media.Options{"zip": {}, "media": {Media: true}} {
		b.Run(name, func(b *testing.B) { benchWrite(b, s, p, o) })
	}
}

func benchWrite(b *testing.B, s *storage.Store, p *media.Plan, o media.Options) {
	b.SetBytes(p.Bytes)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := media.Write(b.Context(), io.Discard, s, p, o); err != nil {
			b.Fatal(err)
		}
	}
}
