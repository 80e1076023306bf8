// Package sqlite keeps an index in an SQLite database: a wide row for every patient, study, series and instance, with
// the identifiers and the tags people search as columns beside folded copies of them, and the rest as JSON.
//
// One connection writes, a few read. The database is in WAL mode with secure_delete, so that deleted text is overwritten
// in the file, and the write-ahead log is truncated at checkpoints, so that it is not there either.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// Options say where the database lies and how careful it is.
type Options struct {
	File     string // made if it is not there, its folder too
	ReadOnly bool   // open without writing; the file must be there

	// NoSync leaves out every wait for the disk.
	NoSync bool
	// BusyTimeout is how long a lock of another program is waited for; 5 s if zero.
	BusyTimeout time.Duration
}

const (
	maxReaders      = 8
	walLimit        = 16 << 20 // bytes of write-ahead log at which it is emptied
	commitsPerCheck = 64       // commits between looks at its size
)

// Index is an open database. It implements index.Index.
type Index struct {
	o       Options
	writer  *conn
	write   chan struct{} // holds one token: the right to use writer
	reading chan struct{} // holds a token for each reader in use
	idleMu  sync.Mutex
	idle    []*conn       // readers, the one used last at the end
	empty   chan struct{} // asks the checkpointer to empty the write-ahead log
	closing chan struct{}
	done    chan struct{} // the checkpointer has ended
	closed  atomic.Bool
	parents parentCache // used by the writer only
	places  milestones
	commits int // since the last look at the write-ahead log
}

var _ index.Index = (*Index)(nil)

// Open opens the database, or makes it, and brings an older format forward.
func Open(ctx context.Context, o Options) (*Index, error) {
	if o.BusyTimeout == 0 {
		o.BusyTimeout = 5 * time.Second
	}
	if err := makeFolder(o); err != nil {
		return nil, err
	}
	x := &Index{o: o, write: make(chan struct{}, 1), reading: make(chan struct{}, maxReaders),
		empty: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	if o.ReadOnly {
		close(x.done)
		return x, x.tryRead(ctx)
	}
	w, err := openWriter(o)
	if err != nil {
		return nil, err
	}
	x.writer = w
	x.write <- struct{}{}
	go x.checkpointer()
	return x, nil
}

func makeFolder(o Options) error {
	if o.ReadOnly {
		if _, err := os.Stat(o.File); err != nil {
			return fmt.Errorf("index: open: %w", err)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(o.File), 0o700); err != nil {
		return fmt.Errorf("index: make folder: %w", err)
	}
	return nil
}

// tryRead finds out at once whether a read-only database can be read.
func (x *Index) tryRead(ctx context.Context) error {
	c, err := x.reader(ctx)
	if err != nil {
		return err
	}
	defer x.release(c)
	return c.checkVersion(x.o.File)
}

// View implements index.Index.
func (x *Index) View(ctx context.Context, fn func(index.ReadTx) error) (err error) {
	c, err := x.reader(ctx)
	if err != nil {
		return err
	}
	defer x.release(c)
	if err := c.exec("BEGIN"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.exec("ROLLBACK")) }()
	return fn(&readTx{c: c, places: &x.places})
}

// reader gives the connection that was used last of those that are idle, so that no more are opened, and no more caches
// filled, than read at once.
func (x *Index) reader(ctx context.Context) (*conn, error) {
	if x.closed.Load() {
		return nil, index.ErrClosed
	}
	select {
	case x.reading <- struct{}{}:
	default:
		select {
		case x.reading <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-x.closing:
			return nil, index.ErrClosed
		}
	}
	if c := x.takeIdle(); c != nil {
		return c, nil
	}
	c, err := openReader(x.o)
	if err != nil {
		<-x.reading
	}
	return c, err
}

func (x *Index) takeIdle() *conn {
	x.idleMu.Lock()
	defer x.idleMu.Unlock()
	last := len(x.idle) - 1
	if last < 0 {
		return nil
	}
	c := x.idle[last]
	x.idle = x.idle[:last]
	return c
}

func (x *Index) release(c *conn) {
	x.idleMu.Lock()
	x.idle = append(x.idle, c)
	x.idleMu.Unlock()
	<-x.reading
}

// Update implements index.Index.
func (x *Index) Update(ctx context.Context, fn func(index.Tx) error) error {
	return x.transact(ctx, x.level(true), fn)
}

// Derive implements index.Index.
func (x *Index) Derive(ctx context.Context, fn func(index.Tx) error) error {
	return x.transact(ctx, x.level(false), fn)
}

func (x *Index) level(durable bool) string {
	switch {
	case x.o.NoSync:
		return syncOff
	case durable:
		return syncFull
	}
	return syncNormal
}

func (x *Index) transact(ctx context.Context, level string, fn func(index.Tx) error) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.unlock()
	if err := x.writer.synchronous(level); err != nil {
		return err
	}
	if err := x.writer.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	t := &tx{readTx: readTx{c: x.writer, places: &x.places}, x: x}
	if err := t.run(fn); err != nil {
		x.parents.clear()
		if !x.writer.AutocommitEnabled() {
			err = errors.Join(err, x.writer.exec("ROLLBACK"))
		}
		return err
	}
	x.watch()
	return nil
}

// run calls fn and commits. A panic of fn rolls back before it goes on.
func (t *tx) run(fn func(index.Tx) error) error {
	finished := false
	defer func() {
		if !finished {
			t.x.parents.clear()
			_ = t.c.exec("ROLLBACK")
		}
	}()
	err := fn(t)
	finished = true
	if err != nil {
		return err
	}
	if err := t.flushTotals(); err != nil {
		return err
	}
	return t.c.exec("COMMIT")
}

func (x *Index) lock(ctx context.Context) error {
	if x.o.ReadOnly {
		return index.ErrReadOnly
	}
	select {
	case <-x.write:
		return nil
	default:
	}
	select {
	case <-x.write:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-x.closing:
		return index.ErrClosed
	}
}

func (x *Index) unlock() { x.write <- struct{}{} }

// Close implements index.Index.
func (x *Index) Close() error {
	if !x.closed.CompareAndSwap(false, true) {
		return nil
	}
	close(x.closing)
	<-x.done
	var errs []error
	for range maxReaders {
		x.reading <- struct{}{}
	}
	for _, c := range x.idle {
		errs = append(errs, c.close())
	}
	if x.writer != nil {
		<-x.write
		errs = append(errs, x.writer.checkpoint("TRUNCATE"), x.writer.close())
	}
	return errors.Join(errs...)
}

// Check implements index.Index.
func (x *Index) Check(ctx context.Context) ([]string, error) {
	var lines []string
	err := x.View(ctx, func(rt index.ReadTx) error {
		return rt.(*readTx).c.each("PRAGMA integrity_check(100)", nil, func(s *sqlite.Stmt) error {
			if l := s.ColumnText(0); l != "ok" {
				lines = append(lines, l)
			}
			return nil
		})
	})
	if errors.Is(err, index.ErrCorrupt) {
		return append(lines, err.Error()), nil
	}
	return lines, err
}

// Backup implements index.Index.
func (x *Index) Backup(ctx context.Context, file string) error {
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("index: backup: %s is there already", file)
	}
	c, err := openReader(x.o)
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }()
	c.SetInterrupt(ctx.Done())
	if err := c.exec("PRAGMA query_only=0"); err != nil {
		return err
	}
	if err := makePrivate(file); err != nil { // SQLite fills an empty file as well
		return err
	}
	if err := c.exec("VACUUM INTO ?1", text(file)); err != nil {
		return err
	}
	return syncFile(file)
}

func syncFile(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("index: backup: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
