package storage

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// openRaw opens the bytes of an object as they are stored.
func (s *Store) openRaw(ctx context.Context, b *index.Blob) (blob.Blob, error) {
	return s.blobs.Open(ctx, refOf(b))
}

// openBlob opens the bytes of an object as they came.
func (s *Store) openBlob(ctx context.Context, b *index.Blob) (blob.Blob, error) {
	raw, err := s.openRaw(ctx, b)
	if err != nil {
		return nil, err
	}
	return unpacked(raw)
}

// unpacked shows an object as it came. It closes the one it is given if it fails.
func unpacked(raw blob.Blob) (blob.Blob, error) {
	meta := raw.Meta()
	x, err := decodeExtra(&meta)
	if err != nil {
		_ = raw.Close() // it was only looked at
		return nil, err
	}
	if x.plain == 0 {
		return raw, nil
	}
	return &inflated{Blob: raw, packing: x.packing, at: -1}, nil
}

// inflated shows a compressed object as it was. Reading on where the last read ended costs nothing extra, beginning
// elsewhere half a chunk on the average.
type inflated struct {
	blob.Blob
	packing

	mu     sync.Mutex
	buffer *bufio.Reader
	stream io.ReadCloser
	at     int64 // where stream stands; -1: nowhere
}

func (f *inflated) Size() int64 { return f.plain }

func (f *inflated) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("storage: read at %d", off)
	}
	if off >= f.plain {
		return 0, io.EOF
	}
	whole := len(p)
	p = p[:min(int64(len(p)), f.plain-off)]
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at < 0 || off < f.at || off-f.at > f.chunk {
		f.seek(off)
	}
	if _, err := io.CopyN(io.Discard, f.stream, off-f.at); err != nil {
		return 0, f.broken(err)
	}
	n, err = io.ReadFull(f.stream, p)
	f.at = off + int64(n)
	if err != nil {
		return n, f.broken(err)
	}
	if n < whole {
		return n, io.EOF
	}
	return n, nil
}

// seek begins to inflate at the chunk that holds an offset.
func (f *inflated) seek(off int64) {
	i := min(off/f.chunk, int64(len(f.points)))
	start := int64(zlibHeader)
	if i > 0 {
		start = f.points[i-1]
	}
	source := io.NewSectionReader(f.Blob, start, max(0, f.Blob.Size()-zlibTrailer-start))
	if f.stream == nil {
		f.buffer = bufio.NewReaderSize(source, 32<<10)
		f.stream = flate.NewReader(f.buffer)
	} else {
		f.buffer.Reset(source)
		_ = f.stream.(flate.Resetter).Reset(f.buffer, nil) // never fails without a dictionary
	}
	f.at = i * f.chunk
}

func (f *inflated) broken(err error) error {
	f.at = -1
	return &blob.CorruptError{Ref: f.Ref(), Length: f.Blob.Size(), Reason: "it cannot be inflated: " + err.Error()}
}

// WriteTo writes all of it as it was.
func (f *inflated) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, io.NewSectionReader(f, 0, f.plain))
}
