package metrics_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"gantry/internal/metrics"
)

func TestScrapesCanBeLimitedToGroups(t *testing.T) {
	t.Parallel()
	m := enabled()
	for _, group := range metrics.Groups() {
		families := scrape(t, m, group)
		if len(families) == 0 {
			t.Errorf("%s: nothing", group)
		}
		for name := range families {
			if !strings.HasPrefix(name, group+"_") {
				t.Errorf("%s: %s", group, name)
			}
		}
	}
	err := m.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), []string{"nonsense"})
	if unknown := new(metrics.GroupError); !errors.As(err, &unknown) || unknown.Group != "nonsense" {
		t.Errorf("error %v", err)
	}
}

// Every metric says what it is.
func TestEveryMetricHasHelpAndType(t *testing.T) {
	t.Parallel()
	m := enabled()
	use(m)
	m.SetEnabled(true)
	use(m)
	m.SetEnabled(true)
	all := scrape(t, m)
	for name, f := range all {
		if f.GetHelp() == "" || f.Type == nil {
			t.Errorf("%s has no help or no type", name)
		}
	}
	for _, f := range m.Families() {
		shown := all[f.Name]
		if shown == nil {
			if f.Name != "gantry_jobs" { // it has no samples without a source
				t.Errorf("%s is announced and not shown", f.Name)
			}
			continue
		}
		if got := strings.ToLower(shown.GetType().String()); got != f.Type {
			t.Errorf("%s is a %s, announced as %s", f.Name, got, f.Type)
		}
	}
}

// Scrapes that wait do not pile up.
func TestScrapesAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	m := enabled()
	release, entered := make(chan struct{}), make(chan struct{}, 1)
	m.SetSources(metrics.Sources{Store: func(context.Context) (metrics.StoreFigures, error) {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-release
		return metrics.StoreFigures{}, nil
	}})
	const callers = 12
	codes := make(chan int, callers)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			w := httptest.NewRecorder()
			_ = m.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), nil) // no groups, no error
			codes <- w.Code
		})
	}
	<-entered
	for range callers - 4 { // those that found no room do not wait
		if code := <-codes; code != http.StatusServiceUnavailable {
			t.Errorf("status %d of one scrape too many", code)
		}
	}
	close(release)
	wg.Wait()
	for range 4 {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("status %d of a scrape that waited", code)
		}
	}
}
