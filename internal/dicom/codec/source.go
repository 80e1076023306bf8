package codec

import (
	"errors"
	"io"
)

// bufferSize is what a Reader of a stream keeps in memory; values up to this size are given without copying.
const bufferSize = 32 << 10

// source is a window of bytes that moves over a stream, or holds all bytes there are.
type source struct {
	r        io.Reader // nil: buf[pos:end] is all that is left
	buf      []byte
	pos, end int
	base     int64  // offset of buf[0]
	own      []byte // the buffer for streams, kept when the source is reset
	err      error  // what r gave instead of more bytes
}

func (s *source) reset(r io.Reader) {
	if s.own == nil {
		s.own = make([]byte, bufferSize)
	}
	*s = source{r: r, buf: s.own, own: s.own}
}

func (s *source) resetBytes(b []byte) { *s = source{buf: b, end: len(b), own: s.own} }

// offset is the number of bytes consumed.
func (s *source) offset() int64 { return s.base + int64(s.pos) }

// window returns the bytes at hand without consuming them: at least n, unless the data ends before or fails.
// n is at most bufferSize.
func (s *source) window(n int) []byte {
	if s.end-s.pos < n && s.r != nil {
		s.fill(n)
	}
	return s.buf[s.pos:s.end]
}

func (s *source) fill(n int) {
	if s.pos+n > len(s.buf) {
		s.base += int64(s.pos)
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	for idle := 0; s.end-s.pos < n && s.err == nil; {
		m, err := s.r.Read(s.buf[s.end:])
		s.end += m
		s.err = err
		if idle++; m > 0 {
			idle = 0
		} else if idle == 100 && err == nil {
			s.err = io.ErrNoProgress
		}
	}
}

// read reads at least one byte into p, unless it is empty or nothing is left.
func (s *source) read(p []byte) (int, error) {
	if s.pos == s.end {
		if s.r == nil {
			return 0, io.EOF
		}
		if len(p) >= len(s.buf) && s.err == nil {
			return s.readThrough(p)
		}
		if len(s.window(1)) == 0 {
			return 0, s.err
		}
	}
	n := copy(p, s.buf[s.pos:s.end])
	s.pos += n
	return n, nil
}

// readThrough reads into p without the detour through the buffer, which is empty.
func (s *source) readThrough(p []byte) (int, error) {
	for range 100 {
		n, err := s.r.Read(p)
		s.base += int64(n)
		s.err = err
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
	s.err = io.ErrNoProgress
	return 0, s.err
}

// discard consumes n bytes, or fewer when the data ends before, and returns how many.
func (s *source) discard(n int64) int64 {
	var done int64
	for {
		m := min(n-done, int64(s.end-s.pos))
		s.pos += int(m)
		done += m
		if done == n || len(s.window(1)) == 0 {
			return done
		}
	}
}

// failure returns why the stream ended, nil when it came to its end.
func (s *source) failure() error {
	if s.err == nil || errors.Is(s.err, io.EOF) {
		return nil
	}
	return s.err
}
