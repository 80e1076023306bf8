package sqlite

import (
	"context"
	"errors"
	"strings"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// Salvaged tells what could be read of a table of a damaged database.
type Salvaged struct {
	Table    string
	Rows     int64
	Complete bool // no row is missing as far as SQLite can tell
}

// durable are the tables that cannot be made from the blobs, with the order of their rows on the disk.
var durable = [...]struct{ name, key string }{
	{"properties", "name"}, {"modalities", "name"}, {"jobs", "pk"}, {"commit_requests", "pk"},
	{"commit_references", "request, chunk"}, {"commit_reports", "rowid"}, {"labels", "id, label"}, {"metadata", "id, number"},
	{"protected", "id"}, {"committed", "id"}, {"changes", "seq"}, {"reclaims", "key, seq"}, {"exports", "seq"},
}

// Salvage carries over, table by table, what can still be read of a damaged database and cannot be made from the blobs.
// The damaged file is not changed. An error means that this index cannot be written.
func (x *Index) Salvage(ctx context.Context, file string) ([]Salvaged, error) {
	from, err := openReader(Options{File: file, ReadOnly: true, BusyTimeout: x.o.BusyTimeout})
	if err == nil {
		defer func() { _ = from.close() }() // it was only read
		from.SetInterrupt(ctx.Done())
		err = from.checkVersion(file)
	}
	readable := err == nil
	var done []Salvaged
	for _, t := range durable {
		s := Salvaged{Table: t.name}
		if readable {
			err := x.transact(ctx, x.level(true), func(index.Tx) (err error) {
				s.Rows, s.Complete, err = x.salvage(from, t.name, t.key)
				return err
			})
			if err != nil {
				return done, err
			}
		}
		done = append(done, s)
	}
	if !readable {
		return done, ctx.Err()
	}
	return done, x.keepCounting(ctx, from)
}

// salvage copies the rows of a table up to the damage, and then those behind it, from the end.
func (x *Index) salvage(from *conn, table, key string) (rows int64, complete bool, err error) {
	query := "SELECT * FROM " + table + " ORDER BY " + strings.ReplaceAll(key, ",", "@,") + "@"
	for _, order := range []string{"", " DESC"} {
		var broken error // writing, as opposed to reading
		err := from.each(strings.ReplaceAll(query, "@", order), nil, func(s *sqlite.Stmt) error {
			n, err := x.copyRow(table, s)
			rows += n
			broken = err
			return err
		})
		if broken != nil {
			return rows, false, broken
		}
		if err == nil {
			return rows, order == "", nil
		}
	}
	return rows, false, nil
}

// copyRow inserts a row as it was read, unless it is there or cannot be.
func (x *Index) copyRow(table string, s *sqlite.Stmt) (int64, error) {
	names := make([]string, s.ColumnCount())
	for i := range names {
		names[i] = s.ColumnName(i)
	}
	to, err := x.writer.Prepare("INSERT OR IGNORE INTO " + table + "(" + strings.Join(names, ", ") + ") VALUES(?" +
		strings.Repeat(", ?", len(names)-1) + ")")
	if err != nil {
		return 0, wrap("carry over "+table, err)
	}
	for i := range names {
		switch s.ColumnType(i) {
		case sqlite.TypeInteger:
			to.BindInt64(i+1, s.ColumnInt64(i))
		case sqlite.TypeFloat:
			to.BindFloat(i+1, s.ColumnFloat(i))
		case sqlite.TypeText:
			to.BindText(i+1, s.ColumnText(i))
		case sqlite.TypeBlob:
			to.BindBytes(i+1, columnBytes(s, i))
		default:
			to.BindNull(i + 1)
		}
	}
	err = step(to)
	return int64(x.writer.Changes()), err
}

// keepCounting has change numbers go on behind those handed out.
func (x *Index) keepCounting(ctx context.Context, from *conn) error {
	var last int64
	for _, q := range []string{"SELECT last_change FROM totals", "SELECT max(seq) FROM changes"} {
		_ = from.one(q, nil, func(s *sqlite.Stmt) error { last = max(last, s.ColumnInt64(0)); return nil }) // it may be damaged
	}
	err := x.transact(ctx, x.level(true), func(index.Tx) error {
		return x.writer.exec("UPDATE totals SET last_change=max(last_change, ?, coalesce((SELECT max(seq) FROM changes), 0))", num(last))
	})
	return errors.Join(err, ctx.Err())
}
