package cli

import (
	"bytes"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gantry/internal/apiclient"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// figures are the metrics of a daemon at one moment.
type figures struct {
	at       time.Time
	families []metricFamily // sorted by name
}

// metricFamily is one metric, in the form in which --json shows it.
type metricFamily struct {
	Name    string
	Type    string // counter, gauge, histogram, untyped, summary
	Help    string
	Samples []metricSample
}

// metricSample is one value, or a histogram: Count, Sum and Buckets.
type metricSample struct {
	Labels  map[string]string `json:",omitempty"`
	Value   *float64          `json:",omitempty"`
	Count   *uint64           `json:",omitempty"`
	Sum     *float64          `json:",omitempty"`
	Buckets []metricBucket    `json:",omitempty"`
}

// metricBucket counts what was at most LE, a number or +Inf.
type metricBucket struct {
	LE    string
	Count uint64
}

// readFigures reads Prometheus' text format.
func readFigures(text []byte, at time.Time) (*figures, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	read, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return nil, &apiclient.AnswerError{Method: http.MethodGet, Path: "/tools/metrics-prometheus", Err: err}
	}
	f := &figures{at: at, families: []metricFamily{}}
	for _, name := range slices.Sorted(maps.Keys(read)) {
		family := metricFamily{Name: name, Type: strings.ToLower(read[name].GetType().String()), Help: read[name].GetHelp()}
		for _, m := range read[name].Metric {
			family.Samples = append(family.Samples, sampleOf(m))
		}
		f.families = append(f.families, family)
	}
	return f, nil
}

func sampleOf(m *dto.Metric) metricSample {
	var s metricSample
	for _, l := range m.Label {
		if s.Labels == nil {
			s.Labels = map[string]string{}
		}
		s.Labels[l.GetName()] = l.GetValue()
	}
	switch {
	case m.Counter != nil:
		s.Value = number(m.Counter.GetValue())
	case m.Gauge != nil:
		s.Value = number(m.Gauge.GetValue())
	case m.Untyped != nil:
		s.Value = number(m.Untyped.GetValue())
	case m.Summary != nil:
		s.Count, s.Sum = m.Summary.SampleCount, number(m.Summary.GetSampleSum())
	case m.Histogram != nil:
		s.Count, s.Sum = m.Histogram.SampleCount, number(m.Histogram.GetSampleSum())
		for _, b := range m.Histogram.Bucket {
			s.Buckets = append(s.Buckets, metricBucket{strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64), b.GetCumulativeCount()})
		}
	}
	return s
}

// number leaves out what JSON cannot write.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// find returns the same sample of another moment.
func (f *figures) find(name string, s *metricSample) *metricSample {
	if f == nil {
		return nil
	}
	for i := range f.families {
		if f.families[i].Name != name {
			continue
		}
		for j := range f.families[i].Samples {
			if maps.Equal(f.families[i].Samples[j].Labels, s.Labels) {
				return &f.families[i].Samples[j]
			}
		}
	}
	return nil
}

// labels are the labels of a sample in one line.
func (s *metricSample) labels() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		parts = append(parts, name+"="+s.Labels[name])
	}
	return strings.Join(parts, " ")
}

// amount is the value of a sample, of a histogram its count.
func (s *metricSample) amount() float64 {
	switch {
	case s.Value != nil:
		return *s.Value
	case s.Count != nil:
		return float64(*s.Count)
	}
	return 0
}
