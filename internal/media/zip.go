package media

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
)

// The parts of a ZIP file (APPNOTE 4.3).
const (
	signatureLocal      = 0x04034b50
	signatureDescriptor = 0x08074b50
	signatureCentral    = 0x02014b50
	signatureEnd64      = 0x06064b50
	signatureLocator64  = 0x07064b50
	signatureEnd        = 0x06054b50

	methodStored  = 0
	methodDeflate = 8

	flagDescriptor = 1 << 3
	flagUTF8       = 1 << 11

	version20 = 20
	version45 = 45 // ZIP64
)

// zipEntry is a file in a ZIP file.
type zipEntry struct {
	name     string
	modified time.Time
	method   uint16
	// later says that checksum and sizes follow the data; large that one of the sizes may reach 4 GiB.
	later, large     bool
	crc              uint32
	size, compressed uint64
	offset           uint64
}

// zipWriter writes a ZIP file from its beginning to its end, ZIP64 only where it has to.
type zipWriter struct {
	w       io.Writer
	written uint64
	count   uint64
	central []byte // the central directory so far
	scratch []byte
}

func (z *zipWriter) write(p []byte) error {
	n, err := z.w.Write(p)
	z.written += uint64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// begin writes what stands before the data of an entry. Unless its sizes come later they have to be known.
func (z *zipWriter) begin(e *zipEntry) error {
	if len(e.name) > math.MaxUint16 {
		return fmt.Errorf("media: the name %.40q... is too long for a ZIP file", e.name)
	}
	e.offset = z.written
	b := append(z.scratch[:0], 0, 0, 0, 0)
	le := binary.LittleEndian
	le.PutUint32(b, signatureLocal)
	b = e.appendCommon(b, e.large)
	size, compressed, crc := e.size, e.compressed, e.crc
	if e.later {
		size, compressed, crc = 0, 0, 0
	}
	b = le.AppendUint32(b, crc)
	if e.large {
		b = le.AppendUint32(le.AppendUint32(b, math.MaxUint32), math.MaxUint32)
	} else {
		b = le.AppendUint32(le.AppendUint32(b, uint32(compressed)), uint32(size))
	}
	b = le.AppendUint16(b, uint16(len(e.name)))
	if e.large {
		b = le.AppendUint16(b, 20)
		b = append(b, e.name...)
		b = le.AppendUint16(le.AppendUint16(b, 1), 16)
		b = le.AppendUint64(le.AppendUint64(b, size), compressed)
	} else {
		b = le.AppendUint16(b, 0)
		b = append(b, e.name...)
	}
	z.scratch = b
	return z.write(b)
}

// appendCommon appends what local and central headers share: version needed, flags, method, time and date.
func (e *zipEntry) appendCommon(b []byte, zip64 bool) []byte {
	le := binary.LittleEndian
	version, flags := uint16(version20), uint16(0)
	if zip64 {
		version = version45
	}
	if e.later {
		flags |= flagDescriptor
	}
	if !isASCII(e.name) {
		flags |= flagUTF8
	}
	date, clock := dosTime(e.modified)
	b = le.AppendUint16(le.AppendUint16(b, version), flags)
	return le.AppendUint16(le.AppendUint16(le.AppendUint16(b, e.method), clock), date)
}

// end writes what follows the data of an entry, and notes it for the central directory.
func (z *zipWriter) end(e *zipEntry) error {
	if !e.large && (e.size > math.MaxUint32 || e.compressed > math.MaxUint32) {
		return fmt.Errorf("media: %s has grown beyond 4 GiB", e.name)
	}
	le := binary.LittleEndian
	if e.later {
		b := le.AppendUint32(le.AppendUint32(z.scratch[:0], signatureDescriptor), e.crc)
		if e.large {
			b = le.AppendUint64(le.AppendUint64(b, e.compressed), e.size)
		} else {
			b = le.AppendUint32(le.AppendUint32(b, uint32(e.compressed)), uint32(e.size))
		}
		z.scratch = b
		if err := z.write(b); err != nil {
			return err
		}
	}
	z.count++
	z.appendCentral(e)
	return nil
}

func (z *zipWriter) appendCentral(e *zipEntry) {
	le := binary.LittleEndian
	far := e.offset >= math.MaxUint32
	var extra []byte
	size, compressed, offset := uint32(e.size), uint32(e.compressed), uint32(e.offset)
	if e.large {
		size, compressed = math.MaxUint32, math.MaxUint32
		extra = le.AppendUint64(le.AppendUint64(extra, e.size), e.compressed)
	}
	if far {
		offset = math.MaxUint32
		extra = le.AppendUint64(extra, e.offset)
	}
	b := le.AppendUint32(z.central, signatureCentral)
	b = le.AppendUint16(b, version45)
	b = e.appendCommon(b, e.large || far)
	b = le.AppendUint32(le.AppendUint32(le.AppendUint32(b, e.crc), compressed), size)
	b = le.AppendUint16(b, uint16(len(e.name)))
	if extra == nil {
		b = le.AppendUint16(b, 0)
	} else {
		b = le.AppendUint16(b, uint16(len(extra)+4))
	}
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) // comment, disk, attributes
	b = append(le.AppendUint32(b, offset), e.name...)
	if extra != nil {
		b = le.AppendUint16(le.AppendUint16(b, 1), uint16(len(extra)))
		b = append(b, extra...)
	}
	z.central = b
}

// close writes the central directory and the end of the file, without which no program takes it for whole.
func (z *zipWriter) close() error {
	start := z.written
	if err := z.write(z.central); err != nil {
		return err
	}
	le := binary.LittleEndian
	size, end := uint64(len(z.central)), z.written
	var b []byte
	if z.count >= math.MaxUint16 || start >= math.MaxUint32 || size >= math.MaxUint32 {
		b = le.AppendUint64(le.AppendUint32(b, signatureEnd64), 44)
		b = le.AppendUint16(le.AppendUint16(b, version45), version45)
		b = le.AppendUint64(b, 0) // disks
		b = le.AppendUint64(le.AppendUint64(b, z.count), z.count)
		b = le.AppendUint64(le.AppendUint64(b, size), start)
		b = le.AppendUint64(le.AppendUint32(le.AppendUint32(b, signatureLocator64), 0), end)
		b = le.AppendUint32(b, 1)
	}
	count := uint16(min(z.count, math.MaxUint16))
	b = le.AppendUint32(le.AppendUint32(b, signatureEnd), 0)
	b = le.AppendUint16(le.AppendUint16(b, count), count)
	b = le.AppendUint32(le.AppendUint32(b, uint32(min(size, math.MaxUint32))), uint32(min(start, math.MaxUint32)))
	return z.write(le.AppendUint16(b, 0))
}

// dosTime is a time as ZIP files have it: local to nobody, here UTC, in steps of two seconds from 1980 on.
func dosTime(t time.Time) (date, clock uint16) {
	t = t.UTC()
	if t.Year() < 1980 || t.Year() > 2107 {
		return 1<<5 | 1, 0
	}
	return uint16(t.Year()-1980)<<9 | uint16(t.Month())<<5 | uint16(t.Day()),
		uint16(t.Hour())<<11 | uint16(t.Minute())<<5 | uint16(t.Second()/2)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
