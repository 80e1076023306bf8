package rest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
)

// metered ends the reading of a ZIP file's list of entries at a limit: its headers can be many more than the list says
// it has. The entries themselves are read past it.
type metered struct {
	r      io.ReaderAt
	left   int64
	listed bool
}

func (m *metered) ReadAt(p []byte, at int64) (int, error) {
	if !m.listed {
		if m.left -= int64(len(p)); m.left < 0 {
			return 0, tooManyEntries()
		}
	}
	return m.r.ReadAt(p, at)
}

func tooManyEntries() error {
	return &apiError{HTTP: http.StatusRequestEntityTooLarge, Code: statusBadRequest,
		Details: fmt.Sprintf("The list of entries of the ZIP archive is larger than the limit of %d bytes: send several archives", maximumDirectory)}
}

// smallestHeader is the size of an entry's header in the list without its name (APPNOTE 4.3.12).
const smallestHeader = 46

// checkDirectory refuses a ZIP file that says it has more entries than a list within the limit can hold, before memory
// is taken for them. It reads the end of central directory records (APPNOTE 4.3.14 to 4.3.16); what it does not
// understand is left to the reader of ZIP files.
func checkDirectory(r io.ReaderAt, size int64) error {
	tail := make([]byte, min(size, 22+20+1<<16))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil {
		return nil //nolint:nilerr // the next reader says it better
	}
	for rest := tail; ; {
		i := bytes.LastIndex(rest, []byte("PK\x05\x06"))
		if i < 0 {
			return nil
		}
		if i+22 <= len(tail) && records64(r, tail[:i]) > maximumDirectory/smallestHeader {
			return tooManyEntries()
		}
		rest = rest[:i]
	}
}

// records64 reads the number of entries in the ZIP64 record that is found by what stands before the end record; 0 if
// there is none. Without one it is less than 65536.
func records64(r io.ReaderAt, before []byte) uint64 {
	const locator, record = 20, 56
	if len(before) < locator || !bytes.HasPrefix(before[len(before)-locator:], []byte("PK\x06\x07")) {
		return 0
	}
	var b [record]byte
	at := binary.LittleEndian.Uint64(before[len(before)-locator+8:])
	if _, err := r.ReadAt(b[:], int64(at)); err != nil { //nolint:gosec // a negative one is an error
		return 0
	}
	return binary.LittleEndian.Uint64(b[32:])
}
