package seglog

import (
	"encoding/binary"
	"errors"
	"time"

	"gantry/internal/storage/blob"
)

// formatVersion is the version of segments, tables and the folder.
const formatVersion = 1

// blockSize is what records are padded to and begin at, in bytes. It is the
// size of a page, so that no write has to read first.
const blockSize = 4096

var le = binary.LittleEndian

// A segment begins with one block:
//
//	 0 magic "GANTRYSG"   8 version u32   12 checksum of 16..64 with what precedes it u32
//	16 segment number u64   24 random id [16]   40 time of creation, unix ns i64
//	48 no record in it was given a smaller sequence number than this, unless copied u64   56 zeros
//
// and records follow until its end.
const (
	segmentMagic  = "GANTRYSG"
	segmentHeader = 64
)

// segmentID identifies one life of a segment file. It is part of every checksum
// in it, so bytes of another segment never count.
type segmentID [16]byte

func encodeSegmentHeader(number uint64, id segmentID, created time.Time, seq uint64) []byte {
	b := make([]byte, blockSize)
	copy(b, segmentMagic)
	le.PutUint32(b[8:], formatVersion)
	le.PutUint64(b[16:], number)
	copy(b[24:], id[:])
	le.PutUint64(b[40:], uint64(created.UnixNano()))
	le.PutUint64(b[48:], seq)
	le.PutUint32(b[12:], segmentChecksum(b))
	return b
}

func segmentChecksum(b []byte) uint32 {
	return blob.Checksum(blob.Checksum(0, b[:12]), b[16:segmentHeader])
}

var (
	errNotSegment = errors.New("not the beginning of a segment")
	errNoRecord   = errors.New("no record begins here")
)

// segmentInfo is a decoded segment header.
type segmentInfo struct {
	number  uint64
	id      segmentID
	version int
	seq     uint64
}

// decodeSegmentHeader returns the version also of one that is too new to read.
func decodeSegmentHeader(b []byte) (segmentInfo, error) {
	if len(b) < segmentHeader || string(b[:8]) != segmentMagic {
		return segmentInfo{}, errNotSegment
	}
	i := segmentInfo{version: int(le.Uint32(b[8:]))}
	if i.version > formatVersion {
		return i, nil
	}
	if le.Uint32(b[12:]) != segmentChecksum(b) {
		return segmentInfo{}, errNotSegment
	}
	i.number, i.id, i.seq = le.Uint64(b[16:]), segmentID(b[24:40]), le.Uint64(b[48:])
	return i, nil
}

// A record begins at a multiple of blockSize with this header, followed by the
// reception metadata, the payload and zeros up to the next multiple:
//
//	 0 magic u32   4 checksum of the header u32   8 kind u8   9 flags u8   10 length of metadata u16
//	12 CRC32C of the payload u32   16 key [16]   32 sequence u64   40 size of the object u64
//	48 length of the record in blocks u32   52 zeros
//	56 segment u64 and 64 offset u64 of the watermark: all before it was synced
//	   before this record was written
//	72 metadata
//
// The header's checksum covers the segment's id and version, the offset and the
// header with its metadata, and through the CRC in it the payload.
const (
	recordMagic  = 0x43524e47
	recordHeader = 72
	flagsAt      = 9
)

// Kinds only the log knows; blob.KindTombstone is on disk as it is.
const kindVoid blob.Kind = 32

// flags of records
const (
	flagLarge     = 1 << 0 // the payload is in a file of its own, named by the key
	flagCopied    = 1 << 1 // moved here; its sequence is older than the place
	flagReclaimed = 1 << 2 // the payload was given back
	flagPlain     = 1 << 3 // with flagLarge: the file lies below files, named for people
)

// header is a decoded record header.
type header struct {
	kind      blob.Kind
	flags     uint8
	sum       uint32
	ref       blob.Ref
	size      int64 // of the object
	blocks    uint32
	watermark blob.Position
	meta      []byte // encoded; shares the memory it was decoded from
}

func (h *header) length() int64  { return int64(h.blocks) * blockSize }
func (h *header) metaEnd() int64 { return recordHeader + int64(len(h.meta)) }
func (h *header) large() bool    { return h.flags&flagLarge != 0 }

// payload is the number of bytes that follow the metadata.
func (h *header) payload() int64 {
	if h.flags&(flagLarge|flagReclaimed) != 0 {
		return 0
	}
	return h.size
}

// blocksFor is the length of a record in blocks.
func blocksFor(meta int, payload int64) uint32 {
	return uint32((recordHeader + int64(meta) + payload + blockSize - 1) / blockSize)
}

// appendHeader appends the header of a record that is to begin at off of the segment id.
func appendHeader(b []byte, h *header, id segmentID, off int64) []byte {
	start := len(b)
	b = append(b, make([]byte, recordHeader)...)
	p := b[start:]
	le.PutUint32(p, recordMagic)
	p[8], p[9] = byte(h.kind), h.flags
	le.PutUint16(p[10:], uint16(len(h.meta)))
	le.PutUint32(p[12:], h.sum)
	copy(p[16:], h.ref.Key[:])
	le.PutUint64(p[32:], h.ref.Seq)
	le.PutUint64(p[40:], uint64(h.size))
	le.PutUint32(p[48:], h.blocks)
	le.PutUint64(p[56:], h.watermark.Segment)
	le.PutUint64(p[64:], uint64(h.watermark.Offset))
	b = append(b, h.meta...)
	p = b[start:]
	le.PutUint32(p[4:], headerChecksum(p, id, off))
	return b
}

func headerChecksum(p []byte, id segmentID, off int64) uint32 {
	var place [28]byte
	copy(place[:], id[:])
	le.PutUint32(place[16:], formatVersion)
	le.PutUint64(place[20:], uint64(off))
	sum := blob.Checksum(blob.Checksum(0, place[:]), p[:4])
	return blob.Checksum(sum, p[8:])
}

// decodeHeader reads the header of the record at off; room is what is left of
// the segment from there. Whatever lies there, it returns errNoRecord at worst.
func decodeHeader(p []byte, id segmentID, off, room int64) (header, error) {
	if len(p) < recordHeader || le.Uint32(p) != recordMagic {
		return header{}, errNoRecord
	}
	n := recordHeader + int(le.Uint16(p[10:]))
	if n > len(p) || le.Uint32(p[4:]) != headerChecksum(p[:n], id, off) {
		return header{}, errNoRecord
	}
	h := header{
		kind: blob.Kind(p[8]), flags: p[9], sum: le.Uint32(p[12:]),
		ref:       blob.Ref{Key: blob.Key(p[16:32]), Seq: le.Uint64(p[32:])},
		size:      int64(le.Uint64(p[40:])),
		blocks:    le.Uint32(p[48:]),
		watermark: blob.Position{Segment: le.Uint64(p[56:]), Offset: int64(le.Uint64(p[64:]))},
		meta:      p[recordHeader:n:n],
	}
	if h.blocks == 0 || h.length() > room || h.size < 0 || h.kind != kindVoid && h.payload() > h.length()-h.metaEnd() {
		return header{}, errNoRecord
	}
	return h, nil
}

// refSize is the size of one reference in a tombstone's payload.
const refSize = 24

func appendRef(b []byte, r blob.Ref) []byte {
	return le.AppendUint64(append(b, r.Key[:]...), r.Seq)
}

func decodeRefs(b []byte) []blob.Ref {
	refs := make([]blob.Ref, 0, len(b)/refSize)
	for ; len(b) >= refSize; b = b[refSize:] {
		refs = append(refs, blob.Ref{Key: blob.Key(b[:16]), Seq: le.Uint64(b[16:])})
	}
	return refs
}
