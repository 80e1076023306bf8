// Package sqlite keeps an index in an SQLite database: a wide row for every patient, study, series and instance.
package sqlite
