package config

import "strings"

// Error is a mistake in the configuration: where it is, which option, and what is due there.
type Error struct {
	Place   string // file:line, variable or flag
	Option  string // "" if the whole document is meant
	Message string
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("config: ")
	for _, part := range []string{e.Place, e.Option} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	b.WriteString(e.Message)
	return b.String()
}

// RangeError is a value of the right type that is not allowed: a port above 65535, an AE title of 17 letters.
type RangeError struct{ Err *Error }

func (e *RangeError) Error() string { return e.Err.Error() }

// Unwrap gives the *Error.
func (e *RangeError) Unwrap() error { return e.Err }

// Warning is something odd that does not stop the daemon.
type Warning struct {
	Place   string // file:line, variable or flag
	Option  string
	Message string
	Unused  bool // the option is known, but gantry does not use it
}

func (w Warning) String() string {
	return strings.TrimPrefix((&Error{w.Place, w.Option, w.Message}).Error(), "config: ")
}

// Errors splits what Load returned into its single mistakes.
func Errors(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only if it is joined itself
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
