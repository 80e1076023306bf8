package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// metricSections are the groups of the table; a metric belongs to the first with a beginning of its name.
var metricSections = [...]struct {
	title    string
	prefixes []string
}{
	{"ASSOCIATIONS AND OPERATIONS", []string{"gantry_association", "gantry_operation", "gantry_client_", "gantry_received_", "gantry_sent_"}},
	{"STORAGE", []string{"gantry_stor"}},
	{"JOBS AND STORAGE COMMITMENT", []string{"gantry_job", "gantry_commitment"}},
	{"REST API", []string{"gantry_http_"}},
	{"REFUSED", []string{"gantry_refusals"}},
	{"DAEMON", []string{"gantry_", "process_resident_", "process_open_fds", "process_cpu_", "go_goroutines"}},
	{"UNDER ORTHANC'S NAMES", []string{"orthanc_"}},
	{"GO AND THE PROCESS", []string{""}},
}

// ownSections is how many of them are shown without --all.
const ownSections = 6

func sectionOf(name string) int {
	for i, section := range metricSections {
		for _, prefix := range section.prefixes {
			if strings.HasPrefix(name, prefix) {
				return i
			}
		}
	}
	return len(metricSections) - 1
}

// printFigures prints a table for each section, with rates since before if that is given.
func printFigures(o *metricsOptions, url string, now, before *figures) error {
	if len(now.families) == 0 {
		_, err := fmt.Fprintf(o.env.Stdout, "%s collects no metrics; \"gantry metrics on\" switches them on\n", url)
		return err
	}
	shown := ownSections
	if !slices.ContainsFunc(now.families, func(f metricFamily) bool { return strings.HasPrefix(f.Name, "gantry_") }) {
		shown = len(metricSections) // what answers is an Orthanc
	}
	sections := make([][][]string, len(metricSections))
	for i := range now.families {
		family := &now.families[i]
		at := sectionOf(family.Name)
		for j := range family.Samples {
			s := &family.Samples[j]
			if o.all || at < shown && s.amount() != 0 {
				sections[at] = append(sections[at], metricRow(o.watch, family, s, before, now))
			}
		}
	}
	first := true
	for i, rows := range sections {
		if len(rows) == 0 {
			continue
		}
		header := []string{metricSections[i].title, "", "VALUE"}
		if o.watch {
			header = append(header, "PER SECOND")
		}
		if !first {
			if _, err := fmt.Fprintln(o.env.Stdout); err != nil {
				return err
			}
		}
		first = false
		if err := writeTable(o.env.Stdout, header, rows); err != nil {
			return err
		}
	}
	if first {
		_, err := fmt.Fprintf(o.env.Stdout, "%s has counted nothing yet; --all shows what it would\n", url)
		return err
	}
	return nil
}

// metricRow is one line: name, labels, value, and with rates the change per second.
func metricRow(rates bool, f *metricFamily, s *metricSample, before, now *figures) []string {
	unit := unitOf(f.Name)
	row := []string{shortName(f.Name), s.labels(), inUnit(s.amount(), unit)}
	if s.Count != nil {
		row[2] = histogramText(s, unit)
	}
	if !rates {
		return row
	}
	change := ""
	if earlier := before.find(f.Name, s); earlier != nil && f.Type != "gauge" {
		if seconds := now.at.Sub(before.at).Seconds(); seconds > 0 && s.amount() != earlier.amount() {
			change = perSecond((s.amount()-earlier.amount())/seconds, unit, s.Count != nil)
		}
	}
	return append(row, change)
}

// shortName drops what the section and the value say.
func shortName(name string) string {
	name = strings.TrimPrefix(name, "gantry_")
	for _, suffix := range []string{"_total", "_bytes", "_seconds"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return strings.ReplaceAll(name, "_", " ")
}

func unitOf(name string) string {
	name = strings.TrimSuffix(name, "_total")
	for _, unit := range []string{"bytes", "seconds"} {
		if strings.HasSuffix(name, "_"+unit) {
			return unit
		}
	}
	return ""
}

func inUnit(v float64, unit string) string {
	switch unit {
	case "bytes":
		return size(int64(v))
	case "seconds":
		return span(v)
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// span writes seconds with the unit that fits: 250 µs, 12 ms, 3.2 s, 2h5m0s.
func span(seconds float64) string {
	switch {
	case seconds == 0:
		return "0 s"
	case seconds < 1e-3:
		return fmt.Sprintf("%.0f µs", seconds*1e6)
	case seconds < 1:
		return fmt.Sprintf("%.3g ms", seconds*1e3)
	case seconds < 120:
		return fmt.Sprintf("%.3g s", seconds)
	case seconds > 1e9: // a point in time
		return time.Unix(int64(seconds), 0).Format(time.DateTime)
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// histogramText tells how many there were, what they had on average, and what 95 of 100 stayed within.
func histogramText(s *metricSample, unit string) string {
	n := *s.Count
	text := strconv.FormatUint(n, 10)
	if n == 0 || s.Sum == nil {
		return text
	}
	text += ", mean " + inUnit(*s.Sum/float64(n), unit)
	for _, b := range s.Buckets {
		if bound, err := strconv.ParseFloat(b.LE, 64); err == nil && float64(b.Count) >= 0.95*float64(n) && !math.IsInf(bound, 0) {
			return text + ", 95 % within " + inUnit(bound, unit)
		}
	}
	return text
}

func perSecond(v float64, unit string, histogram bool) string {
	if unit == "bytes" && !histogram {
		return size(int64(v)) + "/s"
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + "/s"
}
