package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"gantry/internal/metrics"
)

// scrape returns what a scrape shows, by name.
func scrape(t *testing.T, m *metrics.Metrics, groups ...string) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	if err := m.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), groups); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value returns the value of one sample: a counter, gauge or untyped one, or the count of a histogram. Labels are
// name=value.
func value(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	f := families[name]
	if f == nil {
		t.Fatalf("there is no %s", name)
	}
	for _, sample := range f.Metric {
		if has(sample, labels) {
			switch {
			case sample.Counter != nil:
				return sample.Counter.GetValue()
			case sample.Gauge != nil:
				return sample.Gauge.GetValue()
			case sample.Untyped != nil:
				return sample.Untyped.GetValue()
			}
			return float64(sample.Histogram.GetSampleCount())
		}
	}
	t.Fatalf("there is no %s with %v", name, labels)
	return 0
}

func has(sample *dto.Metric, labels []string) bool {
	for _, want := range labels {
		name, value, _ := strings.Cut(want, "=")
		found := false
		for _, l := range sample.Label {
			found = found || l.GetName() == name && l.GetValue() == value
		}
		if !found {
			return false
		}
	}
	return true
}
