// Command mixedload keeps a daemon busy with all it does at once (stores, commitments, jobs that are cancelled, paused
// and resubmitted, look-ups, archives, deletions) and restarts it again and again, by SIGTERM and by SIGKILL in turn.
// At the end it looks whether anything that was promised is missing, and whether memory, goroutines and file
// descriptors stayed flat from one life of the process to the next.
//
//	go run ./internal/tools/mixedload --for 30m
//
// It stops by itself; everything is in a temporary folder and on loopback. The exit code is 1 when something was lost
// or grew.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"gantry/internal/tools/launch"
)

// options are the settings of one run.
type options struct {
	total   time.Duration
	life    time.Duration
	studies int
	scratch string
	gantry  string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mixedload:", err)
		os.Exit(1)
	}
}

func parse(args []string) (*options, error) {
	opt := &options{}
	flags := flag.NewFlagSet("mixedload", flag.ContinueOnError)
	flags.DurationVar(&opt.total, "for", 30*time.Minute, "how long the load goes on, up to 2h")
	flags.DurationVar(&opt.life, "life", 3*time.Minute, "after how long the daemon is restarted")
	flags.IntVar(&opt.studies, "studies", 200, "studies that are kept; older ones are deleted")
	flags.StringVar(&opt.scratch, "scratch", "", "folder for the data (default: the system's)")
	flags.StringVar(&opt.gantry, "gantry", "", "gantry binary (default: built from this tree)")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if opt.total <= 0 || opt.total > 2*time.Hour || opt.life < 10*time.Second || opt.studies < 10 {
		return nil, errors.New("--for must be up to 2h, --life at least 10s, --studies at least 10")
	}
	return opt, nil
}

func run(ctx context.Context, args []string) error {
	opt, err := parse(args)
	if err != nil {
		return err
	}
	if opt.scratch, err = os.MkdirTemp(opt.scratch, "mixedload-"); err != nil {
		return err
	}
	defer os.RemoveAll(opt.scratch)
	l, err := newLoad(ctx, opt)
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.daemon.start(ctx); err != nil {
		return err
	}
	defer l.daemon.stop(syscall.SIGTERM)

	busy, cancel := context.WithTimeout(ctx, opt.total)
	defer cancel()
	var workers sync.WaitGroup
	for _, work := range []func(context.Context){l.storeStudies, l.storeStudies, l.askForCommitment, l.runJobs, l.control,
		l.deleteOldest, l.read, l.sample} {
		workers.Go(func() { work(busy) })
	}
	restarts := l.restart(busy)
	workers.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Printf("\n%d restarts; settling\n", restarts)
	return l.verdict(ctx)
}

// load is what the workers share.
type load struct {
	opt    *options
	daemon *daemon
	ledger ledger
	inbox  *inbox
	lives  lives
}

func newLoad(ctx context.Context, opt *options) (*load, error) {
	if opt.gantry == "" {
		binary, err := launch.Build(ctx, opt.scratch)
		if err != nil {
			return nil, err
		}
		opt.gantry = binary
	}
	l := &load{opt: opt, ledger: newLedger()}
	inbox, err := openInbox(ctx)
	if err != nil {
		return nil, err
	}
	l.inbox = inbox
	inbox.reported = l.ledger.report
	if l.daemon, err = newDaemon(opt, inbox.port()); err != nil {
		return nil, errors.Join(err, inbox.close())
	}
	return l, nil
}

func (l *load) close() { _ = l.inbox.close() }

// restart ends the daemon after each of its lives, politely and by force in turn, until ctx ends. Then the last one
// is left running.
func (l *load) restart(ctx context.Context) (count int) {
	for {
		if !pause(ctx, l.opt.life) {
			return count
		}
		how := syscall.SIGTERM
		if count%2 == 1 {
			how = syscall.SIGKILL
		}
		l.lives.end()
		l.daemon.stop(how)
		count++
		if err := l.daemon.start(context.WithoutCancel(ctx)); err != nil {
			l.ledger.problem("the daemon does not start again after %s: %v", how, err)
			return count
		}
	}
}

// pause waits, and reports false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
