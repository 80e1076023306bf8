package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

const requestColumns = "peer, uid, called, address, state, count, digest, event_type, report, job, attempts, " +
	"last_error, created, decided, delivered, data"

func scanRequest(s *sqlite.Stmt) (r index.CommitRequest) {
	r = index.CommitRequest{
		PeerAET: s.ColumnText(0), TransactionUID: s.ColumnText(1), CalledAET: s.ColumnText(2), PeerAddr: s.ColumnText(3),
		State: index.CommitState(s.ColumnText(4)), Count: s.ColumnInt(5), EventTypeID: uint16(s.ColumnInt(7)),
		Outcome: columnBytes(s, 8), JobID: s.ColumnText(9), Attempts: s.ColumnInt(10), LastError: s.ColumnText(11),
		Created: fromMicro(s.ColumnInt64(12)), Decided: fromMicro(s.ColumnInt64(13)),
		Delivered: fromMicro(s.ColumnInt64(14)), Data: columnBytes(s, 15),
	}
	s.ColumnBytes(6, r.Digest[:])
	return r
}

// CommitRequest implements index.Services.
func (t *readTx) CommitRequest(peer, uid string) (*index.CommitRequest, error) {
	var r index.CommitRequest
	err := t.c.one("SELECT "+requestColumns+" FROM commit_requests WHERE uid=? AND peer=?", []arg{text(uid), text(peer)},
		func(s *sqlite.Stmt) error { r = scanRequest(s); return nil })
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// CommitRequestsOf implements index.Services.
func (t *readTx) CommitRequestsOf(uid string) ([]index.CommitRequest, error) {
	return t.requests(" WHERE uid=? ORDER BY pk", text(uid))
}

// CommitRequests implements index.Services.
func (t *readTx) CommitRequests(state index.CommitState) ([]index.CommitRequest, error) {
	if state == "" {
		return t.requests(" ORDER BY pk")
	}
	return t.requests(" WHERE state=? ORDER BY pk", text(string(state)))
}

func (t *readTx) requests(where string, args ...arg) (out []index.CommitRequest, err error) {
	err = t.c.each("SELECT "+requestColumns+" FROM commit_requests"+where, args, func(s *sqlite.Stmt) error {
		out = append(out, scanRequest(s))
		return nil
	})
	return out, err
}

func (t *readTx) requestKey(peer, uid string) (pk int64, err error) {
	return pk, t.c.one("SELECT pk FROM commit_requests WHERE uid=? AND peer=?", []arg{text(uid), text(peer)},
		func(s *sqlite.Stmt) error { pk = s.ColumnInt64(0); return nil })
}

// CommitReferences implements index.Services.
func (t *readTx) CommitReferences(peer, uid string, chunk int) (refs []index.Reference, err error) {
	pk, err := t.requestKey(peer, uid)
	if err != nil {
		return nil, err
	}
	return refs, t.c.one("SELECT refs FROM commit_references WHERE request=? AND chunk=?",
		[]arg{num(pk), num(int64(chunk))}, func(s *sqlite.Stmt) (err error) {
			refs, err = decodeReferences(columnBytes(s, 0))
			return err
		})
}

// PutCommitRequest implements index.Tx.
func (t *tx) PutCommitRequest(r *index.CommitRequest) error {
	return t.c.exec("INSERT INTO commit_requests("+requestColumns+") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"+
		" ON CONFLICT(uid, peer) DO UPDATE SET called=excluded.called, address=excluded.address, state=excluded.state,"+
		" count=excluded.count, digest=excluded.digest, event_type=excluded.event_type, report=excluded.report,"+
		" job=excluded.job, attempts=excluded.attempts, last_error=excluded.last_error, created=excluded.created,"+
		" decided=excluded.decided, delivered=excluded.delivered, data=excluded.data",
		text(r.PeerAET), text(r.TransactionUID), text(r.CalledAET), text(r.PeerAddr), text(string(r.State)),
		num(int64(r.Count)), bytesOf(r.Digest[:]), num(int64(r.EventTypeID)), bytesOf(r.Outcome), text(r.JobID),
		num(int64(r.Attempts)), text(r.LastError), num(toMicro(r.Created)), num(toMicro(r.Decided)),
		num(toMicro(r.Delivered)), bytesOf(r.Data))
}

// PutCommitReferences implements index.Tx.
func (t *tx) PutCommitReferences(peer, uid string, chunk int, refs []index.Reference) error {
	pk, err := t.requestKey(peer, uid)
	if err != nil {
		return err
	}
	return t.c.exec("INSERT OR REPLACE INTO commit_references(request, chunk, refs) VALUES(?,?,?)",
		num(pk), num(int64(chunk)), notNil(encodeReferences(refs)))
}

// RenameCommitRequest implements index.Tx.
func (t *tx) RenameCommitRequest(peer, uid, newPeer, newUID string) error {
	err := t.c.exec("UPDATE commit_requests SET peer=?, uid=? WHERE uid=? AND peer=?", text(newPeer), text(newUID), text(uid), text(peer))
	if err == nil && t.c.Changes() == 0 {
		return index.ErrNotFound
	}
	return err
}

// DeleteCommitRequest implements index.Tx.
func (t *tx) DeleteCommitRequest(peer, uid string) error {
	pk, err := t.requestKey(peer, uid)
	if errors.Is(err, index.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(
		t.c.exec("DELETE FROM commit_references WHERE request=?", num(pk)),
		t.c.exec("DELETE FROM commit_requests WHERE pk=?", num(pk)))
}

const reportColumns = "uid, aet, modality, local_aet, status, created, finished, used, data"

func scanReport(s *sqlite.Stmt) index.CommitReport {
	return index.CommitReport{
		TransactionUID: s.ColumnText(0), RemoteAET: s.ColumnText(1), Modality: s.ColumnText(2), LocalAET: s.ColumnText(3),
		Status: index.CommitStatus(s.ColumnText(4)), Created: fromMicro(s.ColumnInt64(5)),
		Finished: fromMicro(s.ColumnInt64(6)), LastUsed: fromMicro(s.ColumnInt64(7)), Data: columnBytes(s, 8),
	}
}

// CommitReport implements index.Services.
func (t *readTx) CommitReport(uid string) (*index.CommitReport, error) {
	var r index.CommitReport
	err := t.c.one("SELECT "+reportColumns+", requested, success, failures FROM commit_reports WHERE uid=?",
		[]arg{text(uid)}, func(s *sqlite.Stmt) (err error) {
			r = scanReport(s)
			if r.Requested, err = decodeReferences(columnBytes(s, 9)); err != nil {
				return err
			}
			if r.Success, err = decodeReferences(columnBytes(s, 10)); err != nil {
				return err
			}
			r.Failures, err = decodeFailures(columnBytes(s, 11))
			return err
		})
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// CommitReports implements index.Services.
func (t *readTx) CommitReports() (out []index.CommitReport, err error) {
	err = t.c.each("SELECT "+reportColumns+" FROM commit_reports ORDER BY used, created, rowid", nil,
		func(s *sqlite.Stmt) error { out = append(out, scanReport(s)); return nil })
	return out, err
}

// PutCommitReport implements index.Tx.
func (t *tx) PutCommitReport(r *index.CommitReport) error {
	return t.c.exec("INSERT OR REPLACE INTO commit_reports("+reportColumns+", requested, success, failures)"+
		" VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
		text(r.TransactionUID), text(r.RemoteAET), text(r.Modality), text(r.LocalAET), text(string(r.Status)),
		num(toMicro(r.Created)), num(toMicro(r.Finished)), num(toMicro(r.LastUsed)), bytesOf(r.Data),
		bytesOf(encodeReferences(r.Requested)), bytesOf(encodeReferences(r.Success)), bytesOf(encodeFailures(r.Failures)))
}

// DeleteCommitReport implements index.Tx.
func (t *tx) DeleteCommitReport(uid string) error {
	return t.c.exec("DELETE FROM commit_reports WHERE uid=?", text(uid))
}

// A list of references is kept as lengths and texts, failures behind a list of their reasons.

func encodeReferences(refs []index.Reference) []byte {
	var b []byte
	for _, r := range refs {
		b = append(binary.AppendUvarint(b, uint64(len(r.SOPClassUID))), r.SOPClassUID...)
		b = append(binary.AppendUvarint(b, uint64(len(r.SOPInstanceUID))), r.SOPInstanceUID...)
	}
	return b
}

func decodeReferences(b []byte) ([]index.Reference, error) {
	var refs []index.Reference
	for len(b) > 0 {
		class, rest, ok1 := cutText(b)
		instance, rest, ok2 := cutText(rest)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("%w: list of references", index.ErrCorrupt)
		}
		refs = append(refs, index.Reference{SOPClassUID: dicom.UID(class), SOPInstanceUID: dicom.UID(instance)})
		b = rest
	}
	return refs, nil
}

func cutText(b []byte) (text, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, false
	}
	return b[used : used+int(n)], b[used+int(n):], true
}

func encodeFailures(items []index.CommitFailureItem) []byte {
	if len(items) == 0 {
		return nil
	}
	refs := make([]index.Reference, len(items))
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(items)))
	for i, it := range items {
		refs[i] = it.Reference
		b = binary.LittleEndian.AppendUint16(b, it.Reason)
	}
	return append(b, encodeReferences(refs)...)
}

func decodeFailures(b []byte) ([]index.CommitFailureItem, error) {
	if len(b) == 0 {
		return nil, nil
	}
	damaged := fmt.Errorf("%w: list of failures", index.ErrCorrupt)
	if len(b) < 4 {
		return nil, damaged
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n > (len(b)-4)/2 {
		return nil, damaged
	}
	reasons := b[4 : 4+2*n]
	refs, err := decodeReferences(b[4+2*n:])
	if err != nil || len(refs) != n {
		return nil, damaged
	}
	items := make([]index.CommitFailureItem, n)
	for i := range items {
		items[i] = index.CommitFailureItem{Reference: refs[i], Reason: binary.LittleEndian.Uint16(reasons[2*i:])}
	}
	return items, nil
}
