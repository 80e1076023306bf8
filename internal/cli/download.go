package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gantry/internal/apiclient"
)

// download fetches one file, in as many parts as it takes.
type download struct {
	o      *jobsOutputOptions
	client *apiclient.Client
	id     string
	offset int64
	tag    string
}

// attempts is how often in a row a download may break off without a byte.
const attempts = 5

// fetch writes the rest of the file, going on where the connection breaks off.
func (d *download) fetch(ctx context.Context, w io.Writer) error {
	for idle := 0; ; {
		before := d.offset
		err := d.part(ctx, w)
		var lost *lostError
		if err == nil || !errors.As(err, &lost) || ctx.Err() != nil {
			return err
		}
		if idle++; d.offset > before {
			idle = 0
		}
		if idle >= attempts {
			return lost.err
		}
	}
}

// lostError is a connection that broke off while the file was read.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }

func (d *download) part(ctx context.Context, w io.Writer) error {
	f, err := d.client.JobOutput(ctx, d.id, d.o.key, d.tag, d.offset)
	if err != nil {
		return err
	}
	defer func() { _ = f.Body.Close() }()
	if f.Offset != d.offset {
		if err := restart(w, d.offset); err != nil {
			return err
		}
	}
	d.tag, d.offset = f.Tag, f.Offset
	if p, ok := w.(*partFile); ok {
		if err := p.named(f.Tag); err != nil {
			return err
		}
	}
	p := newProgress(&clientOptions{env: d.o.env, quiet: d.o.quiet, json: d.o.json}, max(f.Size, -1), 1)
	defer p.finish()
	share := p.object(f.Size - f.Offset)
	read := &remembering{r: share.reader(f.Body)}
	n, err := io.Copy(w, read)
	d.offset += n
	switch {
	case read.err != nil:
		return &lostError{&brokenDownloadError{d.offset, f.Size, read.err}}
	case err != nil:
		return err
	case f.Size >= 0 && d.offset < f.Size:
		return &lostError{&brokenDownloadError{d.offset, f.Size, io.ErrUnexpectedEOF}}
	}
	return nil
}

// remembering tells errors of the reader from those of the writer.
type remembering struct {
	r   io.Reader
	err error
}

func (r *remembering) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // readers give io.EOF itself
		r.err = err
	}
	return n, err
}

// brokenDownloadError is a download that is not complete.
type brokenDownloadError struct {
	have, want int64
	err        error
}

func (e *brokenDownloadError) Error() string {
	return fmt.Sprintf("the download broke off after %s of %s: %v", size(e.have), size(e.want), e.err)
}
func (e *brokenDownloadError) Unwrap() error { return e.err }

// restart forgets what was written of another file.
func restart(w io.Writer, written int64) error {
	if p, ok := w.(*partFile); ok {
		return p.clear()
	}
	if written > 0 {
		return errors.New("the file has changed on the server while it was fetched")
	}
	return nil
}

// mayWrite refuses folders, and to replace a file that is there unless it is forced to. Pipes and devices are written to,
// and - is standard output.
func mayWrite(file string, force bool, hint string) error {
	info, err := os.Stat(file)
	switch {
	case file == "-":
		return nil
	case err == nil && info.IsDir():
		return usagef("%s is a folder, not a file to write", file)
	case err == nil && !info.Mode().IsRegular() || force:
		return nil
	}
	if _, err := os.Lstat(file); err != nil { // a link that leads nowhere is there, too
		return nil //nolint:nilerr // opening it says what is wrong, if anything is
	}
	return &usageError{err: fmt.Errorf("%s is there already", file), hint: hint}
}

// through writes into something that is no file and cannot be renamed.
func (d *download) through(ctx context.Context, file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = d.fetch(ctx, struct{ io.Writer }{f})
	return errors.Join(err, f.Close())
}

// into fetches the file under a passing name, which tells what it is a part of, and renames it at the end.
func (d *download) into(ctx context.Context, file string) (err error) {
	p, err := openPart(file)
	if err != nil {
		return err
	}
	d.tag, d.offset = p.tag, p.have
	err = d.fetch(ctx, p)
	if err = errors.Join(err, p.Close()); err != nil {
		if d.offset == 0 {
			err = errors.Join(err, os.Remove(p.Name()))
		}
		return err
	}
	return os.Rename(p.Name(), file)
}

// partFile is a file that is not complete. Its name carries the tag that the server gave it.
type partFile struct {
	*os.File
	file string // its name in the end
	tag  string
	have int64
}

// openPart goes on with what an earlier run has left, or begins.
func openPart(file string) (*partFile, error) {
	p := &partFile{file: file}
	left, err := filepath.Glob(escapeGlob(file) + ".*.part")
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		middle := strings.TrimSuffix(strings.TrimPrefix(name, file+"."), ".part")
		tag, err := hex.DecodeString(middle)
		if err != nil || len(tag) == 0 {
			continue
		}
		if p.File, err = os.OpenFile(name, os.O_RDWR, 0); err != nil {
			return nil, err
		}
		p.tag = string(tag)
		if p.have, err = p.Seek(0, io.SeekEnd); err != nil {
			return nil, errors.Join(err, p.Close())
		}
		return p, nil
	}
	p.File, err = os.OpenFile(file+".part", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	return p, err
}

func escapeGlob(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// named renames the file so that a later run knows what it is a part of.
func (p *partFile) named(tag string) error {
	if tag == p.tag || tag == "" {
		return nil
	}
	name := p.file + "." + hex.EncodeToString([]byte(tag)) + ".part"
	at, err := p.Seek(0, io.SeekCurrent)
	if err = errors.Join(err, p.Close()); err != nil {
		return err
	}
	if err := os.Rename(p.Name(), name); err != nil {
		return err
	}
	opened, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	p.File, p.tag = opened, tag
	_, err = p.Seek(at, io.SeekStart)
	return err
}

func (p *partFile) clear() error {
	if err := p.Truncate(0); err != nil {
		return err
	}
	_, err := p.Seek(0, io.SeekStart)
	return err
}

// explain says why there is no such file.
func (d *download) explain(ctx context.Context, err error) error {
	var status *apiclient.StatusError
	if !errors.As(err, &status) || status.Status != 404 {
		return err
	}
	job, lookErr := d.client.Job(ctx, d.id)
	if lookErr != nil {
		return jobError(lookErr, d.id)
	}
	if job.State != "Success" {
		return &notFoundError{fmt.Sprintf("job %s is in state %s: only a successful one leaves a file behind", d.id, job.State)}
	}
	return &notFoundError{fmt.Sprintf("job %s has no file %q, or it has made room for younger ones (MediaArchiveSize)", d.id, d.o.key)}
}
