package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
)

func newJobsWatchCommand(env *Env) *cobra.Command {
	o := jobsCommand{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "watch [ID...]",
		Short: "Watch what becomes of jobs",
		Long: long(`Watch the jobs of the running daemon: as a table that changes on a terminal, elsewhere as a line for each change
(--json: an object for each). It ends when the jobs named have ended, with none named when it is interrupted.

` + shortIDs),
		Example:           "  gantry jobs watch\n  gantry jobs watch 3f2a",
		Args:              wants("[ID...]"),
		ValidArgsFunction: completeJob(env, -1, anyJob),
		RunE:              func(cmd *cobra.Command, args []string) error { return runJobsWatch(cmd.Context(), &o, args) },
	}
	o.register(cmd)
	return cmd
}

// jobView shows the jobs as they change.
type jobView interface {
	// change shows one job after a change.
	change(j *apiclient.Job) error
	// gone shows that one is forgotten.
	gone(id string) error
	// all shows how all of them are, at the beginning and when some changes were missed.
	all(list []apiclient.Job) error
	// tick says that a second has passed.
	tick() error
}

// errWatched says that there is nothing more to watch.
var errWatched = errors.New("all have ended")

func runJobsWatch(ctx context.Context, o *jobsCommand, args []string) error {
	c, ids, err := o.find(ctx, args)
	if err != nil {
		return err
	}
	w := &jobWatch{client: c, ids: ids, open: map[string]bool{}, view: jobLines{o}}
	for _, id := range ids {
		w.open[id] = true
	}
	if columns, terminal := o.env.columns(); terminal && !o.json {
		w.view = &jobScreen{env: o.env, columns: columns}
	}
	if err := w.run(ctx); !errors.Is(err, errWatched) {
		return err
	}
	return nil
}

// jobWatch follows the events of some jobs, or of all.
type jobWatch struct {
	client *apiclient.Client
	ids    []string        // none: all
	open   map[string]bool // of these, the ones that have not ended
	view   jobView
}

// run takes the events as they come, and lets the view move on in between.
func (w *jobWatch) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, ended := make(chan apiclient.JobEvent), make(chan error, 1)
	go func() {
		ended <- follow(ctx, w.client, func(event apiclient.JobEvent) error {
			select {
			case events <- event:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var err error
		select {
		case event := <-events:
			err = w.take(ctx, event)
		case err = <-ended:
		case <-tick.C:
			err = w.view.tick()
		}
		if err != nil {
			return err
		}
	}
}

func (w *jobWatch) take(ctx context.Context, event apiclient.JobEvent) error {
	var err error
	switch event.Name {
	case "open", "missed":
		err = w.look(ctx)
	case "job":
		if !w.watches(event.Job.ID) {
			return nil
		}
		if event.Job.Ended() {
			delete(w.open, event.Job.ID)
		}
		err = w.view.change(&event.Job)
	case "gone":
		if !w.watches(event.Job.ID) {
			return nil
		}
		delete(w.open, event.Job.ID)
		err = w.view.gone(event.Job.ID)
	}
	if err == nil && len(w.ids) > 0 && len(w.open) == 0 {
		return errWatched
	}
	return err
}

func (w *jobWatch) watches(id string) bool { return len(w.ids) == 0 || slices.Contains(w.ids, id) }

// look reads the list.
func (w *jobWatch) look(ctx context.Context) error {
	list, err := w.client.Jobs(ctx, apiclient.JobFilter{})
	if err != nil {
		return err
	}
	for id := range w.open {
		at := slices.IndexFunc(list, func(j apiclient.Job) bool { return j.ID == id })
		if at < 0 {
			return jobError(&apiclient.StatusError{Status: 404}, id)
		}
		if list[at].Ended() {
			delete(w.open, id)
		}
	}
	list = slices.DeleteFunc(list, func(j apiclient.Job) bool { return !w.watches(j.ID) })
	sortJobs(list)
	return w.view.all(list)
}

// jobLines writes a line for each change.
type jobLines struct{ o *jobsCommand }

func (v jobLines) all(list []apiclient.Job) error {
	for i := range list {
		if list[i].Ended() && len(list) > 1 {
			continue // history
		}
		if err := v.change(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (v jobLines) tick() error { return nil }

func (v jobLines) change(j *apiclient.Job) error {
	if v.o.json {
		return json.NewEncoder(v.o.env.Stdout).Encode(j)
	}
	now := v.o.env.Now()
	line := fmt.Sprintf("%s  %s  %s  %s  %d %%  %s", now.Format(time.TimeOnly), j.ID, printable(j.Type), j.State, j.Progress, jobWhat(now, j))
	_, err := fmt.Fprintln(v.o.env.Stdout, strings.TrimRight(line, " "))
	return err
}

func (v jobLines) gone(id string) error {
	if v.o.json {
		return json.NewEncoder(v.o.env.Stdout).Encode(struct{ ID, State string }{id, "Gone"})
	}
	_, err := fmt.Fprintf(v.o.env.Stdout, "%s  %s  forgotten\n", v.o.env.Now().Format(time.TimeOnly), id)
	return err
}

// jobScreen keeps a table on a terminal up to date.
type jobScreen struct {
	env     *Env
	columns int
	list    []apiclient.Job
	seen    map[string]time.Time // when the daemon has told of a job
	lines   int                  // of the table that is on the screen
	drawn   time.Time
}

// screenRows is how many jobs fit: those that have not ended, and the newest of the others.
const screenRows = 20

func (v *jobScreen) all(list []apiclient.Job) error {
	v.list, v.seen = list, map[string]time.Time{}
	for i := range list {
		v.seen[list[i].ID] = v.env.Now()
	}
	return v.draw(true)
}

func (v *jobScreen) tick() error { return v.draw(true) }

// now is the list with the running times of this moment.
func (v *jobScreen) now() []apiclient.Job {
	list := slices.Clone(v.list)
	for i := range list {
		if list[i].State == "Running" {
			list[i].EffectiveRuntime += v.env.Now().Sub(v.seen[list[i].ID]).Seconds()
		}
	}
	return list
}

func (v *jobScreen) change(j *apiclient.Job) error {
	v.seen[j.ID] = v.env.Now()
	at := slices.IndexFunc(v.list, func(other apiclient.Job) bool { return other.ID == j.ID })
	if at >= 0 {
		v.list[at] = *j
		return v.draw(j.Ended())
	}
	v.list = append(v.list, *j)
	return v.draw(true)
}

func (v *jobScreen) gone(id string) error {
	delete(v.seen, id)
	v.list = slices.DeleteFunc(v.list, func(j apiclient.Job) bool { return j.ID == id })
	return v.draw(true)
}

// draw replaces the table, for progress alone not more often than one can read.
func (v *jobScreen) draw(now bool) error {
	if !now && v.env.Now().Sub(v.drawn) < refresh {
		return nil
	}
	v.drawn = v.env.Now()
	var table strings.Builder
	if err := writeTable(&table, jobHeader(), jobRows(v.drawn, choose(v.now(), screenRows))); err != nil {
		return err
	}
	var b strings.Builder
	if v.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", v.lines) // up to the first line, and empty everything below
	}
	v.lines = 0
	for line := range strings.Lines(table.String()) {
		b.WriteString(cut(strings.TrimRight(line, "\n"), v.columns-1) + "\n")
		v.lines++
	}
	_, err := fmt.Fprint(v.env.Stdout, b.String())
	return err
}

// choose leaves out the oldest of those that have ended, then the newest of the others.
func choose(list []apiclient.Job, n int) []apiclient.Job {
	ended := 0
	for i := range list {
		if list[i].Ended() {
			ended++
		}
	}
	skip := min(max(len(list)-n, 0), ended)
	var chosen []apiclient.Job
	for _, j := range list {
		if skip > 0 && j.Ended() {
			skip--
			continue
		}
		chosen = append(chosen, j)
	}
	return chosen[:min(len(chosen), n)]
}
