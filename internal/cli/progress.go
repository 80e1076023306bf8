package cli

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a transfer is, on a terminal only; elsewhere it does nothing.
type progress struct {
	bar   *progressbar.ProgressBar
	total int
	done  atomic.Int64
}

func newProgress(o *clientOptions, bytes int64, objects int) *progress {
	columns, terminal := o.env.Terminal(o.env.Stderr)
	if !terminal || o.quiet || o.json {
		return &progress{}
	}
	return &progress{total: objects, bar: progressbar.NewOptions64(bytes,
		progressbar.OptionSetWriter(o.env.Stderr),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetWidth(max(10, min(40, columns-60))),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription(fmt.Sprintf("0/%d", objects)),
	)}
}

// object notes that one is done.
func (p *progress) object() {
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%d/%d", p.done.Add(1), p.total))
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish() // a terminal that cannot be written to is no error of the transfer
	}
}

// reader counts what is read from r.
func (p *progress) reader(r io.Reader) io.Reader {
	if p.bar == nil {
		return r
	}
	return &countingReader{r, p.bar}
}

type countingReader struct {
	r   io.Reader
	bar *progressbar.ProgressBar
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	_ = c.bar.Add(n) // see finish
	return n, err
}

// absolute sets how many of how many bytes or objects are done.
func (p *progress) absolute(done, total int64) {
	if p.bar == nil {
		return
	}
	if p.bar.GetMax64() != total {
		p.bar.ChangeMax64(total)
	}
	_ = p.bar.Set64(done) // see finish
}
