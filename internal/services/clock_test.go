package services_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/jobkinds"
	"gantry/internal/scp"
	"gantry/internal/storage/index"
)

// A request that was made by a clock that was ahead has after a restart the time that it was to have, and no more.
func TestDeadlineUnderClockSetBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := serve(t, ctx, "127.0.0.1:0", scp.Config{Handler: mute{}, Accept: scp.AcceptClasses([]dicom.UID{dicom.StorageCommitmentPushModel}, scp.LittleEndian())})
	t.Cleanup(func() { cancel(); <-done })
	s.know("pacs", modality(t, "PACS", addr))
	refs := s.putInto(1)
	seconds := 600
	uid, err := s.peers.RequestCommitment(t.Context(), "pacs", refs, jobkinds.CommitOptions{Deadline: &seconds})
	if err != nil {
		t.Fatal(err)
	}
	const ahead = 24 * time.Hour
	shift(t, s, uid, ahead)
	s.restart()
	report := s.report(uid)
	if left := time.Until(report.Deadline); report.Status != index.CommitPending || left > 10*time.Minute || left < time.Minute {
		t.Errorf("%s, %v are left", report.Status, left)
	}
}

// mute takes requests and never reports on them.
type mute struct{}

func (mute) Action(context.Context, *scp.ActionRequest) (*scp.ActionResult, error) { return nil, nil }

// shift moves the times of a pending report, as if they had been taken from a clock that was ahead.
func shift(t *testing.T, s *site, uid dicom.UID, ahead time.Duration) {
	t.Helper()
	err := s.store.Update(t.Context(), func(tx index.Tx) error {
		row, err := tx.CommitReport(string(uid))
		if err != nil {
			return err
		}
		row.Created = row.Created.Add(ahead)
		return putDeadline(tx, row, ahead)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// putDeadline moves the deadline, which stands in the JSON of the row.
func putDeadline(tx index.Tx, row *index.CommitReport, ahead time.Duration) error {
	var data map[string]any
	if err := json.Unmarshal(row.Data, &data); err != nil {
		return err
	}
	deadline, err := time.Parse(time.RFC3339Nano, data["Deadline"].(string))
	if err != nil {
		return err
	}
	data["Deadline"] = deadline.Add(ahead)
	if row.Data, err = json.Marshal(data); err != nil {
		return err
	}
	return tx.PutCommitReport(row)
}
