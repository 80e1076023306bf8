package codec

import (
	"errors"
	"io"

	"github.com/klauspost/compress/flate"
)

// inflater reads a deflate stream (PS3.5 A.5) up to a limit. What follows the stream, a NUL to make its length even,
// is not looked at.
type inflater struct {
	z     io.ReadCloser
	left  int64
	limit int64
	cut   bool // the stream ended before its end
}

func (f *inflater) reset(r io.Reader, limit int64) error {
	f.left, f.limit, f.cut = limit, limit, false
	if f.z == nil {
		f.z = flate.NewReader(r)
		return nil
	}
	return f.z.(flate.Resetter).Reset(r, nil)
}

// Read gives what is whole of a stream that was cut off, and then io.EOF with cut set.
func (f *inflater) Read(p []byte) (int, error) {
	if f.left < 0 {
		return 0, f.exceeded()
	}
	if int64(len(p)) > f.left+1 {
		p = p[:f.left+1]
	}
	n, err := f.z.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		f.cut, err = true, io.EOF
	}
	f.left -= int64(n)
	if f.left < 0 {
		return n - 1, f.exceeded()
	}
	return n, err
}

func (f *inflater) exceeded() error {
	return &LimitError{Offset: f.limit, Limit: "MaxInflated", Value: f.limit + 1, Max: f.limit}
}
