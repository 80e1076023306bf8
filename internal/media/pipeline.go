package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// block is a part of an entry that is read and compressed as one.
type block struct {
	e           *entry
	at          int64
	n           int
	first, last bool
	in          *[blockSize]byte
	out         *bytes.Buffer
	data        []byte // to be written
	sums        sums   // of what was read
	record      *record
	err         error
	done        chan struct{} // closed when the block is ready to be written
	slot        chan struct{} // to be given back
}

var (
	inputs  = sync.Pool{New: func() any { return new([blockSize]byte) }}
	outputs = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// release gives back what a block holds; what works on it has ended.
func (b *block) release() {
	b.dropInput()
	if b.out != nil {
		outputs.Put(b.out)
		b.out, b.data = nil, nil
	}
	if b.slot != nil {
		<-b.slot
		b.slot = nil
	}
}

func (b *block) dropInput() {
	if b.in != nil {
		inputs.Put(b.in)
		b.in = nil
	}
}

// pipeline reads and compresses blocks on all cores and gives them out in order.
type pipeline struct {
	budget *Budget
	own    chan struct{} // room for one block
	queue  chan *block   // in order
}

func newPipeline(budget *Budget) *pipeline {
	window := 2 * runtime.GOMAXPROCS(0)
	if budget == nil {
		budget = NewBudget(window - 1)
	}
	return &pipeline{budget: budget, own: make(chan struct{}, 1), queue: make(chan *block, window)}
}

// put sends an entry down the pipeline. It waits while there is no room. If it fails before the pipeline knows the entry,
// the entry is closed.
func (p *pipeline) put(ctx context.Context, e *entry) (err error) {
	known := false
	defer func() {
		if err != nil && !known {
			e.close()
		}
	}()
	for at := int64(0); ; {
		b := &block{e: e, at: at, first: at == 0, done: make(chan struct{})}
		if b.slot, err = p.reserve(ctx); err != nil {
			return err
		}
		if err = b.measure(); err != nil {
			b.release()
			return err
		}
		select {
		case p.queue <- b:
		case <-ctx.Done():
			b.release()
			return context.Cause(ctx)
		}
		known = true
		at += int64(b.n)
		last := b.last // the block is not ours any more once it is worked on
		go b.work()
		if last {
			return nil
		}
	}
}

// reserve takes room for a block: its own, or of the shared budget.
func (p *pipeline) reserve(ctx context.Context) (chan struct{}, error) {
	select {
	case p.own <- struct{}{}:
		return p.own, nil
	default:
	}
	select {
	case p.own <- struct{}{}:
		return p.own, nil
	case p.budget.tokens <- struct{}{}:
		return p.budget.tokens, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// measure finds the length of a block. What is converted is read here: it has no places to begin at.
func (b *block) measure() error {
	if b.e.stream == nil {
		left := b.e.size - b.at
		b.n, b.last = int(min(left, blockSize)), left <= blockSize
		return nil
	}
	b.in = inputs.Get().(*[blockSize]byte)
	n, err := io.ReadFull(b.e.stream, b.in[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("media: %s: %w", b.e.zip.name, err)
	}
	_, err = b.e.stream.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("media: %s: %w", b.e.zip.name, err)
	}
	b.n, b.last = n, err != nil
	return nil
}

// work makes a block ready to be written.
func (b *block) work() {
	defer close(b.done)
	if b.err = b.load(); b.err != nil {
		b.err = fmt.Errorf("media: %s: %w", b.e.zip.name, b.err)
		return
	}
	b.err = b.encode()
}

func (b *block) load() error {
	e := b.e
	if b.in == nil {
		b.in = inputs.Get().(*[blockSize]byte)
		if err := e.read(b.in[:b.n], b.at); err != nil {
			return err
		}
	}
	b.sums = sumsOf(b.in[:b.n])
	if b.first && e.record != nil {
		r, err := readRecord(e)
		if err != nil {
			return err
		}
		b.record = r
	}
	if !b.first || e.stream != nil || e.object == nil {
		return nil
	}
	if !b.last {
		if e.zip.method == methodStored {
			return b.sumUp()
		}
		return nil
	}
	return e.verify(b.sums)
}

// sumUp finds the checksum of all of an entry that is stored: it has to stand before its data, since programs that read a
// ZIP file as a stream could not find the end otherwise.
func (b *block) sumUp() error {
	e, total := b.e, b.sums
	buf := outputBuffer(blockSize)
	defer outputs.Put(buf)
	for at := int64(b.n); at < e.size; {
		part := buf.AvailableBuffer()[:min(e.size-at, blockSize)]
		if err := e.read(part, at); err != nil {
			return err
		}
		total = total.then(sumsOf(part), int64(len(part)))
		at += int64(len(part))
	}
	e.zip.crc = total.zip
	return e.verify(total)
}

func outputBuffer(size int) *bytes.Buffer {
	buf := outputs.Get().(*bytes.Buffer)
	buf.Reset()
	buf.Grow(size)
	return buf
}

// verify holds what was read against the checksum with which the object was stored.
func (e *entry) verify(s sums) error {
	if e.object != nil && e.stream == nil && s.stored != e.object.Blob.CRC32C {
		return ErrDamaged
	}
	return nil
}

// encode compresses a block. One that is all of its entry is stored if that takes less.
func (b *block) encode() error {
	if b.e.zip.method == methodStored {
		b.data = b.in[:b.n]
		return nil
	}
	c := compressors.Get().(*compressor)
	defer compressors.Put(c)
	b.out = outputBuffer(b.n/2 + 1<<10)
	if err := c.deflate(b.out, b.in[:b.n], b.last); err != nil {
		return fmt.Errorf("media: compress %s: %w", b.e.zip.name, err)
	}
	if b.data = b.out.Bytes(); b.first && b.last && len(b.data) >= b.n && b.e.stream == nil {
		b.e.zip.method, b.data = methodStored, b.in[:b.n]
		return nil
	}
	b.dropInput()
	return nil
}
