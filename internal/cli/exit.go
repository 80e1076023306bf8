package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"gantry/internal/apiclient"
	"gantry/internal/config"
	"gantry/internal/daemon"
	"gantry/internal/dul"
	"gantry/internal/scu"
	"gantry/internal/storage"
)

// Exit codes of every command.
const (
	exitOK          = 0
	exitFailures    = 1
	exitUsage       = 2
	exitConnect     = 3
	exitPending     = 4
	exitBroken      = 5
	exitNotFound    = 6
	exitInterrupted = 130
	exitTerminated  = 143
)

// exitCodesHelp closes the help of every command.
const exitCodesHelp = `Exit codes:
  0    all done
  1    done, but some objects failed, were refused or damaged, a named file could not be sent,
       a commitment failed, or fsck found damage
  2    wrong usage or configuration
  3    could not connect, associate or authenticate
  4    time limit reached, or still pending
  5    broken off: connection lost, server error or local I/O error
  6    not found
  130  interrupted
  143  terminated`

// usageError is a mistake on the command line.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{err: fmt.Errorf(format, args...)} }

// failuresError says that a command did its work, and that some of it failed. The result has been printed.
type failuresError struct{ text, hint string }

func (e *failuresError) Error() string { return e.text }

// pendingError says that a time limit ended the waiting.
type pendingError struct{ text, hint string }

func (e *pendingError) Error() string { return e.text }

// notFoundError says that what was asked for does not exist.
type notFoundError struct{ text string }

func (e *notFoundError) Error() string { return e.text }

// connectError says that no association came about.
type connectError struct {
	target target
	err    error
}

func (e *connectError) Error() string {
	return "no association with " + e.target.String() + ": " + e.err.Error()
}
func (e *connectError) Unwrap() error { return e.err }

// brokenError says that an association was lost while it was in use.
type brokenError struct {
	target target
	doing  string // what was going on, "" if that is clear
	err    error
	next   string // what to do, if it is more than what the cause suggests
}

func (e *brokenError) Error() string {
	return strings.Join(notEmpty(e.target.String(), e.doing, e.err.Error()), ": ")
}
func (e *brokenError) Unwrap() error { return e.err }

// signalError says that the user or the system ended the command.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string {
	if e.signal == os.Interrupt {
		return "interrupted"
	}
	return "terminated"
}

// unfinishedError is what an interrupted command leaves, and how it is gone on with.
type unfinishedError struct {
	err  error
	hint string
}

func (e *unfinishedError) Error() string { return e.err.Error() }
func (e *unfinishedError) Unwrap() error { return e.err }

// interrupted is the error of a command whose context has ended: the cause of that, and what is left.
func interrupted(err, cause error) error {
	var left *unfinishedError
	if errors.As(err, &left) {
		return &unfinishedError{cause, left.hint}
	}
	return cause
}

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	var signalled *signalError
	if errors.As(err, &signalled) {
		if signalled.signal == os.Interrupt {
			return exitInterrupted
		}
		return exitTerminated
	}
	for _, class := range []struct {
		code int
		is   func(error) bool
	}{
		{exitUsage, isUsage}, {exitConnect, isConnect}, {exitNotFound, isNotFound}, {exitPending, isPending},
		{exitFailures, as[*failuresError]},
	} {
		if class.is(err) {
			return class.code
		}
	}
	return exitBroken
}

func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func isUsage(err error) bool {
	return as[*usageError](err) || as[*config.Error](err) || as[*apiclient.URLError](err) || as[*daemon.ListenError](err) ||
		as[*daemon.TLSError](err) || isForeignFolder(err)
}

// isForeignFolder says that the data folder named is in use for something else.
func isForeignFolder(err error) bool {
	var folder *storage.NotDataFolderError
	return errors.As(err, &folder) && folder.Foreign != "" || as[*storage.LockedError](err)
}

func isConnect(err error) bool {
	var status *apiclient.StatusError
	if errors.As(err, &status) {
		return status.Status == 401 || status.Status == 403
	}
	var op *net.OpError
	dialing := errors.As(err, &op) && op.Op == "dial"
	return dialing || as[*connectError](err) || as[*apiclient.ConnectError](err) || as[*dul.Rejection](err) ||
		as[*scu.NoContextError](err) || errors.Is(err, dul.ErrTLSMismatch)
}

func isNotFound(err error) bool {
	var status *apiclient.StatusError
	return errors.As(err, &status) && status.Status == 404 || as[*notFoundError](err) || errors.Is(err, storage.ErrNotFound)
}

func isPending(err error) bool {
	return as[*pendingError](err) || as[*dul.TimeoutError](err) || errors.Is(err, context.DeadlineExceeded)
}
