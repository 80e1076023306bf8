package memory

import (
	"context"
	"errors"
	"io"

	"gantry/internal/storage/blob"
)

// HeadRoom is the space kept before the first byte, in bytes, so that a header
// can be put there and written together with what follows.
const HeadRoom = 1024

// Buffer holds the bytes of one object.
type Buffer struct {
	budget *Budget
	share  int64
	most   int64
	chunks []*[ChunkSize]byte
	start  int // of the bytes, in the first chunk
	end    int // of the bytes, in the last chunk
	size   int64
	sum    uint32
}

// Start begins an object that is kept in memory up to most bytes. It waits for
// a share of the budget as long as ctx allows.
func (b *Buffer) Start(ctx context.Context, budget *Budget, sizeHint, most int64) error {
	share, err := budget.admit(ctx, sizeHint, most)
	if err != nil {
		return err
	}
	b.budget, b.share, b.most = budget, share, most
	b.chunks = append(b.chunks[:0], budget.take(true))
	b.start, b.end = HeadRoom, HeadRoom
	return nil
}

// Size is the number of bytes gathered.
func (b *Buffer) Size() int64 { return b.size }

// Checksum is the CRC32C of the bytes gathered.
func (b *Buffer) Checksum() uint32 { return b.sum }

// Head is the part of the bytes that lies in the first chunk.
func (b *Buffer) Head() []byte {
	if len(b.chunks) == 0 {
		return nil
	}
	return b.chunks[0][b.start:min(int64(b.start)+b.size, ChunkSize)]
}

// Room returns free space to put the next bytes into, to be followed by
// Advance; it is empty when the object has outgrown its memory.
func (b *Buffer) Room() []byte {
	if b.end == ChunkSize {
		if b.size >= b.most {
			return nil
		}
		c := b.budget.take(false)
		if c == nil {
			return nil
		}
		b.chunks, b.end = append(b.chunks, c), 0
	}
	room := b.chunks[len(b.chunks)-1][b.end:]
	return room[:min(int64(len(room)), b.most-b.size)]
}

// Advance counts the first n bytes of the room as part of the object.
func (b *Buffer) Advance(n int) {
	b.sum = blob.Checksum(b.sum, b.chunks[len(b.chunks)-1][b.end:b.end+n])
	b.end += n
	b.size += int64(n)
}

// Write takes as much of p as there is room for.
func (b *Buffer) Write(p []byte) int {
	total := 0
	for len(p) > 0 {
		room := b.Room()
		if len(room) == 0 {
			break
		}
		n := copy(room, p)
		b.Advance(n)
		p, total = p[n:], total+n
	}
	return total
}

// Fill reads from r until io.EOF (full is false then) or until there is no
// more room.
func (b *Buffer) Fill(r io.Reader) (n int64, full bool, err error) {
	for empty := 0; ; {
		room := b.Room()
		if len(room) == 0 {
			return n, true, nil
		}
		m, err := r.Read(room)
		if m < 0 || m > len(room) {
			return n, false, errors.New("blob: invalid count from Read")
		}
		b.Advance(m)
		n += int64(m)
		switch {
		case errors.Is(err, io.EOF):
			return n, false, nil
		case err != nil:
			return n, false, err
		case m > 0:
			empty = 0
		default:
			if empty++; empty == 100 {
				return n, false, io.ErrNoProgress
			}
		}
	}
}

// Append appends the object, preceded by head and followed by tail zeros (less
// than a chunk), to bufs as slices of the memory they lie in. Head is copied
// into the head room when it fits.
func (b *Buffer) Append(bufs [][]byte, head []byte, tail int) [][]byte {
	first := b.start
	if len(head) <= HeadRoom {
		first -= copy(b.chunks[0][b.start-len(head):], head)
	} else {
		bufs = append(bufs, head)
	}
	if fits := ChunkSize - b.end; tail <= fits {
		clear(b.chunks[len(b.chunks)-1][b.end : b.end+tail])
		b.end, tail = b.end+tail, 0
	}
	for i, c := range b.chunks {
		end := ChunkSize
		if i == len(b.chunks)-1 {
			end = b.end
		}
		bufs = append(bufs, c[first:end])
		first = 0
	}
	if tail > 0 {
		bufs = append(bufs, padding[:tail])
	}
	return bufs
}

// padding is written from, never to.
var padding [ChunkSize]byte

// Release gives the memory back. The buffer may be started again afterwards.
func (b *Buffer) Release() {
	if b.budget == nil {
		return
	}
	b.budget.learn(b.size)
	for i, c := range b.chunks {
		b.budget.give(c)
		b.chunks[i] = nil
	}
	b.budget.starting.Release(b.share)
	*b = Buffer{chunks: b.chunks[:0]}
}

// KeepHead gives back all but the first chunk: what Head returns stays.
func (b *Buffer) KeepHead() {
	for _, c := range b.chunks[1:] {
		b.budget.give(c)
	}
	clear(b.chunks[1:])
	b.chunks = b.chunks[:1]
	b.end = int(min(int64(b.start)+b.size, ChunkSize))
}
