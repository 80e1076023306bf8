package services_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobs"
)

// StorageCommitmentDelivery, and a caller without an address: always on the same association.
func TestDeliveryPolicy(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		policy  string // of the modality
		global  string
		known   bool
		same    bool // the report is expected on the association of the request
		address bool // the modality's address is that of the requester
	}{
		"new by default":               {known: true, address: true},
		"same":                         {policy: "same", known: true, same: true, address: true},
		"same for all":                 {global: "same", known: true, same: true, address: true},
		"new in spite of all":          {policy: "new", global: "same", known: true, address: true},
		"same, then new":               {policy: "same-then-new", known: true, same: true},
		"unknown caller":               {same: true},
		"unknown caller, global new":   {global: "new", same: true},
		"known caller, nobody listens": {policy: "same", known: true, same: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *config.Config) {
				c.DicomAlwaysAllowStorageCommitment = true
				if x.global != "" {
					c.StorageCommitmentDelivery = x.global
				}
			})
			listening, onSame := newRequester(t), newRequester(t)
			if x.known {
				m := modality(t, "SCU", "127.0.0.1:1")
				if x.address {
					m = modality(t, "SCU", listening.addr)
				}
				m.StorageCommitmentDelivery = x.policy
				s.know("scu", m)
			}
			refs := s.putInto(1)
			if err := ask(t, s.dial("SCU", onSame), "2.25.1", refs); err != nil {
				t.Fatal(err)
			}
			from := listening
			if x.same {
				from = onSame
			}
			if got := from.next(t); !slices.Equal(got.data.References, refs) {
				t.Errorf("%+v", got)
			}
			s.reach(s.commitmentJobs()[0], jobs.Success)
		})
	}
}

// With same-then-new a requester that takes no report on its association, or has gone, is called back.
func TestSameThenNewCallsBack(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]bool{"deaf": false, "gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			r := newRequester(t)
			m := modality(t, "SCU", r.addr)
			m.StorageCommitmentDelivery = "same-then-new"
			s.know("scu", m)
			refs := s.putInto(1)
			c := s.dial("SCU", nil) // answers reports with 0211H
			if err := ask(t, c, "2.25.1", refs); err != nil {
				t.Fatal(err)
			}
			if gone {
				c.Abort()
			}
			if got := r.next(t); got.calling != "GANTRY" || !slices.Equal(got.data.References, refs) {
				t.Errorf("%+v", got)
			}
			s.reach(s.commitmentJobs()[0], jobs.Success)
		})
	}
}

// Of two entries with one AE title the one is called whose host the request came from.
func TestPeerIsFoundByItsHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r := newRequester(t)
	s.know("another", config.NewModality("SCU", "192.0.2.1", 104))
	s.know("this one", modality(t, "SCU", r.addr))
	if err := ask(t, s.dial("SCU", nil), "2.25.1", s.putInto(1)); err != nil {
		t.Fatal(err)
	}
	r.next(t)
}

// A caller without an address that has gone gets its report when it asks again.
func TestCallerWithoutAddressAsksAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.DicomAlwaysAllowStorageCommitment = true })
	r := newRequester(t)
	r.refuse(dimse.Errorf(dimse.StatusProcessingFailure, "not now"))
	refs := s.putInto(1)
	if err := ask(t, s.dial("STRANGER", r), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	first := r.next(t)
	s.reach(s.commitmentJobs()[0], jobs.Failure)
	r.refuse(nil)
	if err := ask(t, s.dial("STRANGER", r), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	if again := r.next(t); again.bytes != first.bytes {
		t.Errorf("another report: %+v", again)
	}
}

// Where a report may only go out on an association that has ended, the job says why: by the policy, or for want of an address.
func TestReportWithoutItsAssociation(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		addr   string // of the modality; "": the caller is unknown
		reason string
	}{
		"policy":  {"127.0.0.1:1", `StorageCommitmentDelivery "same"`},
		"unknown": {"", "no address in DicomModalities"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *config.Config) { c.DicomAlwaysAllowStorageCommitment = true })
			if x.addr != "" {
				m := modality(t, "SCU", x.addr)
				m.StorageCommitmentDelivery = "same"
				s.know("scu", m)
			}
			r := newRequester(t)
			r.refuse(dimse.Errorf(dimse.StatusProcessingFailure, "not now"))
			c := s.dial("SCU", r)
			if err := ask(t, c, "2.25.1", s.putInto(1)); err != nil {
				t.Fatal(err)
			}
			r.next(t)
			job := s.commitmentJobs()[0]
			s.reach(job, jobs.Failure)
			c.Abort()
			s.restart()
			if err := s.engine.Resubmit(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			if info := s.reach(job, jobs.Failure); !strings.Contains(info.ErrorDetails, x.reason) {
				t.Errorf("%s", info.ErrorDetails)
			}
		})
	}
}

// A requester that refuses the report for good is not asked again; resubmitting the job sends it once more.
func TestRefusedReport(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r := newRequester(t)
	r.refuse(dimse.Errorf(dimse.StatusInvalidArgument, "never heard of it"))
	s.know("scu", modality(t, "SCU", r.addr))
	if err := ask(t, s.dial("SCU", nil), "2.25.1", s.putInto(1)); err != nil {
		t.Fatal(err)
	}
	first := r.next(t)
	id := s.commitmentJobs()[0]
	if info := s.reach(id, jobs.Failure); info.ErrorCode != jobs.CodeNetworkProtocol {
		t.Errorf("%+v", info)
	}
	r.refuse(nil)
	if err := s.engine.Resubmit(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if again := r.next(t); again.bytes != first.bytes {
		t.Errorf("another report: %+v", again)
	}
	s.reach(id, jobs.Success)
}

// A passing failure of the requester is retried.
func TestPassingFailureIsRetried(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r, first, id := s.refusedReport(dimse.Errorf(dimse.StatusProcessingFailure, "database busy"))
	s.reach(id, jobs.Retry)
	r.refuse(nil)
	if err := s.engine.TryNow(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if again := r.next(t); again.bytes != first.bytes {
		t.Errorf("another report: %+v", again)
	}
	s.reach(id, jobs.Success)
}

// Without time to retry the job fails at once.
func TestNoRetry(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentRetryFor = 0 })
	s.reach(s.awayReport(), jobs.Failure)
}

// A report that could not be delivered survives a restart, with and without kept jobs, and is what it was.
func TestReportSurvivesRestart(t *testing.T) {
	t.Parallel()
	for name, save := range map[string]bool{"jobs kept": true, "jobs not kept": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *config.Config) { c.SaveJobs = save })
			r := newRequester(t)
			s.know("scu", modality(t, "SCU", "127.0.0.1:1"))
			stored := s.putInto(1)
			later := dicom.NewUID()
			refs := append(slices.Clone(stored), ctRef(later))
			if err := ask(t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
				t.Fatal(err)
			}
			s.reach(s.commitmentJobs()[0], jobs.Retry)
			s.know("scu", modality(t, "SCU", r.addr))
			s.restart()
			id := s.commitmentJobs()[0]
			if err := s.engine.TryNow(t.Context(), id); err != nil {
				t.Logf("try now: %v", err) // without kept jobs it runs at once
			}
			got := r.next(t)
			if got.event != 2 || !slices.Equal(got.data.References, stored) || got.data.Failures[0].SOPInstanceUID != later {
				t.Errorf("%+v", got)
			}
			s.reach(id, jobs.Success)
		})
	}
}

// While a peer is away one report tries to reach it and the others wait; when it calls, all of them follow at once.
func TestReportsWaitForTheirPeer(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r := newRequester(t)
	gone := modality(t, "SCU", r.addr)
	gone.UseDicomTls = true // cannot associate with a plain port
	s.know("scu", gone)
	refs := s.putInto(1)
	c := s.dial("SCU", nil)
	uids := []dicom.UID{"2.25.1", "2.25.2", "2.25.3"}
	for _, uid := range uids {
		if err := ask(t, c, uid, refs); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range s.commitmentJobs() {
		s.reach(id, jobs.Retry)
	}
	s.know("scu", modality(t, "SCU", r.addr))
	if err := ask(t, c, "2.25.4", refs); err != nil {
		t.Fatal(err)
	}
	got := map[dicom.UID]bool{}
	for range 4 {
		got[r.next(t).data.TransactionUID] = true
	}
	if len(got) != 4 {
		t.Errorf("reports of %v", got)
	}
	for _, id := range s.commitmentJobs() {
		s.reach(id, jobs.Success)
	}
}

// A peer that accepts connections and says nothing holds up its own reports, not those of others.
func TestSilentPeerHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.DicomScuTimeout = 60 })
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s.know("silent", modality(t, "SILENT", silent.Addr().String()))
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	refs := s.putInto(1)
	c := s.dial("SILENT", nil)
	for range 20 {
		if err := ask(t, c, dicom.NewUID(), refs); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	if got := r.next(t); got.data.TransactionUID != "2.25.1" {
		t.Errorf("%+v", got)
	}
}
