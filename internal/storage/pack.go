package storage

import (
	"encoding/binary"
	"hash"
	"hash/adler32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"

	"gantry/internal/dicom"
	"gantry/internal/storage/blob"
)

// A compressed object is a zlib stream (RFC 1950), as Orthanc's, cut into chunks that can be read without those before
// them: so a range of a large object costs a chunk, not the whole.
const (
	packLevel  = 3
	firstChunk = 256 << 10
	maxPoints  = 200 // they are to fit beside the object

	zlibHeader, zlibTrailer = 2, 4
)

// packing says how an object is compressed.
type packing struct {
	plain  int64   // size before; 0: it is not compressed
	chunk  int64   // bytes of a chunk before compression
	points []int64 // where the chunks from the second on begin
}

// sink takes the bytes of an object.
type sink interface {
	io.Writer
	io.ReaderFrom
	Size() int64  // of what was written
	Head() []byte // its beginning
}

// packer compresses what is written through it, if that is decided before more than its head has come.
type packer struct {
	packing
	w       blob.Writer
	head    []byte
	size    int64
	left    int64 // of the present chunk
	raw     bool  // nothing is compressed
	started bool
	deflate *flate.Writer
	sum     hash.Hash32
}

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(io.Discard, packLevel) // the level is a good one
	return w
}}

func newPacker(w blob.Writer) *packer { return &packer{w: w} }

func (p *packer) Size() int64  { return p.size }
func (p *packer) Head() []byte { return p.head }

// suit leaves data of compressed transfer syntaxes as they are: compressing them again costs time and saves nothing.
func (p *packer) suit(ts dicom.TransferSyntax) {
	if ts.Encapsulated || ts.Deflated {
		p.raw = true
	}
}

func (p *packer) Write(b []byte) (int, error) {
	n := len(b)
	p.size += int64(n)
	if !p.started {
		room := min(n, blob.HeadSize-len(p.head))
		p.head = append(p.head, b[:room]...)
		if b = b[room:]; len(b) == 0 {
			return n, nil
		}
		if err := p.start(); err != nil {
			return 0, err
		}
	}
	return n, p.pack(b)
}

func (p *packer) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{p}, r)
}

// start passes the head on.
func (p *packer) start() error {
	p.started = true
	if !p.raw {
		p.deflate, p.sum = deflaters.Get().(*flate.Writer), adler32.New() //nolint:forcetypeassert // the pool holds nothing else
		p.deflate.Reset(p.w)
		p.chunk, p.left = firstChunk, firstChunk
		if _, err := p.w.Write([]byte{0x78, 0x9c}); err != nil {
			return err
		}
	}
	return p.pack(p.head)
}

func (p *packer) pack(b []byte) error {
	if p.raw {
		_, err := p.w.Write(b)
		return err
	}
	_, _ = p.sum.Write(b) // a hash never fails
	for len(b) > 0 {
		if p.left == 0 {
			if err := p.cut(); err != nil {
				return err
			}
		}
		part := b[:min(int64(len(b)), p.left)]
		if _, err := p.deflate.Write(part); err != nil {
			return err
		}
		p.left -= int64(len(part))
		b = b[len(part):]
	}
	return nil
}

// cut begins a chunk that does not refer to what was before it.
func (p *packer) cut() error {
	if err := p.deflate.Flush(); err != nil {
		return err
	}
	p.deflate.Reset(p.w)
	if p.points = append(p.points, p.w.Size()); len(p.points) == maxPoints {
		for i := range maxPoints / 2 {
			p.points[i] = p.points[2*i+1]
		}
		p.points, p.chunk = p.points[:maxPoints/2], 2*p.chunk
	}
	p.left = p.chunk
	return nil
}

// finish ends the stream and tells how the object is compressed.
func (p *packer) finish() (packing, error) {
	if p.size == 0 {
		p.raw = true
	}
	if !p.started {
		if err := p.start(); err != nil {
			return packing{}, err
		}
	}
	if p.raw {
		return packing{}, nil
	}
	defer p.release()
	if err := p.deflate.Close(); err != nil {
		return packing{}, err
	}
	if _, err := p.w.Write(binary.BigEndian.AppendUint32(nil, p.sum.Sum32())); err != nil {
		return packing{}, err
	}
	p.plain = p.size
	return p.packing, nil
}

// release gives the compressor back; it may be called more than once.
func (p *packer) release() {
	if p.deflate != nil {
		p.deflate.Reset(io.Discard)
		deflaters.Put(p.deflate)
		p.deflate = nil
	}
}
