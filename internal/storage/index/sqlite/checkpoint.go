package sqlite

import (
	"context"
	"errors"
	"os"

	"gantry/internal/storage/index"
)

// Checkpoint implements index.Index.
func (x *Index) Checkpoint(ctx context.Context) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.unlock()
	return x.writer.checkpoint("TRUNCATE")
}

// watch asks for a checkpoint when the write-ahead log has grown long. The writer calls it after a commit.
func (x *Index) watch() {
	x.commits++
	if x.commits < commitsPerCheck {
		return
	}
	x.commits = 0
	if i, err := os.Stat(x.o.File + "-wal"); err != nil || i.Size() < walLimit {
		return
	}
	select {
	case x.empty <- struct{}{}:
	default:
	}
}

// checkpointer empties the write-ahead log when asked: first beside the writer, which does most of the work, then what
// has come meanwhile with the writer held up.
func (x *Index) checkpointer() {
	defer close(x.done)
	var c *conn
	defer func() {
		if c != nil {
			_ = c.close()
		}
	}()
	for {
		select {
		case <-x.closing:
			return
		case <-x.empty:
		}
		if c == nil {
			var err error
			if c, err = openConn(x.o, 0); err != nil {
				continue // the next request tries again; the log only grows meanwhile
			}
		}
		_ = c.checkpoint("PASSIVE") // what it leaves, the next line does
		x.truncate()
	}
}

// truncate waits for the writer, not for long-lived readers: they are tried again at the next request.
func (x *Index) truncate() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if x.lock(ctx) != nil {
		return
	}
	defer x.unlock()
	_ = x.writer.checkpoint("TRUNCATE")
}

// checkpoint runs one; ErrBusy means that a reader stood in the way of a part of it.
func (c *conn) checkpoint(mode string) error {
	stmt, err := c.Prepare("PRAGMA wal_checkpoint(" + mode + ")")
	if err != nil {
		return wrap("checkpoint", err)
	}
	_, err = stmt.Step()
	busy := err == nil && stmt.ColumnInt(0) != 0
	err = errors.Join(err, stmt.Reset())
	if err != nil {
		return wrap("checkpoint", err)
	}
	if busy {
		return index.ErrBusy
	}
	return nil
}
