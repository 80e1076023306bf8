package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// attachedTo writes the attachments of a resource as files whose names begin as given.
func (x *exporter) attachedTo(ctx context.Context, id index.ID, prefix string) error {
	if !x.o.Attachments {
		return nil
	}
	var list []index.Attachment
	err := x.s.View(ctx, func(r index.ReadTx) (err error) { list, err = r.Attachments(id); return err })
	if err != nil {
		return x.s.typed("export", err)
	}
	for i := range list {
		if err := x.attachment(ctx, &list[i], prefix+"attachment-"+strconv.Itoa(list[i].Number)); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) attachment(ctx context.Context, a *index.Attachment, name string) error {
	if i, err := x.root.Stat(name); err == nil && i.Size() == a.Blob.PlainSize() {
		x.sum.Skipped++
		return nil
	}
	n, err := x.writeAttachment(ctx, a, name)
	var damaged *blob.CorruptError
	if errors.As(err, &damaged) || errors.Is(err, blob.ErrNotFound) || errors.Is(err, ErrNotFound) {
		return x.lost(ctx, a)
	}
	if err != nil {
		return err
	}
	x.wrote(n)
	return nil
}

// writeAttachment writes the file of an attachment, if it is not damaged.
func (x *exporter) writeAttachment(ctx context.Context, a *index.Attachment, name string) (n int64, err error) {
	b, err := x.s.OpenAttachment(ctx, a, false)
	if err != nil {
		return 0, err
	}
	defer func() { _ = b.Close() }() // it was only read
	if err := b.Verify(ctx); err != nil {
		return 0, err
	}
	return x.file(name, func(w io.Writer) (int64, error) { return io.Copy(w, io.NewSectionReader(b, 0, b.Size())) })
}

// lost notes the owner of an attachment that cannot be read, unless it was deleted or replaced meanwhile.
func (x *exporter) lost(ctx context.Context, a *index.Attachment) error {
	var list []index.Attachment
	err := x.s.View(ctx, func(r index.ReadTx) (err error) { list, err = r.Attachments(a.Blob.Instance); return err })
	switch {
	case errors.Is(err, index.ErrNotFound):
		return nil
	case err != nil:
		return x.s.typed("export", err)
	case holds(list, a):
		x.sum.Damaged = append(x.sum.Damaged, a.Blob.Instance)
	}
	return nil
}

// parents writes what is attached to a series and those above it, into their folders.
func (x *exporter) parents(ctx context.Context, row *index.InstanceRow, folder string) error {
	for _, id := range []index.ID{row.Series, row.Study, row.Patient} {
		if err := x.attachedTo(ctx, id, folder+"/"); err != nil {
			return err
		}
		folder = path.Dir(folder)
	}
	return nil
}

// file writes a file under another name first, so that a name always stands for a whole one.
func (x *exporter) file(name string, write func(io.Writer) (int64, error)) (n int64, err error) {
	part := name + ".part"
	f, err := x.root.Create(part)
	if err != nil {
		return 0, fmt.Errorf("storage: export: %w", err)
	}
	n, err = write(f)
	if err = errors.Join(err, f.Close()); err == nil {
		err = x.root.Rename(part, name)
	}
	if err != nil {
		return n, fmt.Errorf("storage: export: %w", errors.Join(err, x.root.Remove(part)))
	}
	return n, nil
}

// wrote counts a file and tells of it.
func (x *exporter) wrote(n int64) {
	x.sum.Files++
	x.sum.Bytes += n
	if x.o.Progress != nil {
		x.o.Progress(x.sum.Files, x.sum.Bytes)
	}
}
