package media

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/flate"
)

// The levels of DEFLATE in use. Pixels of 16 bits with noise gain little from looking for repetitions, which takes four
// times as long as Huffman codes alone.
const (
	levelHuffman = flate.HuffmanOnly
	levelFast    = flate.BestSpeed
)

const (
	pieces    = 4        // of a block that are tried
	pieceSize = 2 << 10  // bytes of each
	worth     = 0.9      // what compresses to more than this share of itself is stored
	similar   = 1.12     // what the quick level may take, measured by the thorough one
	minTrial  = 32 << 10 // smaller blocks are compressed the thorough way at once
)

// compressor holds what compressing a block takes, to be used again.
type compressor struct {
	huffman, fast *flate.Writer
	trial         bytes.Buffer
}

var compressors = sync.Pool{New: func() any {
	// The levels are known to be good: no other error is possible.
	huffman, _ := flate.NewWriter(nil, levelHuffman)
	fast, _ := flate.NewWriter(nil, levelFast)
	return &compressor{huffman: huffman, fast: fast}
}}

// deflate compresses a block of an entry into out, so that those of one entry can stand one after the other.
func (c *compressor) deflate(out *bytes.Buffer, block []byte, last bool) error {
	w := c.fast
	if quick, thorough := c.try(block); thorough > 0 && float64(quick) <= similar*float64(thorough) {
		w = c.huffman
	}
	w.Reset(out)
	if _, err := w.Write(block); err != nil {
		return err
	}
	if last {
		return w.Close()
	}
	return w.Flush()
}

// try compresses some pieces of a block both ways; 0 for both if it is too small for that.
func (c *compressor) try(block []byte) (quick, thorough int) {
	if len(block) < minTrial {
		return 0, 0
	}
	return c.pieces(c.huffman, block), c.pieces(c.fast, block)
}

func (c *compressor) pieces(w *flate.Writer, block []byte) int {
	c.trial.Reset()
	w.Reset(&c.trial)
	for i := range pieces {
		at := (len(block) - pieceSize) * (i + 1) / (pieces + 1)
		_, _ = w.Write(block[at : at+pieceSize]) // a buffer takes everything
	}
	_ = w.Close()
	return c.trial.Len()
}

// compressible tells from a sample of an object that is compressed already whether doing it again pays.
func compressible(sample []byte) bool {
	c := compressors.Get().(*compressor)
	defer compressors.Put(c)
	c.trial.Reset()
	c.fast.Reset(&c.trial)
	_, _ = c.fast.Write(sample)
	_ = c.fast.Close()
	return float64(c.trial.Len()) < worth*float64(len(sample))
}
