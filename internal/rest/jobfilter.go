package rest

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"gantry/internal/jobs"
)

// jobFilter chooses among the jobs of GET /jobs.
type jobFilter struct {
	states  []jobs.State // none: all
	kinds   []string     // none: all
	changed time.Time    // the earliest last change of state
	skip    int
	limit   int // -1: none
}

// jobFilter reads ?state=&type=&since=&limit=. state and type may name several, with commas between. since is a number
// of jobs to skip, as in the lists of resources, or a time as in the JSON of a job, from which on the state has changed.
func (c *Call) jobFilter() (f jobFilter, err error) {
	query := c.Request.URL.Query()
	f.limit = -1
	for _, text := range commaList(query["state"]) {
		if !slices.Contains(jobs.States(), jobs.State(text)) {
			return f, fail(statusParameterOutOfRange, "The argument \"state\" must be of Pending, Running, Success, Failure, "+
				"Paused and Retry, found: %.60q", text)
		}
		f.states = append(f.states, jobs.State(text))
	}
	f.kinds = commaList(query["type"])
	if slices.Contains(f.kinds, "") {
		return f, fail(statusParameterOutOfRange, "The argument \"type\" must name a type of job")
	}
	if query.Has("since") {
		if f.changed, err = time.Parse(jobs.TimeFormat, query.Get("since")); err != nil {
			if f.skip, err = strconv.Atoi(query.Get("since")); err != nil || f.skip < 0 {
				return f, fail(statusBadParameterType,
					"The argument \"since\" must be a whole number or a time such as 20260131T235959, found: %.60q", query.Get("since"))
			}
		}
	}
	if limit, given, err := c.Unsigned("limit"); err != nil {
		return f, err
	} else if given {
		f.limit = limit
	}
	return f, nil
}

// commaList splits values that name several.
func commaList(values []string) (all []string) {
	for _, v := range values {
		all = append(all, strings.Split(v, ",")...)
	}
	return all
}

// all reports whether nothing is left out.
func (f *jobFilter) all() bool {
	return len(f.states) == 0 && len(f.kinds) == 0 && f.changed.IsZero() && f.skip == 0 && f.limit < 0
}

// choose gives the jobs that pass, in their order.
func (f *jobFilter) choose(infos iter.Seq[jobs.Info]) iter.Seq[jobs.Info] {
	return func(yield func(jobs.Info) bool) {
		skip, left := f.skip, f.limit
		for info := range infos {
			switch {
			case left == 0:
				return
			case !f.passes(&info):
			case skip > 0:
				skip--
			case !yield(info):
				return
			default:
				left--
			}
		}
	}
}

func (f *jobFilter) passes(i *jobs.Info) bool {
	return (len(f.states) == 0 || slices.Contains(f.states, i.State)) &&
		(len(f.kinds) == 0 || slices.Contains(f.kinds, i.Kind)) && !i.Changed.Before(f.changed)
}
