package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/media"
)

// sendArchive makes an archive: as a job whose output is fetched later, while it is sent, or first as a whole.
func (s *Server) sendArchive(c *Call, o jobkinds.ArchiveOptions, how submission) error {
	switch {
	case how.asynchronous():
		job, err := s.Peers.NewArchive(c.Request.Context(), o)
		if err != nil {
			return archiveRefused(err)
		}
		return s.runJob(c, job, how)
	case s.Config.SynchronousZipStream:
		return s.streamArchive(c, o, how)
	}
	return s.wholeArchive(c, o, how)
}

func archiveRefused(err error) error {
	var transcode *media.TranscodeError
	if errors.As(err, &transcode) {
		return fail(statusParameterOutOfRange, "Instance %s cannot be written in transfer syntax %s: it is stored in %s, and "+
			"compressed images are not converted; leave Transcode out", transcode.Instance, transcode.To, transcode.From)
	}
	return err
}

// streamArchive sends an archive while a job makes it, which runs beside the slots: the client sets its pace. A client that
// goes away, or stands still for HttpRequestTimeout, ends the job.
func (s *Server) streamArchive(c *Call, o jobkinds.ArchiveOptions, how submission) error {
	out := &archiveStream{call: c, name: o.Filename}
	o.Stream = out
	job, err := s.Peers.NewArchive(c.Request.Context(), o)
	if err != nil {
		return archiveRefused(err)
	}
	id := jobs.NewID()
	info, err := s.runAttached(c, id, &attached{job, out, func() { _ = s.Jobs.Cancel(c.background(), id) }}, how, true)
	if err != nil {
		return err
	}
	return info.Err()
}

// runAttached runs a job that ends when the client goes away, and returns when it has ended.
func (s *Server) runAttached(c *Call, id string, job jobs.Job, how submission, beside bool) (jobs.Info, error) {
	gone := context.AfterFunc(c.Request.Context(), func() {
		_ = s.Jobs.Cancel(c.background(), id) // it has ended, or was not there yet
	})
	defer gone()
	return s.Jobs.Run(c.background(), job, jobs.Options{ID: id, Priority: how.Priority, UserData: how.UserData, Beside: beside})
}

// attached lets the end of a step end a write that hangs in it, and ends the job with it: what was sent cannot be sent
// again after a pause, and the client must not wait for that.
type attached struct {
	jobs.Job
	out    *archiveStream
	cancel func()
}

// Bind hands the job's record on.
func (a *attached) Bind(h jobs.Handle) {
	if b, ok := a.Job.(jobs.Bound); ok {
		b.Bind(h)
	}
}

// Resubmit is up to the job itself.
func (a *attached) Resubmit() error {
	if r, ok := a.Job.(jobs.Resubmitter); ok {
		return r.Resubmit()
	}
	return nil
}

// Step runs the job's own.
func (a *attached) Step(ctx context.Context) (res jobs.Result, err error) {
	if ctx.Err() != nil {
		return a.Job.Step(ctx) // nothing was sent yet
	}
	defer func() {
		if err != nil && ctx.Err() != nil && a.out.begun {
			a.cancel()
		}
	}()
	ended, watched := make(chan struct{}), make(chan struct{})
	a.out.ctx = ctx
	go func() {
		defer close(watched)
		a.out.breakOff(ctx, ended)
	}()
	defer func() {
		close(ended)
		<-watched // ctx ends when the step has returned, and must not be taken for the reason
	}()
	return a.Job.Step(ctx)
}

// archiveStream is the body of an answer. Its header goes out with the first byte.
type archiveStream struct {
	call *Call
	name string
	ctx  context.Context // of the step that writes

	begun bool // somebody has tried to write
}

func (a *archiveStream) Write(p []byte) (int, error) {
	a.begun = true
	if err := context.Cause(a.ctx); err != nil {
		return 0, err
	}
	if err := context.Cause(a.call.Request.Context()); err != nil {
		return 0, jobs.Failf(jobs.CodeCanceled, "the client is gone: %w", err)
	}
	if a.call.w.status == 0 {
		a.call.download("application/zip", a.name)
	}
	n, err := a.call.w.Write(p)
	if err != nil {
		err = jobs.Failf(jobs.CodeNetworkProtocol, "the client does not take the archive: %w", err)
	}
	return n, err
}

// breakOff ends writes that hang from the end of ctx on until the step has ended.
func (a *archiveStream) breakOff(ctx context.Context, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	tick := time.NewTicker(50 * time.Millisecond) // a write that begins just now sets its own time-out
	defer tick.Stop()
	for {
		_ = a.call.w.control.SetWriteDeadline(time.Now()) // unsupported only where there is no socket
		select {
		case <-ended:
			if a.call.w.status == 0 {
				_ = a.call.w.control.SetWriteDeadline(time.Time{}) // for the error
			}
			return
		case <-tick.C:
		}
	}
}

// wholeArchive makes an archive in a temporary file and sends it with its size.
func (s *Server) wholeArchive(c *Call, o jobkinds.ArchiveOptions, how submission) error {
	file, err := s.temporary(temporaryArchive)
	if err != nil {
		return fmt.Errorf("rest: a temporary file for an archive: %w", err)
	}
	defer file.remove()
	o.Stream = file.File
	job, err := s.Peers.NewArchive(c.Request.Context(), o)
	if err != nil {
		return archiveRefused(err)
	}
	info, err := s.runAttached(c, jobs.NewID(), job, how, false)
	if err == nil {
		err = info.Err()
	}
	if err != nil {
		return err
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	c.download("application/zip", o.Filename)
	c.w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	_, err = io.Copy(c.w, io.NewSectionReader(file, 0, size))
	return err
}

// download names the file that the answer is to be saved as, in Orthanc's form. The name has no quotes and no control
// characters; one outside ASCII is given a second time as RFC 6266 has it.
func (c *Call) download(contentType, name string) {
	c.w.Header().Set("Content-Type", contentType)
	disposition := `filename="` + name + `"`
	for i := range len(name) {
		if name[i] >= 0x80 {
			disposition += "; filename*=UTF-8''" + url.PathEscape(name)
			break
		}
	}
	c.w.Header().Set("Content-Disposition", disposition)
}
