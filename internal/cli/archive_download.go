package cli

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"gantry/internal/apiclient"
)

// archiveDownload is the way of one archive to where it is wanted.
type archiveDownload struct {
	o       *archiveOptions
	client  *apiclient.Client
	request apiclient.ArchiveRequest
	result  *archiveResult
}

// run downloads, and extracts if that is wanted.
func (d *archiveDownload) run(ctx context.Context) error {
	if d.o.output == "-" {
		return d.toStdout(ctx)
	}
	target := d.o.output
	if d.o.extract != "" {
		if err := os.MkdirAll(d.o.extract, 0o755); err != nil {
			return err
		}
		target = filepath.Join(d.o.extract, d.spool())
	}
	take := d.direct
	if d.o.async {
		take = d.throughJob
	}
	if err := take(ctx, target); err != nil {
		return err
	}
	if d.o.extract == "" {
		d.result.File = target
		return nil
	}
	d.result.Folder = d.o.extract
	x := &extraction{dir: d.o.extract, force: d.o.force, limit: int64(d.o.maxSize) * 1e9, show: newNotice(d.o.clientOptions())}
	err := x.run(ctx, target)
	x.show.clear()
	d.result.Files, d.result.Refused = x.files, x.refused
	return errors.Join(err, os.Remove(target))
}

// passingName is what the files of an archive begin with that lies in a folder to be extracted there.
const passingName = ".gantry-archive-"

// spool is the name of that of this request: several may be extracted to one folder at a time.
func (d *archiveDownload) spool() string {
	note, _ := json.Marshal(d.note("")) // of texts and truths
	sum := sha256.Sum256(note)
	return passingName + hex.EncodeToString(sum[:8]) + ".zip"
}

func (o *archiveOptions) clientOptions() *clientOptions {
	return &clientOptions{env: o.env, quiet: o.quiet, json: o.json}
}

// direct takes an archive as the server makes it. What is not whole is not kept: nothing can go on with it.
func (d *archiveDownload) direct(ctx context.Context, target string) (err error) {
	part := target + ".part"
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	if err = d.stream(ctx, file); err == nil {
		err = checkArchive(file, d.result.Bytes)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, target)
}

// checkArchive reads the directory at the end of an archive.
func checkArchive(file io.ReaderAt, size int64) error {
	if _, err := zip.NewReader(file, size); err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return incomplete(err)
	}
	return nil
}

// incomplete is an archive whose end did not come.
func incomplete(err error) error {
	return &brokenArchiveError{fmt.Errorf("what the daemon has sent is not a whole archive: %w", err)}
}

// brokenArchiveError is a download that was broken off; a job's output could be gone on with.
type brokenArchiveError struct{ err error }

func (e *brokenArchiveError) Error() string { return e.err.Error() }
func (e *brokenArchiveError) Unwrap() error { return e.err }

func (d *archiveDownload) toStdout(ctx context.Context) error {
	d.result.File = "-"
	end := &tail{w: d.o.env.Stdout}
	if d.o.async {
		id, err := d.submit(ctx, "")
		if err != nil {
			return err
		}
		if err := d.await(ctx, id); err != nil {
			return err
		}
		fetch := d.output(id)
		if err := fetch.fetch(ctx, end); err != nil {
			return fetch.explain(ctx, err)
		}
		d.result.Bytes = fetch.offset
		return end.check()
	}
	if err := d.stream(ctx, end); err != nil {
		return err
	}
	return end.check()
}

// stream copies an archive whose size nobody knows yet.
func (d *archiveDownload) stream(ctx context.Context, w io.Writer) error {
	ctx, watch := newWatchdog(ctx, d.o.timeout)
	defer watch.stop()
	body, err := d.client.Archive(ctx, d.request)
	if err != nil {
		return watch.explain(err)
	}
	defer func() { _ = body.Close() }()
	began, shown := d.o.env.Now(), newNotice(d.o.clientOptions())
	defer shown.clear()
	buf := make([]byte, 1<<20)
	for {
		n, err := body.Read(buf)
		watch.alive()
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			d.result.Bytes += int64(n)
			shown.show("%s, %s", size(d.result.Bytes), rate(d.result.Bytes, d.o.env.Now().Sub(began)))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return watch.explain(&brokenArchiveError{fmt.Errorf("the download broke off after %s: %w", size(d.result.Bytes), err)})
		}
	}
}

// jobNote lies beside a download that is not complete, and says which job has made the archive.
type jobNote struct {
	URL     string
	Request apiclient.ArchiveRequest
	Media   bool
	Job     string
}

// throughJob lets a job make the archive and downloads its output, from where an earlier attempt has stopped.
func (d *archiveDownload) throughJob(ctx context.Context, target string) error {
	file := target + ".job"
	id, old, err := d.job(ctx, file)
	if err != nil {
		return err
	}
	err = d.take(ctx, id, target)
	var gone *notFoundError
	if old && errors.As(err, &gone) { // the job of the earlier attempt had to make room
		if id, err = d.submit(ctx, file); err == nil {
			err = d.take(ctx, id, target)
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return &unfinishedError{err, "The daemon keeps job " + d.result.Job + ": the same command goes on with it."}
	case err != nil:
		return err
	}
	return os.Remove(file)
}

// take waits for a job and downloads its output.
func (d *archiveDownload) take(ctx context.Context, id, target string) error {
	if err := d.await(ctx, id); err != nil {
		return err
	}
	fetch := d.output(id)
	if err := fetch.into(ctx, target); err != nil {
		return fetch.explain(ctx, err)
	}
	d.result.Bytes = fetch.offset
	return nil
}

func (d *archiveDownload) output(id string) *download {
	return &download{client: d.client, id: id, o: &jobsOutputOptions{key: "archive", quiet: d.o.quiet,
		jobsCommand: jobsCommand{daemonOptions: d.o.daemonOptions, json: d.o.json}}}
}

// job is that of an earlier attempt, if it was asked the same and has not failed, or a new one.
func (d *archiveDownload) job(ctx context.Context, file string) (id string, old bool, err error) {
	if text, err := os.ReadFile(file); err == nil {
		var note jobNote
		if json.Unmarshal(text, &note) == nil && reflect.DeepEqual(note, d.note(note.Job)) {
			if job, err := d.client.Job(ctx, note.Job); err == nil && job.State != "Failure" {
				d.result.Job = note.Job
				return note.Job, true, nil
			}
		}
	}
	id, err = d.submit(ctx, file)
	return id, false, err
}

func (d *archiveDownload) note(id string) jobNote {
	n := jobNote{URL: d.client.URL(), Request: d.request, Media: d.request.Media, Job: id}
	n.Request.Media = false // it is not in the JSON
	return n
}

// submit makes a new job and notes it in a file, "" for none.
func (d *archiveDownload) submit(ctx context.Context, file string) (string, error) {
	id, err := d.client.SubmitArchive(ctx, d.request)
	d.result.Job = id
	if err != nil || file == "" {
		return id, err
	}
	text, err := json.Marshal(d.note(id))
	if err != nil {
		return "", err
	}
	return id, os.WriteFile(file, text, 0o600)
}

// await returns when the job has made the archive.
func (d *archiveDownload) await(ctx context.Context, id string) error {
	n := newNotice(d.o.clientOptions())
	defer n.clear()
	tag := ""
	for {
		job, next, err := d.client.JobChange(ctx, id, tag, 10*time.Second)
		if err != nil {
			return err
		}
		tag = next
		switch {
		case job.State == "Failure":
			return fmt.Errorf("job %s: %s", id, first(job.ErrorDetails, job.ErrorDescription))
		case job.Ended():
			return nil
		}
		n.show("the daemon makes the archive: %d %% (job %s is %s)", job.Progress, id, job.State)
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
	}
}
