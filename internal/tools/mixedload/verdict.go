package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"gantry/internal/dicom"
)

// verdict waits for what is still to come, looks for everything that was promised, prints it all, and returns an error
// when something is missing or grew.
func (l *load) verdict(ctx context.Context) error {
	settle, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for l.ledger.outstanding() > 0 && pause(settle, time.Second) {
	}
	l.lives.end()
	if n := l.ledger.outstanding(); n > 0 {
		l.ledger.problem("%d reports never came", n)
	}
	l.lookForInstances(ctx)
	l.lookForJobs(ctx)
	l.print()
	l.compareLives()
	if n := len(l.ledger.problems); n > 0 {
		return fmt.Errorf("%d problems", n)
	}
	fmt.Println("nothing lost, nothing grew")
	return nil
}

// lookForInstances checks that every instance that was answered with success is there.
func (l *load) lookForInstances(ctx context.Context) {
	missing, found := 0, 0
	for _, s := range l.ledger.studies {
		if s.deleting {
			continue
		}
		var stored []struct {
			MainDicomTags struct{ SOPInstanceUID dicom.UID }
		}
		id, err := l.publicID(ctx, s)
		if err == nil && id != "" {
			err = l.daemon.api.Get(ctx, "/studies/"+id+"/instances", &stored)
		}
		if err != nil {
			l.ledger.problem("asking for a study: %v", err)
			continue
		}
		there := map[dicom.UID]bool{}
		for _, instance := range stored {
			there[instance.MainDicomTags.SOPInstanceUID] = true
		}
		for _, uid := range s.instances {
			if there[uid] {
				found++
			} else {
				missing++
			}
		}
	}
	fmt.Printf("instances of the studies that were kept: %d found, %d missing\n", found, missing)
	if missing > 0 {
		l.ledger.problem("%d stored instances are missing", missing)
	}
}

// lookForJobs checks that the jobs have come to an end.
func (l *load) lookForJobs(ctx context.Context) {
	l.resumePaused(ctx)
	settle, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		var jobs []struct{ ID, Type, State string }
		if err := l.daemon.api.Get(ctx, "/jobs?expand", &jobs); err != nil {
			l.ledger.problem("asking for the jobs: %v", err)
			return
		}
		open := 0
		for _, job := range jobs {
			if job.State != "Success" && job.State != "Failure" {
				open++
			}
		}
		if open == 0 {
			return
		}
		if !pause(settle, time.Second) {
			l.ledger.problem("%d jobs did not end", open)
			return
		}
	}
}

func (l *load) print() {
	table := tabwriter.NewWriter(os.Stdout, 2, 0, 2, ' ', tabwriter.AlignRight)
	for _, what := range slices.Sorted(maps.Keys(l.ledger.counts)) {
		fmt.Fprintf(table, "%d\t%s\t\n", l.ledger.counts[what], what)
	}
	fmt.Fprintf(table, "%d\treports received\t\n\n", l.ledger.reported)
	fmt.Fprintln(table, "life\tage\tmemory at its end\tpeak\tgoroutines\tfiles\t")
	for i, s := range l.lives.past {
		fmt.Fprintf(table, "%d\t%s\t%d MB\t%d MB\t%d\t%d\t\n", i+1, s.age.Round(time.Second), s.memory>>20, s.peak>>20,
			s.goroutines, s.files)
	}
	_ = table.Flush()
}

// compareLives looks for growth: lives of the same length must end alike, the later ones like the earlier ones.
func (l *load) compareLives() {
	var whole []life
	for _, s := range l.lives.past {
		if s.age > l.opt.life*8/10 {
			whole = append(whole, s)
		}
	}
	if len(whole) < 4 {
		fmt.Println("(too few lives to compare)")
		return
	}
	early, late := whole[:len(whole)/2], whole[len(whole)/2:]
	for _, kind := range []struct {
		name  string
		of    func(life) float64
		slack float64
	}{
		{"memory", func(s life) float64 { return float64(s.memory >> 20) }, 16},
		{"goroutines", func(s life) float64 { return float64(s.goroutines) }, 10},
		{"files", func(s life) float64 { return float64(s.files) }, 10},
	} {
		before, after := mean(early, kind.of), mean(late, kind.of)
		fmt.Printf("%s at the end of a life: %.0f in the first half, %.0f in the second\n", kind.name, before, after)
		if after > before*1.2+kind.slack {
			l.ledger.problem("%s grew", kind.name)
		}
	}
}

func mean(list []life, of func(life) float64) (m float64) {
	for _, s := range list {
		m += of(s) / float64(len(list))
	}
	return m
}

func decode(response *http.Response, out any) error {
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP status %d", response.StatusCode)
	}
	if out == nil {
		_, err := io.Copy(io.Discard, response.Body)
		return err
	}
	err := json.NewDecoder(response.Body).Decode(out)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
