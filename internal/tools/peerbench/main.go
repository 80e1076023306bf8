// Command peerbench asks the same of gantry, Orthanc and, where it can do it, DCMTK's storescp in turn and prints the rates
// side by side, with their ratios: a figure of one program alone says more about the machine than about the program.
//
//	go run ./internal/tools/peerbench
//	go run ./internal/tools/peerbench --rounds 5 --only store --sizes 528k
//	go run ./internal/tools/peerbench --only archive,file,delete,jobs
//	go run ./internal/tools/peerbench --only find --filled 1000000
//
// The client of the part "store" is DCMTK's storescu. Every round starts every server anew on an empty folder, one after the other, and
// the medians of the rounds are printed. Servers listen on loopback. TCP_NODELAY=1 is set for all, because DCMTK and
// Orthanc wait for delayed acknowledgements otherwise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"

	"gantry/internal/tools/launch"
)

// options are the settings of one run.
type options struct {
	rounds   int
	sizes    []size
	only     []string
	scratch  string
	gantry   string
	orthanc  string
	storescp string
	storescu string
	commit   []int
	studies  int
	filled   int
	settings string // members of the servers' configuration in JSON
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peerbench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	opt, err := parse(args)
	if err != nil {
		return err
	}
	if opt.scratch, err = os.MkdirTemp(opt.scratch, "peerbench-"); err != nil {
		return err
	}
	defer os.RemoveAll(opt.scratch)
	if opt.gantry == "" {
		if opt.gantry, err = launch.Build(ctx, opt.scratch); err != nil {
			return err
		}
	}
	if err := describeMachine(opt.scratch); err != nil {
		return err
	}
	parts := []struct {
		name string
		run  func(context.Context, *options) error
	}{{"store", benchStore}, {"commit", benchCommit}, {"archive", benchArchive}, {"file", benchFile}, {"find", benchFind},
		{"delete", benchDelete}, {"jobs", benchJobs}, {"process", benchProcess}}
	for _, part := range parts {
		if !opt.wants(part.name) {
			continue
		}
		if err := part.run(ctx, opt); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

func parse(args []string) (*options, error) {
	opt := &options{}
	flags := flag.NewFlagSet("peerbench", flag.ContinueOnError)
	var sizes, only, commit string
	flags.IntVar(&opt.rounds, "rounds", 3, "rounds; the median counts")
	flags.StringVar(&sizes, "sizes", "528k:400,36k:2000,3k:4000", "object sizes in bytes and how many of each, as SIZE:COUNT")
	flags.StringVar(&only, "only", "", "parts to run: store, commit, archive, file, find, delete, jobs, process (default all)")
	flags.StringVar(&opt.scratch, "scratch", "/tmp", "folder for objects and data; the newest Orthanc sees only /tmp")
	flags.StringVar(&opt.gantry, "gantry", "", "gantry binary (default: built from this tree)")
	flags.StringVar(&opt.orthanc, "orthanc", firstOf("/opt/gantry-peers/bin/orthanc-newest", "Orthanc"), "Orthanc's command")
	flags.StringVar(&opt.storescp, "storescp", "storescp", "DCMTK's receiver")
	flags.StringVar(&opt.storescu, "storescu", "storescu", "DCMTK's client")
	flags.StringVar(&commit, "commit", "1,100,1000,10000,100000", "references of the storage commitment requests, ascending")
	flags.IntVar(&opt.studies, "studies", 1000, "studies to search beside Orthanc")
	flags.IntVar(&opt.filled, "filled", 0, "instances of an index that only gantry is searched with; 0: none")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	for _, text := range strings.Split(sizes, ",") {
		s, err := parseSize(text)
		if err != nil {
			return nil, err
		}
		opt.sizes = append(opt.sizes, s)
	}
	for _, text := range strings.Split(commit, ",") {
		count, err := strconv.Atoi(text)
		if err != nil || count < 1 || count > 100_000 {
			return nil, fmt.Errorf("--commit: %q is no number from 1 to 100000", text)
		}
		opt.commit = append(opt.commit, count)
	}
	if only != "" {
		opt.only = strings.Split(only, ",")
	}
	if opt.studies < 1 || opt.studies > 100_000 || opt.filled < 0 || opt.filled > 10_000_000 {
		return nil, errors.New("--studies must be 1 to 100000, --filled 0 to 10000000")
	}
	if opt.rounds < 1 || opt.rounds > 50 {
		return nil, fmt.Errorf("--rounds must be 1 to 50, not %d", opt.rounds)
	}
	return opt, nil
}

func (o *options) wants(part string) bool {
	if len(o.only) == 0 {
		return true
	}
	for _, name := range o.only {
		if name == part {
			return true
		}
	}
	return false
}

// describeMachine prints what the figures depend on; the aims of the project hold where a sync costs under 0.1 ms.
func describeMachine(dir string) error {
	median, err := syncCost(dir)
	if err != nil {
		return err
	}
	fmt.Printf("%s/%s, %d cores, %s, %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(),
		time.Now().Format("2006-01-02"))
	fmt.Printf("median fdatasync of 4 KiB in a filled file: %.3f ms\n\n", float64(median.Microseconds())/1000)
	return nil
}
