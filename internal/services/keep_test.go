package services_test

import (
	"fmt"
	"maps"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/modalities"
	"gantry/internal/storage/index"
)

// DicomModalitiesInDatabase: the table is what it was after a restart.
func TestModalitiesInDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	open := func() *modalities.Table {
		t.Helper()
		table, err := modalities.Open(t.Context(), jobkinds.ModalityKeeper{Store: s.store}, false)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	table := open()
	special := config.NewModality("CT", "10.0.0.1", 104)
	special.AllowStore, special.StorageCommitmentDelivery, special.LocalAet, special.Timeout = false, "same", "ME", 7
	for name, m := range map[string]config.Modality{"a/b c": special, "pacs": config.NewModality("PACS", "h", 1), "gone": special} {
		if err := table.Put(t.Context(), name, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Delete(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	s.restart()
	if again := open(); !maps.Equal(again.All(), table.All()) {
		t.Errorf("kept %+v, want %+v", again.All(), table.All())
	}
}

// Ended jobs, too, are there after a restart, with everything that is shown of them.
func TestJobsInDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	newSink(t, s, nil)
	refs := s.putInto(2)
	before, err := s.engine.Run(t.Context(), s.newSend(jobkinds.SendOptions{Resources: s.instances(refs)}), jobs.Options{Priority: -3, UserData: []byte(`{"ticket":7}`)})
	if err != nil {
		t.Fatal(err)
	}
	s.restart()
	after, ok := s.engine.Get(before.ID)
	if !ok || after.State != before.State || after.Priority != -3 || string(after.UserData) != `{"ticket":7}` || after.Progress() != 100 {
		t.Errorf("%+v, want %+v", after, before)
	}
	if got, want := jobs.FormatTime(after.Created), jobs.FormatTime(before.Created); got != want {
		t.Errorf("created %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(content(t, after)), fmt.Sprint(content(t, before)); got != want {
		t.Errorf("content %s, want %s", got, want)
	}
}

// Of finished requests only so many are kept; open ones stay whatever comes after them.
func TestFinishedRequestsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r := newRequester(t)
	s.know("away", modality(t, "AWAY", "127.0.0.1:1"))
	s.know("scu", modality(t, "SCU", r.addr))
	refs := s.putInto(1)
	if err := ask(t, s.dial("AWAY", nil), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	c := s.dial("SCU", nil)
	const finished = 205
	for i := range finished {
		if err := ask(t, c, dicom.UID(fmt.Sprintf("2.25.2%d", i)), refs); err != nil {
			t.Fatal(err)
		}
		r.next(t)
	}
	for _, id := range s.commitmentJobs() {
		s.reach(id, jobs.Success, jobs.Retry)
	}
	if got := requestRows(t, s, index.CommitReported); got != 200 {
		t.Errorf("%d finished requests are kept", got)
	}
	if got := requestRows(t, s, index.CommitDecided); got != 1 {
		t.Errorf("%d open requests are kept", got)
	}
}

// A start with more open requests than jobs may wait does not hang; the rest goes on as room comes.
func TestStartBeyondLimitOfJobs(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.SaveJobs = false })
	s.know("scu", modality(t, "SCU", "127.0.0.1:1"))
	refs, c := s.putInto(1), s.dial("SCU", nil)
	for _, uid := range []dicom.UID{"2.25.1", "2.25.2", "2.25.3"} {
		if err := ask(t, c, uid, refs); err != nil {
			t.Fatal(err)
		}
	}
	c.Abort()
	s.restartWith(func(c *config.Config) { c.LimitJobs = 1 })
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	// It calls, and so the reports that wait are tried; whether there is room for another request is a matter of time.
	if err := ask(t, s.dial("SCU", nil), "2.25.4", refs); err != nil && dimse.StatusOf(err) != dimse.StatusResourceLimitation {
		t.Errorf("beyond the limit: %v", err)
	}
	missing := map[dicom.UID]bool{"2.25.1": true, "2.25.2": true, "2.25.3": true}
	for len(missing) > 0 {
		delete(missing, r.next(t).data.TransactionUID)
	}
}
