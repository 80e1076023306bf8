package jobkinds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/jobs"
	"gantry/internal/media"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// ArchiveOutput is the key of the file that an archive job leaves behind: GET /jobs/{id}/archive.
const ArchiveOutput = "archive"

// ArchiveOptions describe a ZIP file of stored resources, or one with a DICOMDIR.
type ArchiveOptions struct {
	Resources   idList    // of any level
	Media       bool      `json:",omitempty"` // with a DICOMDIR
	Extended    bool      `json:",omitempty"` // see media.Options
	UTF8        bool      `json:",omitempty"` // names keep characters outside ASCII
	Transcode   dicom.UID `json:",omitempty"` // the transfer syntax of all objects; "": as they are stored
	Filename    string    `json:",omitempty"` // of the download
	Description string    `json:",omitempty"`
	// Stream, if set, takes the archive as it is made; the job then leaves no file behind, and cannot be run again.
	Stream io.Writer `json:"-"`
}

// archiveJob writes an archive in one step. After a crash it begins again; the file of one that was complete stays.
type archiveJob struct {
	deps   *Deps
	handle jobs.Handle
	plan   *media.Plan // nil after a restart
	stream io.Writer
	archiveState

	progress  atomic.Pointer[media.Progress]
	began     time.Time
	published atomic.Int64 // when progress was last shown, in nanoseconds since it began
}

type archiveState struct {
	Options   ArchiveOptions
	Streamed  bool `json:",omitempty"`
	Instances int
	Size      int64 // of the objects
	Written   int64 // of the archive
}

const archiveStateVersion = 1

// archiveBudget is the memory that all archives share.
type archiveBudget struct {
	once   sync.Once
	budget *media.Budget
}

func (b *archiveBudget) get() *media.Budget {
	b.once.Do(func() { b.budget = media.NewBudget(8 * runtime.GOMAXPROCS(0)) })
	return b.budget
}

// NewArchive returns the job that writes an archive; *UnknownResourceError, *media.TranscodeError.
func (d *Deps) NewArchive(ctx context.Context, o ArchiveOptions) (jobs.Job, error) {
	j := &archiveJob{deps: d, began: time.Now(), stream: o.Stream, archiveState: archiveState{Options: o, Streamed: o.Stream != nil}}
	if err := j.look(ctx); err != nil {
		return nil, err
	}
	if o.Transcode != "" {
		if err := j.plan.CheckTranscode(ctx, d.Store, o.Transcode); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// look finds out what goes into the archive.
func (j *archiveJob) look(ctx context.Context) error {
	resources := make([]index.Resource, len(j.Options.Resources))
	for i, id := range j.Options.Resources {
		if _, err := j.deps.level(ctx, id); errors.Is(err, index.ErrNotFound) {
			return &UnknownResourceError{id.String()}
		}
		resources[i].ID = id
	}
	plan, err := media.NewPlan(ctx, j.deps.Store, resources, j.Options.UTF8)
	if err != nil {
		return err
	}
	j.plan, j.Instances, j.Size = plan, plan.Instances, plan.Bytes
	return nil
}

func (d *Deps) restoreArchive(version int, data []byte) (jobs.Job, error) {
	if version != archiveStateVersion {
		return nil, fmt.Errorf("jobkinds: version %d of an archive is not known", version)
	}
	j := &archiveJob{deps: d, began: time.Now()}
	if err := json.Unmarshal(data, &j.archiveState); err != nil {
		return nil, fmt.Errorf("jobkinds: state of an archive: %w", err)
	}
	return j, nil
}

// Kind is Archive or Media.
func (j *archiveJob) Kind() string {
	if j.Options.Media {
		return KindMedia
	}
	return KindArchive
}

// Bind keeps what gives the job a file to write to.
func (j *archiveJob) Bind(h jobs.Handle) { j.handle = h }

// State is the request; what was written is not gone on with.
func (j *archiveJob) State() (int, []byte, error) {
	data, err := json.Marshal(&j.archiveState)
	return archiveStateVersion, data, err
}

// Progress counts instances.
func (j *archiveJob) Progress() (done, total int) {
	if p := j.progress.Load(); p != nil {
		done = p.Instances
	}
	return done, j.Instances
}

// Resubmit is refused, as by Orthanc: a new request does the same.
func (j *archiveJob) Resubmit() error {
	return jobs.Failf(jobs.CodeSequence, "cannot resubmit the creation of an archive")
}

// archiveContent is what users see of the job.
type archiveContent struct {
	ArchiveSize        string
	ArchiveSizeMB      int64
	Description        string
	InstancesCount     int
	LossyQuality       *int      `json:",omitempty"`
	SkippedCount       int       `json:",omitempty"` // deleted before their turn; an addition of this program
	Transcode          dicom.UID `json:",omitempty"`
	UncompressedSize   string
	UncompressedSizeMB int64
	Utf8               bool
}

// Content is what Orthanc shows of such a job.
func (j *archiveJob) Content() any {
	written, skipped := j.Written, 0
	if p := j.progress.Load(); p != nil {
		written, skipped = p.Written, p.Skipped
	}
	c := archiveContent{
		ArchiveSize: fmt.Sprint(written), ArchiveSizeMB: written >> 20, Description: j.Options.Description,
		InstancesCount: j.Instances, SkippedCount: skipped, Transcode: j.Options.Transcode,
		UncompressedSize: fmt.Sprint(j.Size), UncompressedSizeMB: j.Size >> 20, Utf8: j.Options.UTF8,
	}
	if c.Transcode != "" {
		quality := 90 // Orthanc's default; no conversion of ours is lossy
		c.LossyQuality = &quality
	}
	return c
}

// Outputs is the archive, unless it was streamed.
func (j *archiveJob) Outputs() []jobs.OutputInfo {
	if j.Streamed {
		return nil
	}
	return []jobs.OutputInfo{{Key: ArchiveOutput, Name: j.Options.Filename, ContentType: "application/zip"}}
}

// Step writes the archive.
func (j *archiveJob) Step(ctx context.Context) (jobs.Result, error) {
	if err := ctx.Err(); err != nil {
		return jobs.Result{}, err
	}
	if j.Streamed {
		return jobs.Result{Done: true}, j.toStream(ctx)
	}
	return jobs.Result{Done: true}, j.toFile(ctx)
}

func (j *archiveJob) toStream(ctx context.Context) error {
	if j.stream == nil {
		return jobs.Failf(jobs.CodeCanceled, "the archive was paused, or its daemon ended, while it was sent to its client: ask for it again")
	}
	if file, ok := j.stream.(rewinder); !ok {
		return j.write(ctx, &sending{j, j.stream, ctx})
	} else if err := rewind(file); err != nil {
		return err
	}
	return j.write(ctx, j.stream)
}

// sending writes to the stream of a job, which the first byte uses up: what was sent cannot be sent again after a pause.
type sending struct {
	job *archiveJob
	io.Writer
	ctx context.Context // of the step
}

func (s *sending) Write(p []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, err
	}
	s.job.stream = nil
	return s.Writer.Write(p)
}

// rewinder takes an archive from its beginning again, after a pause: a file.
type rewinder interface {
	io.Seeker
	Truncate(size int64) error
}

func rewind(file rewinder) error {
	_, err := file.Seek(0, io.SeekStart)
	if err := errors.Join(err, file.Truncate(0)); err != nil {
		return fmt.Errorf("jobkinds: begin the archive again: %w", err)
	}
	return nil
}

func (j *archiveJob) toFile(ctx context.Context) (err error) {
	file, err := j.handle.CreateOutput(ArchiveOutput)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := rewind(file); err != nil {
		return err
	}
	return j.write(ctx, &sparing{file, j.deps.Store.CheckFree})
}

// sparing writes as long as there is room for that.
type sparing struct {
	io.Writer
	check func(n int64) error
}

func (s *sparing) Write(p []byte) (int, error) {
	if err := s.check(int64(len(p))); err != nil {
		return 0, err
	}
	return s.Writer.Write(p)
}

func (j *archiveJob) write(ctx context.Context, w io.Writer) error {
	if j.plan == nil {
		if err := j.look(ctx); err != nil {
			return archiveError(err)
		}
	}
	p, err := media.Write(ctx, w, j.deps.Store, j.plan, media.Options{Media: j.Options.Media, Extended: j.Options.Extended,
		Transcode: j.Options.Transcode, Budget: j.deps.archives.get(), Progress: j.note, Logger: j.deps.log()})
	j.progress.Store(&p)
	if err != nil {
		if cause := context.Cause(ctx); ctx.Err() != nil {
			return errors.Join(err, cause)
		}
		return archiveError(err)
	}
	j.Written, j.plan = p.Written, nil
	return nil
}

// showInterval is how often the progress within the step is shown.
const showInterval = 250 * time.Millisecond

// note keeps the progress. It is called from both ends of the pipeline, one at a time.
func (j *archiveJob) note(p media.Progress) {
	j.progress.Store(&p)
	if now := int64(showInterval + time.Since(j.began)); now-j.published.Load() >= int64(showInterval) {
		j.published.Store(now)
		j.handle.Publish()
	}
}

// archiveError gives an error the code that the job ends with.
func archiveError(err error) error {
	var unknown *UnknownResourceError
	switch {
	case errors.As(err, &unknown), errors.Is(err, storage.ErrNotFound), errors.Is(err, index.ErrNotFound):
		return jobs.Fail(jobs.CodeUnknownResource, err)
	case errors.Is(err, media.ErrDamaged):
		return jobs.Fail(jobs.CodeCorruptedFile, err)
	case isDiskFull(err), errors.Is(err, storage.ErrFull):
		return jobs.Fail(jobs.CodeFullStorage, err)
	}
	return err
}
