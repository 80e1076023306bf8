package rest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"

	"gantry/internal/config"
)

func callWith(body io.Reader, budget int64) *Call {
	return &Call{Request: httptest.NewRequest(http.MethodPost, "/", body), w: &recorder{ResponseWriter: httptest.NewRecorder()},
		limit: 1 << 30, texts: semaphore.NewWeighted(budget)}
}

func TestTextBodiesShareABudget(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	first := callWith(strings.NewReader(strings.Repeat("x", size)), 4<<20)
	body, err := first.smallBody()
	if err != nil || len(body) != size {
		t.Fatalf("%d bytes, %v; want %d", len(body), err, size)
	}

	second := callWith(strings.NewReader(strings.Repeat("x", size)), 0)
	second.texts = first.texts
	_, err = second.smallBody()
	var refusal *apiError
	if !errors.As(err, &refusal) || refusal.HTTP != http.StatusServiceUnavailable {
		t.Errorf("a second large text: %v, want 503", err)
	}
	second.release()

	small := callWith(strings.NewReader("{}"), 0)
	if body, err := small.smallBody(); err != nil || string(body) != "{}" {
		t.Errorf("a small text beside a large one: %q, %v", body, err)
	}

	first.release()
	if !first.texts.TryAcquire(4 << 20) {
		t.Error("the budget was not given back")
	}
}

func TestTextBodyLimit(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, freeTextBody - 1, freeTextBody, freeTextBody + 1, maximumTextBody, maximumTextBody + 1} {
		c := callWith(io.LimitReader(zeroReader{}, int64(size)), textBudget)
		body, err := c.smallBody()
		var refusal *apiError
		switch {
		case size <= maximumTextBody && (err != nil || len(body) != size):
			t.Errorf("%d bytes: %d read, %v", size, len(body), err)
		case size > maximumTextBody && (!errors.As(err, &refusal) || refusal.HTTP != http.StatusRequestEntityTooLarge):
			t.Errorf("%d bytes: %v, want 413", size, err)
		}
	}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What a client does wrong with its body is never an internal error.
func TestBrokenBodyIsTheClientsFault(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(bytes.Repeat([]byte("DICM"), 10000))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	badSum := bytes.Clone(zipped.Bytes())
	badSum[len(badSum)-5] ^= 1
	for _, test := range []struct {
		name string
		body io.Reader
		gzip bool
	}{
		{"connection lost", io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrUnexpectedEOF)), false},
		{"stands still", io.MultiReader(strings.NewReader("x"), iotest.ErrReader(&net.OpError{Op: "read", Err: io.ErrNoProgress})), false},
		{"gzip cut short", bytes.NewReader(zipped.Bytes()[:zipped.Len()/2]), true},
		{"gzip with a wrong checksum", bytes.NewReader(badSum), true},
		{"no gzip", strings.NewReader("DICM"), true},
	} {
		c := callWith(test.body, 0)
		if test.gzip {
			c.Request.Header.Set("Content-Encoding", "gzip")
		}
		r, err := c.object()
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if problem := translate(err); httpStatus(problem.Code) != http.StatusBadRequest {
			t.Errorf("%s: %v is answered with %d, want 400", test.name, err, httpStatus(problem.Code))
		}
	}
}

// deadlineRecorder notes until when the connection may be read.
type deadlineRecorder struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (r *deadlineRecorder) SetReadDeadline(t time.Time) error { r.until = t; return nil }

// A client that announces a body and sends nothing must not keep its connection, least of all one without a login.
func TestRefusedBodiesAreWaitedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, seconds := range []int{0, 5, 3600} {
			s := &Server{Deps: Deps{Config: &config.Config{HttpRequestTimeout: seconds}}}
			w := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
			refusal := fail(statusForbidden, "no")
			err := s.refuse(&recorder{ResponseWriter: w, control: http.NewResponseController(w)},
				httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x")), refusal)
			if !errors.Is(err, refusal) {
				t.Errorf("the answer became %v", err)
			}
			if wait := time.Until(w.until); wait <= 0 || wait > 30*time.Second {
				t.Errorf("HttpRequestTimeout %d: %v of patience", seconds, wait)
			}
		}
	})
}
