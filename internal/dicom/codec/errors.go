package codec

import (
	"errors"
	"fmt"
)

// ErrNotDICOM is what OpenFile's error wraps when the bytes are no DICOM file.
var ErrNotDICOM = errors.New("not a DICOM file")

// SyntaxError tells where a data set stops making sense.
type SyntaxError struct {
	Offset int64  // byte offset, counted as in Header
	Path   string // as Reader.Path, "" at the top
	Reason string
	Err    error // io.ErrUnexpectedEOF when the data ended too early, or the cause below; nil otherwise
}

// Error names the place and the reason.
func (e *SyntaxError) Error() string {
	s := fmt.Sprintf("codec: %sat byte %d: %s", pathPrefix(e.Path), e.Offset, e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// LimitError tells which of the Limits a data set exceeds, before memory was taken for it.
type LimitError struct {
	Offset int64
	Path   string
	Limit  string // name of the field of Limits
	Value  int64  // what the data set asks for; for MaxElements and MaxInflated the first number over the limit
	Max    int64
}

// Error names the place, the limit and both numbers.
func (e *LimitError) Error() string {
	return fmt.Sprintf("codec: %sat byte %d: %d exceeds the limit %s of %d", pathPrefix(e.Path), e.Offset, e.Value, e.Limit, e.Max)
}

func pathPrefix(path string) string {
	if path == "" {
		return ""
	}
	return path + " "
}

// Misuse of a Writer.
var (
	ErrValueLong  = errors.New("codec: more bytes written than the header announced")
	ErrValueShort = errors.New("codec: fewer bytes written than the header announced")
	ErrMisplaced  = errors.New("codec: header does not belong here")
	ErrTooLong    = errors.New("codec: value or sequence too long for its length field")
)
