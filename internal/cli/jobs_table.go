package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gantry/internal/apiclient"
)

func jobHeader() []string {
	return []string{"ID", "TYPE", "STATE", "DONE", "PRIORITY", "CREATED", "RAN", "WHAT"}
}

// jobRows shows jobs one to a line, with ids no longer than tells them apart.
func jobRows(now time.Time, list []apiclient.Job) [][]string {
	short := shortest(list)
	rows := make([][]string, len(list))
	for i := range list {
		j := &list[i]
		rows[i] = []string{
			j.ID[:min(short, len(j.ID))], printable(j.Type), j.State, fmt.Sprintf("%d %%", j.Progress), fmt.Sprint(j.Priority),
			age(now, j.CreationTime), ran(j.EffectiveRuntime), jobWhat(now, j),
		}
	}
	return rows
}

// shortest returns how many characters tell the ids apart: eight, if that is enough.
func shortest(list []apiclient.Job) int {
	for n := 8; n < 36; n++ {
		seen := make(map[string]bool, len(list))
		for i := range list {
			seen[list[i].ID[:min(n, len(list[i].ID))]] = true
		}
		if len(seen) == len(list) {
			return n
		}
	}
	return 36
}

// ran writes a running time in seconds.
func ran(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", seconds)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// jobWhat says what a job is about, or what is wrong with it.
func jobWhat(now time.Time, j *apiclient.Job) string {
	var parts []string
	if j.Content.InstancesCount > 0 {
		parts = append(parts, count(j.Content.InstancesCount, "instance"))
	}
	if j.Content.RemoteAet != "" {
		parts = append(parts, "to "+j.Content.RemoteAet)
	}
	what := strings.Join(parts, " ")
	if j.Content.FailedInstancesCount > 0 {
		what = strings.Join(notEmpty(what, fmt.Sprintf("%d failed", j.Content.FailedInstancesCount)), ", ")
	}
	if j.Type == "StorageCommitmentScp" {
		what = strings.Join(notEmpty("commitment", what), ", ")
	}
	trouble := ""
	switch j.State {
	case "Failure":
		trouble = first(j.ErrorDetails, j.ErrorDescription)
	case "Retry":
		trouble = fmt.Sprintf("attempt %d %s", j.Attempts+1, until(now, j.NextAttempt))
		if j.ErrorCode != 0 { // a report may be late on purpose
			trouble += ": " + first(j.ErrorDetails, j.ErrorDescription)
		}
	}
	return printable(strings.Join(notEmpty(what, plainText(trouble)), ": "))
}

// until says how far away a time of the REST API is.
func until(now time.Time, text string) string {
	t, err := time.Parse("20060102T150405", text)
	if err != nil || !t.After(now) {
		return "now"
	}
	return "in " + ran(t.Sub(now).Seconds())
}

// printJob shows one job, a field to a line.
func printJob(env *Env, j *apiclient.Job, again bool) error {
	now := env.Now()
	rows := [][2]string{
		{"ID", j.ID}, {"Type", j.Type}, {"State", j.State}, {"Progress", fmt.Sprintf("%d %%", j.Progress)},
		{"Priority", fmt.Sprint(j.Priority)}, {"Created", age(now, j.CreationTime)}, {"Ran", ran(j.EffectiveRuntime)},
	}
	if j.CompletionTime != "" {
		rows = append(rows, [2]string{"Completed", age(now, j.CompletionTime)})
	}
	if j.EstimatedTimeOfArrival != "" {
		rows = append(rows, [2]string{"Ends", until(now, j.EstimatedTimeOfArrival)})
	}
	if j.Attempts > 0 {
		rows = append(rows, [2]string{"Attempts", fmt.Sprint(j.Attempts)})
	}
	if j.NextAttempt != "" {
		rows = append(rows, [2]string{"Next attempt", until(now, j.NextAttempt)})
	}
	if j.ErrorCode != 0 {
		rows = append(rows, [2]string{"Error", fmt.Sprintf("%d %s", j.ErrorCode, j.ErrorDescription)})
	}
	if j.ErrorDetails != "" {
		rows = append(rows, [2]string{"Details", plainText(j.ErrorDetails)})
	}
	var b strings.Builder
	if again {
		b.WriteString("\n")
	}
	for _, r := range rows {
		fmt.Fprintf(&b, "%-13s %s\n", r[0], printable(r[1]))
	}
	var all struct{ Content, UserData json.RawMessage }
	if err := json.Unmarshal(j.Raw, &all); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		raw  json.RawMessage
	}{{"Content", all.Content}, {"User data", all.UserData}} {
		var text bytes.Buffer
		if len(part.raw) > 0 && json.Indent(&text, part.raw, strings.Repeat(" ", 14), "  ") == nil {
			fmt.Fprintf(&b, "%-13s %s\n", part.name, text.String())
		}
	}
	_, err := fmt.Fprint(env.Stdout, b.String())
	return err
}
