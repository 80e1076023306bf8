package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"gantry/internal/storage"
)

// archive is one that is being written.
type archive struct {
	store *storage.Store
	plan  *Plan
	o     Options
	log   *slog.Logger
	out   *bufio.Writer // takes the headers together; data goes through
	zip   zipWriter
	dir   *directory // of a medium
	pipe  *pipeline

	mu       sync.Mutex // of progress, which both ends of the pipeline note
	progress Progress
}

// Write writes the archive of a plan. It waits for w as long as that takes; who wants it to end with ctx has to end a
// write that hangs, too. Without a nil error what was written is no valid archive.
//
// An instance that was deleted since the plan was made is left out, as in Orthanc, and counted in [Progress]. One whose
// bytes cannot be read, or are not those that were stored, ends the archive with [ErrDamaged].
func Write(ctx context.Context, w io.Writer, s *storage.Store, p *Plan, o Options) (Progress, error) {
	a := &archive{store: s, plan: p, o: o, log: o.Logger, pipe: newPipeline(o.Budget), out: bufio.NewWriterSize(w, 32<<10)}
	a.zip.w = a.out
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if o.Media {
		if p.Instances > maxMediaFiles {
			return a.progress, fmt.Errorf("media: %d instances do not fit on a medium: %d is the most", p.Instances, maxMediaFiles)
		}
		a.dir = newDirectory(p, o)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var produced error
	go func() {
		defer close(a.pipe.queue)
		if produced = a.produce(ctx); produced != nil {
			if cause := context.Cause(ctx); cause != nil {
				produced = cause // which what it asked may not tell
			}
			cancel(produced)
		}
	}()
	err := a.consume(cancel)
	if err == nil {
		err = produced // the queue is closed after it is set
	}
	if err == nil {
		err = a.finish(ctx)
	}
	return a.noted(), err
}

// produce sends the objects of the plan down the pipeline.
func (a *archive) produce(ctx context.Context) error {
	file := 0
	for i := range a.plan.series {
		series := &a.plan.series[i]
		for _, instance := range series.instances {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			name := series.folder + a.plan.names.file(series.modality, instance.number)
			if a.dir != nil {
				name = mediaFile(file)
			}
			e, err := a.openEntry(ctx, instance.id, name)
			if err != nil {
				return err
			}
			if e == nil {
				a.note(func(p *Progress) { p.Skipped++; p.Instances++ })
				continue
			}
			if a.dir != nil {
				e.record = &recordPlace{study: a.plan.studies[series.study], series: series.id, file: file}
				file++
			}
			if err := a.pipe.put(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// consume writes what comes out of the pipeline, and empties it after an error.
func (a *archive) consume(cancel context.CancelCauseFunc) error {
	var failed error
	var abandoned []*entry
	for b := range a.pipe.queue {
		<-b.done
		if failed == nil {
			if failed = a.emit(b); failed != nil {
				cancel(failed)
			}
		}
		if failed != nil {
			abandoned = append(abandoned, b.e)
		} else if b.last {
			b.e.close()
		}
		b.release()
	}
	for _, e := range abandoned { // nothing reads them any more
		e.close()
	}
	return failed
}

func (a *archive) emit(b *block) error {
	if b.err != nil {
		return b.err
	}
	e := b.e
	if b.first {
		if !e.zip.later {
			e.zip.size, e.zip.compressed = uint64(e.size), uint64(len(b.data))
			if b.last {
				e.zip.crc = b.sums.zip
			} else {
				e.zip.compressed = uint64(e.size) // stored
			}
		}
		if err := a.zip.begin(&e.zip); err != nil {
			return fmt.Errorf("media: write %s: %w", e.zip.name, err)
		}
		e.sums = b.sums
	} else {
		e.sums = e.sums.then(b.sums, int64(b.n))
	}
	if err := a.zip.write(b.data); err != nil {
		return fmt.Errorf("media: write %s: %w", e.zip.name, err)
	}
	if e.zip.later {
		e.zip.size += uint64(b.n)
		e.zip.compressed += uint64(len(b.data))
	}
	if b.record != nil {
		a.dir.add(e.record, b.record)
	}
	if b.last {
		return a.complete(e)
	}
	return nil
}

// complete ends an entry: not before all that was written is known to be what was stored.
func (a *archive) complete(e *entry) error {
	if err := e.verify(e.sums); err != nil {
		return fmt.Errorf("media: %s: %w", e.zip.name, err)
	}
	if e.zip.later {
		e.zip.crc = e.sums.zip
	}
	if err := a.zip.end(&e.zip); err != nil {
		return fmt.Errorf("media: write %s: %w", e.zip.name, err)
	}
	if e.object == nil {
		return nil
	}
	a.note(func(p *Progress) {
		p.Instances++
		p.Uncompressed += int64(e.zip.size)
		p.Written = int64(a.zip.written)
	})
	return nil
}

// finish writes the directory of a medium and the end of the archive.
func (a *archive) finish(ctx context.Context) error {
	if a.dir != nil {
		text, err := a.dir.encode()
		if err != nil {
			return err
		}
		pipe := newPipeline(a.o.Budget)
		a.pipe = pipe
		go func() {
			defer close(pipe.queue)
			_ = pipe.put(ctx, textEntry("DICOMDIR", text, time.Now())) // it fails with ctx alone
		}()
		if err := a.consume(func(error) {}); err != nil {
			return err
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := errors.Join(a.zip.close(), a.out.Flush()); err != nil {
		return fmt.Errorf("media: write the end of the archive: %w", err)
	}
	a.note(func(p *Progress) { p.Written = int64(a.zip.written) })
	return nil
}

// note changes the progress, and tells who wants to know.
func (a *archive) note(change func(*Progress)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.progress)
	if a.o.Progress != nil {
		a.o.Progress(a.progress)
	}
}

func (a *archive) noted() Progress {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.progress
}
