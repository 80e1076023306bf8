package services_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dul"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/modalities"
	"gantry/internal/scp"
	"gantry/internal/scu"
	"gantry/internal/services"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
	"gantry/internal/tools/phantom"
)

// patience is how long a test waits for what has to come, before it says what is missing in place of hanging.
const patience = 2 * time.Minute

// site is a DICOM server with everything behind it, as the daemon builds it.
type site struct {
	t        testing.TB
	cfg      *config.Config
	layout   string
	store    *storage.Store
	engine   *jobs.Engine
	table    *modalities.Table
	peers    *jobkinds.Deps
	services *services.Services
	addr     string
	stop     func()
	logged   *testLog
	observer *storage.Observer // of the store; nil: nobody
}

// newSite runs a server that is stopped with the test.
func newSite(t testing.TB, change func(*config.Config)) *site {
	t.Helper()
	s := prepareSite(t, change)
	s.start("127.0.0.1:0")
	t.Cleanup(func() { s.stop() })
	return s
}

// prepareSite is newSite without its start.
func prepareSite(t testing.TB, change func(*config.Config)) *site {
	t.Helper()
	cfg := config.Default()
	cfg.StorageDirectory = t.TempDir()
	cfg.DicomAet, cfg.SyncStorageArea = "GANTRY", false
	if change != nil {
		change(cfg)
	}
	s := &site{t: t, cfg: cfg, layout: storage.LayoutLog, logged: &testLog{t: t}}
	if cfg.StorageLayout != "" {
		s.layout = cfg.StorageLayout
	}
	s.table = modalities.New(cfg.DicomModalities, cfg.StrictAetComparison)
	return s
}

func (s *site) start(addr string) {
	t := s.t
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	store, err := storage.Open(ctx, storage.Options{Dir: s.cfg.StorageDirectory, Layout: s.layout, NoSync: !s.cfg.SyncStorageArea, SegmentSize: 8 << 20,
		Observer: s.observer, Quota: storage.Quota{Patients: s.cfg.MaximumPatientCount, RecycleCommitted: s.cfg.RecycleCommitted}})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(s.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.store = store
	s.peers = &jobkinds.Deps{Config: s.cfg, Store: store, Modalities: s.table, Logger: log}
	engine := jobs.Config{Workers: 2, HistorySize: 1000, Limit: s.cfg.LimitJobs, Factories: s.peers.Factories(), Lanes: s.peers.Lanes(), Logger: log}
	if s.cfg.SaveJobs {
		engine.Saver = jobkinds.Saver{Store: store}
	}
	s.engine = jobs.New(engine)
	s.peers.Jobs = s.engine
	s.services = services.New(services.Deps{Config: s.cfg, Store: store, Jobs: s.engine, Modalities: s.table, Peers: s.peers, Logger: log})
	if err := s.engine.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.services.Start(ctx); err != nil {
		t.Fatal(err)
	}
	server, done := serve(t, ctx, addr, scp.Config{Handler: s.services, Access: s.services.Access, Accept: s.services.Accept, Observer: s.services.Observer(), Logger: log, AsyncWindow: 8})
	s.addr = server
	s.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		end, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		if err := s.engine.Stop(end); err != nil {
			t.Errorf("stop the jobs: %v", err)
		}
		if err := store.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
}

// restart stops the site and starts it again over the same data, at another port.
func (s *site) restart() {
	s.t.Helper()
	s.restartWith(func(*config.Config) {})
}

// restartWith is a restart with another configuration.
func (s *site) restartWith(change func(*config.Config)) {
	s.t.Helper()
	s.stop()
	change(s.cfg)
	s.start("127.0.0.1:0")
}

// serve runs a server until ctx ends and returns its address.
func serve(t testing.TB, ctx context.Context, addr string, cfg scp.Config) (string, <-chan struct{}) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server := scp.NewServer(cfg)
		if err := server.Serve(ctx, ln); err != nil {
			t.Errorf("serve: %v", err)
		}
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer stop()
		if err := server.Shutdown(end); err != nil { // its associations end with ctx, and then tell the log
			t.Errorf("associations go on: %v", err)
		}
	}()
	return ln.Addr().String(), done
}

// testLog shows the log with the test that failed, and keeps it.
type testLog struct {
	t    testing.TB
	mu   sync.Mutex
	text strings.Builder
}

func (l *testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// modality is the entry of a peer at an address.
func modality(t testing.TB, aet, addr string) config.Modality {
	t.Helper()
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return config.NewModality(aet, tcp.IP.String(), tcp.Port)
}

// know makes the site know a peer.
func (s *site) know(name string, m config.Modality) {
	s.t.Helper()
	if err := s.table.Put(s.t.Context(), name, m); err != nil {
		s.t.Fatal(err)
	}
}

// dial associates with the site as a client of that AE title.
func (s *site) dial(aet string, handler any) *scu.Client {
	s.t.Helper()
	little := []string{string(dicom.ExplicitVRLittleEndian)}
	c, err := scu.Dial(s.t.Context(), scu.Config{
		Addr: s.addr, CallingAET: aet, CalledAET: "GANTRY", Handler: handler,
		Contexts: []dul.ProposedContext{
			{AbstractSyntax: string(dicom.VerificationSOPClass), TransferSyntaxes: little},
			{AbstractSyntax: string(dicom.CTImageStorage), TransferSyntaxes: little},
			{AbstractSyntax: string(dicom.MRImageStorage), TransferSyntaxes: little},
			{AbstractSyntax: string(dicom.StorageCommitmentPushModel), TransferSyntaxes: little},
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Abort)
	return c
}

// putInto stores synthetic images in the site's store and returns their references.
func (s *site) putInto(n int) []index.Reference {
	s.t.Helper()
	refs, err := s.putOf("", n)
	if err != nil {
		s.t.Fatal(err)
	}
	return refs
}

// putOf is putInto for a patient of the caller's choice.
func (s *site) putOf(patient string, n int) ([]index.Reference, error) {
	s.t.Helper()
	refs := make([]index.Reference, n)
	study, series := dicom.NewUID(), dicom.NewUID()
	for i := range refs {
		image := phantom.Image{PatientID: patient, Study: study, Series: series, Instance: dicom.NewUID(), Number: i + 1, Side: 4}
		data, err := image.Dataset()
		if err != nil {
			s.t.Fatal(err)
		}
		refs[i] = index.Reference{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: image.Instance}
		_, err = s.store.Put(s.t.Context(), &storage.PutRequest{
			Data: strings.NewReader(string(data)), Received: true, SOPClassUID: dicom.CTImageStorage,
			SOPInstanceUID: image.Instance, TransferSyntax: dicom.ExplicitVRLittleEndian,
		})
		if err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// reach waits until a job of the site is in one of the states.
func (s *site) reach(id string, states ...jobs.State) jobs.Info {
	s.t.Helper()
	for {
		info, changed, err := s.engine.Watch(id)
		if err != nil {
			s.t.Fatalf("job %s: %v", id, err)
		}
		for _, state := range states {
			if info.State == state {
				return info
			}
		}
		select {
		case <-changed:
		case <-time.After(patience):
			s.t.Fatalf("job %s is %s, want %v", id, info.State, states)
		}
	}
}

// commitmentJobs returns the ids of the site's commitment jobs.
func (s *site) commitmentJobs() (ids []string) {
	for info := range s.engine.Infos() {
		if info.Kind == jobkinds.KindCommitmentSCP {
			ids = append(ids, info.ID)
		}
	}
	return ids
}

// reported is a report as a requester got it.
type reported struct {
	calling, called string
	event           uint16
	bytes           string
	data            *jobkinds.CommitmentData
}

// requester is an SCU of storage commitment that takes every report.
type requester struct {
	addr    string
	reports chan reported
	mu      sync.Mutex
	answer  error // to the next reports
}

// newRequester listens for reports; the site does not know it yet.
func newRequester(t testing.TB) *requester {
	t.Helper()
	r := &requester{reports: make(chan reported, 16)}
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := serve(t, ctx, "127.0.0.1:0", scp.Config{Handler: r, Accept: func(_ *scp.Peer, _ dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
		return proposed[0], scp.Accepted
	}})
	r.addr = addr
	t.Cleanup(func() { cancel(); <-done })
	return r
}

func (r *requester) EventReport(_ context.Context, rq *scp.EventReportRequest) error {
	r.mu.Lock()
	answer := r.answer
	r.mu.Unlock()
	var raw strings.Builder
	ds, err := codec.ReadDataset(rq.Data, dicom.LookupTransferSyntax(rq.TransferSyntax), codec.Limits{})
	if err != nil {
		return err
	}
	if err := codec.WriteDataset(&raw, ds, dicom.LookupTransferSyntax(rq.TransferSyntax)); err != nil {
		return err
	}
	data, err := jobkinds.ReadCommitmentData(strings.NewReader(raw.String()), rq.TransferSyntax, 0)
	if err != nil {
		return err
	}
	r.reports <- reported{rq.Peer.CallingAET, rq.Peer.CalledAET, rq.EventTypeID, raw.String(), data}
	return answer
}

func (r *requester) refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = err
}

// ask sends an N-ACTION on the association and returns its status.
func ask(t testing.TB, c *scu.Client, transaction dicom.UID, refs []index.Reference) error {
	t.Helper()
	rsp, err := c.Action(t.Context(), &scu.ActionRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		ActionTypeID: 1, Dataset: request(transaction, refs),
	})
	if err != nil {
		t.Fatal(err)
	}
	return rsp.Err()
}

func request(transaction dicom.UID, refs []index.Reference) *dicom.Dataset {
	ds := &dicom.Dataset{}
	if transaction != "" {
		ds.SetUID(dicom.TagTransactionUID, transaction)
	}
	var items []*dicom.Dataset
	for _, r := range refs {
		item := &dicom.Dataset{}
		item.SetUID(dicom.TagReferencedSOPClassUID, r.SOPClassUID)
		item.SetUID(dicom.TagReferencedSOPInstanceUID, r.SOPInstanceUID)
		items = append(items, item)
	}
	ds.SetItems(dicom.TagReferencedSOPSequence, items...)
	return ds
}

// next waits for a report.
func (r *requester) next(t testing.TB) reported {
	t.Helper()
	select {
	case got := <-r.reports:
		return got
	case <-time.After(patience):
		t.Fatal("no report came")
		return reported{}
	}
}
