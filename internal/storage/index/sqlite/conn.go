package sqlite

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// The values of PRAGMA synchronous in use.
const (
	syncOff    = "OFF"
	syncNormal = "NORMAL"
	syncFull   = "FULL"
)

// conn is a connection; its prepared statements are kept by the text of the query.
type conn struct {
	*sqlite.Conn
	sync      string
	transient map[string]*sqlite.Stmt // see eachTransient
}

func openConn(o Options, extra sqlite.OpenFlags) (*conn, error) {
	flags := sqlite.OpenReadWrite | extra
	if o.ReadOnly {
		flags = sqlite.OpenReadOnly
	}
	sc, err := sqlite.OpenConn(o.File, flags)
	if err != nil {
		return nil, wrap("open "+o.File, err)
	}
	sc.SetBusyTimeout(o.BusyTimeout)
	if err := defineFunctions(sc); err != nil {
		return nil, errors.Join(wrap("define a function", err), sc.Close())
	}
	return &conn{Conn: sc}, nil
}

// makePrivate makes the file for its owner alone, wherever it lies; SQLite gives those beside it the same permissions. One
// that is there is not opened: closing it would end the locks that this process holds on it.
func makePrivate(file string) error {
	i, err := os.Stat(file)
	if err == nil && i.Mode().Perm()&0o077 != 0 {
		_ = os.Chmod(file, 0o600) // it may belong to somebody else
	}
	if !errors.Is(err, os.ErrNotExist) {
		return openError(file, err)
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return openError(file, err)
	}
	return openError(file, f.Close())
}

// openError names what the system says of opening the file.
func openError(file string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: open %s: %w", index.ErrReadOnly, file, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: open %s: %w", index.ErrFull, file, err)
	}
	return fmt.Errorf("index: open %s: %w", file, err)
}

func openWriter(o Options) (*conn, error) {
	if err := create(o); err != nil {
		return nil, err
	}
	if err := makePrivate(o.File); err != nil {
		return nil, err
	}
	c, err := openConn(o, sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	if err := c.setUp(o); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *conn) setUp(o Options) error {
	if err := c.checkVersion(o.File); err != nil {
		return err
	}
	for _, p := range []string{
		"PRAGMA journal_mode=WAL", "PRAGMA wal_autocheckpoint=0", "PRAGMA secure_delete=ON",
		"PRAGMA foreign_keys=OFF", "PRAGMA cache_size=-8000", "PRAGMA temp_store=MEMORY", // twice as much gained nothing
	} {
		if err := c.exec(p); err != nil {
			return err
		}
	}
	if err := c.synchronous(syncFull); err != nil {
		return err
	}
	return c.migrate()
}

func openReader(o Options) (*conn, error) {
	c, err := openConn(o, 0)
	if err != nil {
		return nil, err
	}
	for _, p := range []string{"PRAGMA query_only=1", "PRAGMA cache_size=-4000", "PRAGMA temp_store=MEMORY"} {
		if err := c.exec(p); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

func (c *conn) close() error { return errors.Join(c.finalize(), wrap("close", c.Close())) }

// synchronous sets how far the next commit waits for the disk.
func (c *conn) synchronous(level string) error {
	if c.sync == level {
		return nil
	}
	if err := c.exec("PRAGMA synchronous=" + level); err != nil {
		return err
	}
	c.sync = level
	return nil
}

// arg binds one parameter.
type arg func(s *sqlite.Stmt, i int)

func text(v string) arg    { return func(s *sqlite.Stmt, i int) { s.BindText(i, v) } }
func num(v int64) arg      { return func(s *sqlite.Stmt, i int) { s.BindInt64(i, v) } }
func bytesOf(v []byte) arg { return func(s *sqlite.Stmt, i int) { bindBytes(s, i, v) } }
func idOf(v index.ID) arg  { return bytesOf(v[:]) }

// null binds NULL.
func null(s *sqlite.Stmt, i int) { s.BindNull(i) }

// bindBytes binds nil as NULL.
func bindBytes(s *sqlite.Stmt, i int, v []byte) {
	if v == nil {
		s.BindNull(i)
		return
	}
	s.BindBytes(i, v)
}

func (c *conn) bind(query string, args []arg) (*sqlite.Stmt, error) {
	s, err := c.Prepare(query)
	if err != nil {
		return nil, wrap("prepare", err)
	}
	for i, a := range args {
		a(s, i+1)
	}
	return s, nil
}

// exec runs a statement that gives no rows of interest.
func (c *conn) exec(query string, args ...arg) error {
	s, err := c.bind(query, args)
	if err != nil {
		return err
	}
	return step(s)
}

// step runs a bound statement to its end and makes it ready for the next time.
func step(s *sqlite.Stmt) error {
	_, err := s.Step()
	if e := s.Reset(); err == nil {
		err = e
	}
	return wrap("execute", err)
}

// each calls fn for every row. A parameter that is a limit or a pattern of GLOB is written +?: SQLite would look at its
// value to plan the statement, and so plan it anew for each call.
func (c *conn) each(query string, args []arg, fn func(*sqlite.Stmt) error) error {
	s, err := c.bind(query, args)
	if err != nil {
		return err
	}
	return rows(s, fn)
}

// rows runs a bound statement and calls fn for every row.
func rows(s *sqlite.Stmt, fn func(*sqlite.Stmt) error) (err error) {
	defer func() {
		if e := s.Reset(); err == nil {
			err = wrap("query", e)
		}
	}()
	for {
		row, err := s.Step()
		if err != nil {
			return wrap("query", err)
		}
		if !row {
			return nil
		}
		if err := fn(s); err != nil {
			return err
		}
	}
}

// one calls fn for the first row; ErrNotFound without one.
func (c *conn) one(query string, args []arg, fn func(*sqlite.Stmt) error) error {
	s, err := c.bind(query, args)
	if err != nil {
		return err
	}
	return first(s, fn)
}

func first(s *sqlite.Stmt, fn func(*sqlite.Stmt) error) error {
	row, err := s.Step()
	switch {
	case err != nil:
		err = wrap("query", err)
	case !row:
		err = index.ErrNotFound
	default:
		err = fn(s)
	}
	if e := s.Reset(); err == nil {
		err = wrap("query", e)
	}
	return err
}

// wrap gives SQLite's errors the types of package index.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	var kind error
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultBusy, sqlite.ResultLocked:
		kind = index.ErrBusy
	case sqlite.ResultFull:
		kind = index.ErrFull
	case sqlite.ResultReadOnly, sqlite.ResultCantOpen, sqlite.ResultPerm:
		kind = index.ErrReadOnly
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		kind = index.ErrCorrupt
	}
	return &dbError{kind: kind, doing: doing, err: err}
}

// dbError is an error of SQLite under a name of package index.
type dbError struct {
	kind  error // nil if there is no name for it
	doing string
	err   error
}

// Error leaves out the driver's own name, which may stand there several times.
func (e *dbError) Error() string {
	why := e.doing + ": " + strings.ReplaceAll(e.err.Error(), "sqlite: ", "")
	if e.kind == nil {
		return "index: " + why
	}
	return e.kind.Error() + ": " + why
}

func (e *dbError) Unwrap() error { return e.err }

func (e *dbError) Is(target error) bool { return e.kind != nil && errors.Is(e.kind, target) }

// columnBytes copies a column; nil if it is NULL.
func columnBytes(s *sqlite.Stmt, i int) []byte {
	if s.ColumnIsNull(i) {
		return nil
	}
	b := make([]byte, s.ColumnLen(i))
	s.ColumnBytes(i, b)
	return b
}

func columnID(s *sqlite.Stmt, i int) (id index.ID) {
	s.ColumnBytes(i, id[:])
	return id
}
