package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// applicationID marks the file as ours ("gntr").
const applicationID = 0x676e7472

// formats are the steps that lead from each format to the next; the format of a file is the number of steps it has
// taken (PRAGMA user_version). A released step is never changed.
var formats = []string{format1, format2}

const format1 = `
CREATE TABLE patients(
	pk INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,
	patient_id TEXT, patient_name TEXT, birth_date TEXT, sex TEXT,
	patient_id_folded TEXT, patient_name_folded TEXT,
	tags TEXT, updated INTEGER NOT NULL, signature TEXT);
CREATE INDEX patients_by_patient_id ON patients(patient_id);
CREATE INDEX patients_by_name ON patients(patient_name_folded);

CREATE TABLE studies(
	pk INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, patient INTEGER NOT NULL,
	study_uid TEXT, study_date TEXT, study_time TEXT, accession_number TEXT, study_id TEXT,
	description TEXT, referring_physician TEXT, institution TEXT,
	accession_number_folded TEXT, study_id_folded TEXT, description_folded TEXT, referring_physician_folded TEXT,
	institution_folded TEXT,
	tags TEXT, updated INTEGER NOT NULL, signature TEXT);
CREATE INDEX studies_by_patient ON studies(patient);
CREATE INDEX studies_by_uid ON studies(study_uid);
CREATE INDEX studies_by_accession_number ON studies(accession_number);
CREATE INDEX studies_by_date ON studies(study_date);

CREATE TABLE series(
	pk INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, study INTEGER NOT NULL,
	series_uid TEXT, modality TEXT, series_number TEXT, series_date TEXT, series_time TEXT, body_part TEXT,
	description TEXT, station_name TEXT, manufacturer TEXT, protocol_name TEXT,
	body_part_folded TEXT, description_folded TEXT, station_name_folded TEXT, protocol_name_folded TEXT,
	tags TEXT, updated INTEGER NOT NULL, signature TEXT, remote_aet TEXT, expected INTEGER);
CREATE INDEX series_by_study ON series(study);
CREATE INDEX series_by_uid ON series(series_uid);

CREATE TABLE instances(
	pk INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, series INTEGER NOT NULL,
	sop_uid TEXT, instance_number TEXT,
	tags TEXT, signature TEXT,
	class_uid TEXT NOT NULL, transfer_syntax TEXT NOT NULL, index_in_series TEXT,
	received INTEGER NOT NULL, origin TEXT NOT NULL,
	pixel_data_at INTEGER NOT NULL, pixel_data_vr INTEGER NOT NULL, flags INTEGER NOT NULL,
	blob_key BLOB NOT NULL, blob_seq INTEGER NOT NULL, size INTEGER NOT NULL, crc INTEGER NOT NULL, md5 BLOB);
CREATE INDEX instances_by_series ON instances(series);
CREATE INDEX instances_by_uid ON instances(sop_uid);

CREATE TABLE totals(
	one INTEGER PRIMARY KEY CHECK(one=1),
	patients INTEGER NOT NULL, studies INTEGER NOT NULL, series INTEGER NOT NULL, instances INTEGER NOT NULL,
	bytes INTEGER NOT NULL, last_change INTEGER NOT NULL, position TEXT NOT NULL);
INSERT INTO totals VALUES(1,0,0,0,0,0,0,'');
CREATE TABLE reclaims(key BLOB, seq INTEGER, PRIMARY KEY(key, seq)) WITHOUT ROWID;
CREATE TABLE changes(
	seq INTEGER PRIMARY KEY, type INTEGER NOT NULL, level INTEGER NOT NULL, id BLOB NOT NULL, time INTEGER NOT NULL);

CREATE TABLE labels(
	id BLOB, label TEXT, level INTEGER NOT NULL, PRIMARY KEY(id, label)) WITHOUT ROWID;
CREATE INDEX labels_by_label ON labels(label, level);
CREATE TABLE metadata(
	id BLOB, number INTEGER, level INTEGER NOT NULL, value TEXT NOT NULL, revision INTEGER NOT NULL,
	PRIMARY KEY(id, number)) WITHOUT ROWID;
CREATE TABLE attachments(
	id BLOB, number INTEGER, level INTEGER NOT NULL, blob_key BLOB NOT NULL,
	blob_seq INTEGER NOT NULL, size INTEGER NOT NULL, plain_size INTEGER NOT NULL, compression INTEGER NOT NULL,
	crc INTEGER NOT NULL, md5 BLOB, revision INTEGER NOT NULL, PRIMARY KEY(id, number)) WITHOUT ROWID;
CREATE TABLE protected(id BLOB PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE jobs(
	id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER, seq INTEGER,
	created INTEGER, changed INTEGER, next_attempt INTEGER, runtime INTEGER, attempt INTEGER, progress INTEGER,
	error_code INTEGER, error_text TEXT, error_details TEXT, version INTEGER, data BLOB, content BLOB, user_data BLOB
	) WITHOUT ROWID;
CREATE TABLE commit_requests(
	pk INTEGER PRIMARY KEY, peer TEXT NOT NULL, uid TEXT NOT NULL, called TEXT, address TEXT, state TEXT NOT NULL,
	count INTEGER, digest BLOB, event_type INTEGER, report BLOB, job TEXT, attempts INTEGER, last_error TEXT,
	created INTEGER, decided INTEGER, delivered INTEGER, data BLOB, UNIQUE(uid, peer));
CREATE INDEX commit_requests_by_state ON commit_requests(state);
CREATE TABLE commit_references(
	request INTEGER, chunk INTEGER, refs BLOB NOT NULL, PRIMARY KEY(request, chunk)) WITHOUT ROWID;
CREATE TABLE commit_reports(
	uid TEXT PRIMARY KEY, aet TEXT, modality TEXT, local_aet TEXT, status TEXT NOT NULL,
	requested BLOB, success BLOB, failures BLOB, created INTEGER, finished INTEGER, used INTEGER, data BLOB);
CREATE TABLE modalities(name TEXT PRIMARY KEY, json BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE properties(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
`

const format2 = `
CREATE TABLE committed(id BLOB PRIMARY KEY) WITHOUT ROWID;

ALTER TABLE patients ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
ALTER TABLE patients ADD COLUMN recency INTEGER NOT NULL DEFAULT 0;
UPDATE patients SET recency=updated, kept=(SELECT count(*) FROM protected WHERE protected.id=patients.id);
CREATE INDEX patients_to_recycle ON patients(kept, recency);
ALTER TABLE patients ADD COLUMN unstable INTEGER;
ALTER TABLE studies ADD COLUMN unstable INTEGER;
ALTER TABLE series ADD COLUMN unstable INTEGER;
CREATE INDEX patients_unstable ON patients(unstable) WHERE unstable IS NOT NULL;
CREATE INDEX studies_unstable ON studies(unstable) WHERE unstable IS NOT NULL;
CREATE INDEX series_unstable ON series(unstable) WHERE unstable IS NOT NULL;
CREATE TABLE signatures(n INTEGER PRIMARY KEY, tags TEXT NOT NULL UNIQUE);

ALTER TABLE instances ADD COLUMN plain INTEGER;
ALTER TABLE instances ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN plain INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN attached INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN attached_plain INTEGER NOT NULL DEFAULT 0;
UPDATE totals SET plain=bytes;
CREATE TABLE exports(
	seq INTEGER PRIMARY KEY AUTOINCREMENT, level INTEGER NOT NULL, id BLOB NOT NULL, modality TEXT NOT NULL,
	time INTEGER NOT NULL, patient_id TEXT, study_uid TEXT, series_uid TEXT, sop_uid TEXT);

ALTER TABLE totals ADD COLUMN deletions INTEGER NOT NULL DEFAULT 0;
DROP INDEX patients_by_patient_id;
CREATE INDEX patients_by_patient_id ON patients(patient_id_folded);
DROP INDEX studies_by_accession_number;
CREATE INDEX studies_by_accession_number ON studies(accession_number_folded);
ALTER TABLE studies ADD COLUMN patient_tags TEXT;
CREATE INDEX studies_with_own_patient ON studies(patient) WHERE patient_tags IS NOT NULL;

ALTER TABLE jobs RENAME TO jobs_of_format1;
CREATE TABLE jobs(
	pk INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER, seq INTEGER,
	created INTEGER, changed INTEGER, next_attempt INTEGER, runtime INTEGER, attempt INTEGER, progress INTEGER,
	error_code INTEGER, error_text TEXT, error_details TEXT, version INTEGER, data BLOB, content BLOB, user_data BLOB,
	number INTEGER NOT NULL DEFAULT 0);
INSERT INTO jobs(id, kind, state, priority, seq, created, changed, next_attempt, runtime, attempt, progress, error_code,
	error_text, error_details, version, data, content, user_data) SELECT id, kind, state, priority, seq, created, changed,
	next_attempt, runtime, attempt, progress, error_code, error_text, error_details, version, data, content, user_data
	FROM jobs_of_format1 ORDER BY seq;
DROP TABLE jobs_of_format1;
`

// checkVersion refuses a file of a newer format, or of something else, by name.
func (c *conn) checkVersion(file string) error {
	app, err := c.pragma("application_id")
	if err != nil {
		return err
	}
	version, err := c.pragma("user_version")
	if err != nil {
		return err
	}
	if app != applicationID && (app != 0 || version != 0) {
		return fmt.Errorf("index: %s is an SQLite database of another program", file)
	}
	if version > len(formats) {
		return &index.VersionError{File: file, Has: version, Know: len(formats)}
	}
	return nil
}

// migrate takes the steps that are missing, all in one transaction.
func (c *conn) migrate() (err error) {
	version, err := c.pragma("user_version")
	if err != nil || version == len(formats) {
		return err
	}
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.exec("ROLLBACK"))
		}
	}()
	for _, f := range formats[version:] {
		if err := c.script(f); err != nil {
			return err
		}
	}
	if err := c.exec(fmt.Sprintf("PRAGMA application_id=%d", applicationID)); err != nil {
		return err
	}
	if err := c.exec(fmt.Sprintf("PRAGMA user_version=%d", len(formats))); err != nil {
		return err
	}
	return c.exec("COMMIT")
}

// script runs several statements once.
func (c *conn) script(sql string) error {
	for sql = strings.TrimSpace(sql); sql != ""; {
		s, trailing, err := c.PrepareTransient(sql)
		if err != nil {
			return wrap("migrate", err)
		}
		_, err = s.Step()
		if err := errors.Join(err, s.Finalize()); err != nil {
			return wrap("migrate", err)
		}
		sql = strings.TrimSpace(sql[len(sql)-trailing:])
	}
	return nil
}

func (c *conn) pragma(name string) (v int, err error) {
	err = c.one("PRAGMA "+name, nil, func(s *sqlite.Stmt) error { v = s.ColumnInt(0); return nil })
	return v, err
}
