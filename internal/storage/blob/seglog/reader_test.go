package seglog

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

// receiver takes bytes one way or another, and does something after the first of them.
type receiver struct {
	bytes.Buffer
	first func()
}

func (r *receiver) Write(p []byte) (int, error) {
	n, err := r.Buffer.Write(p)
	if r.first != nil {
		r.first()
		r.first = nil
	}
	return n, err
}

// kernel takes them as a connection does: from a file.
type kernel struct{ receiver }

func (k *kernel) ReadFrom(from io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{&k.receiver}, from)
}

// An object that is given back while it is sent does not end in zeros: who gets all of it got what was stored.
func TestGivenBackWhileItIsRead(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), small(t))
	defer func() { _ = s.Close() }()
	data := blobtest.Bytes(700_000, 1)
	for name, send := range map[string]func(b blob.Blob, remove func()) (*receiver, int64, error){
		"write": func(b blob.Blob, remove func()) (*receiver, int64, error) {
			to := &receiver{first: remove}
			n, err := b.WriteTo(struct{ io.Writer }{to})
			return to, n, err
		},
		"sendfile": func(b blob.Blob, remove func()) (*receiver, int64, error) {
			to := &kernel{receiver{first: remove}}
			n, err := b.WriteTo(to)
			return &to.receiver, n, err
		},
		"read": func(b blob.Blob, remove func()) (*receiver, int64, error) {
			to := &receiver{first: remove}
			n, err := io.Copy(struct{ io.Writer }{to}, io.NewSectionReader(b, 0, b.Size()))
			return to, n, err
		},
	} {
		ref := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, data)
		b, err := s.Open(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		to, n, err := send(b, func() { blobtest.Remove(t, s, ref) })
		if !errors.Is(err, blob.ErrNotFound) || !errors.Is(err, blob.ErrDeleted) || n >= int64(len(data)) || n != int64(to.Len()) {
			t.Errorf("%s: %d of %d bytes, %v", name, n, len(data), err)
		}
		if err := b.Verify(t.Context()); !errors.Is(err, blob.ErrDeleted) {
			t.Errorf("%s: verified afterwards: %v", name, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
