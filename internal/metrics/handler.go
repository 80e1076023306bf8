package metrics

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// scrapesAtOnce bounds how many scrapes are answered at the same time; more get 503.
const scrapesAtOnce = 4

// ContentType is that of the text format.
const ContentType = "text/plain; version=0.0.4"

// Groups are what a scrape can be limited to (collect[]): the first word of the names.
func Groups() []string { return []string{"gantry", "orthanc", "go", "process"} }

// GroupError is a group that there is not.
type GroupError struct{ Group string }

func (e *GroupError) Error() string {
	return fmt.Sprintf("metrics: there is no group %.40q; the groups are %s", e.Group, strings.Join(Groups(), ", "))
}

// Serve answers a scrape in the text format of Prometheus: the groups asked for, all of them for none. When collection
// is off the answer is empty. A *GroupError means that nothing was answered.
func (m *Metrics) Serve(w http.ResponseWriter, r *http.Request, groups []string) error {
	for _, group := range groups {
		if !slices.Contains(Groups(), group) {
			return &GroupError{group}
		}
	}
	if !m.Enabled() {
		w.Header().Set("Content-Type", ContentType)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	select {
	case m.scrapes <- struct{}{}:
		defer func() { <-m.scrapes }()
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many scrapes at once", http.StatusServiceUnavailable)
		return nil
	}
	promhttp.HandlerFor(m.gatherer(groups), promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}

// gatherer gathers the metrics of some groups, all for none.
func (m *Metrics) gatherer(groups []string) prometheus.Gatherer {
	if len(groups) == 0 {
		return m.registry
	}
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := m.registry.Gather()
		families = slices.DeleteFunc(families, func(f *dto.MetricFamily) bool {
			group, _, _ := strings.Cut(f.GetName(), "_")
			return !slices.Contains(groups, group)
		})
		return families, err
	})
}
