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
	b, err := x.s.OpenAttachment(ctx, a, false)
	if errors.Is(err, blob.ErrNotFound) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }() // it was only read
	var damaged *blob.CorruptError
	err = b.Verify(ctx)
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	if errors.As(err, &damaged) {
		x.sum.Damaged = append(x.sum.Damaged, a.Blob.Instance)
		return nil
	}
	if err != nil {
		return err
	}
	n, err := x.file(name, func(w io.Writer) (int64, error) { return io.Copy(w, io.NewSectionReader(b, 0, b.Size())) })
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	x.wrote(n)
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
