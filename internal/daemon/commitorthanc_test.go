package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/testkit"
)

// pact is what the two crash tests with Orthanc have: an Orthanc, a gantry in a process of its own that is killed again
// and again, and what was promised meanwhile.
type pact struct {
	t       *testing.T
	orthanc *orthanc
	dir     string
	port    string // gantry's DICOM port: Orthanc does not look it up again for a job that it has
	gantry  *process

	mu       sync.Mutex
	opened   int             // requests begun
	promised map[string]bool // Transaction UIDs answered with success; true: everything is there to be committed
	jobs     map[string]bool // ids of jobs answered
	stored   []dicom.UID     // objects that are on both sides
}

func newPact(t *testing.T) *pact {
	t.Helper()
	if _, err := exec.LookPath("env"); err != nil {
		t.Skip("env is not there: it gives the daemon the address of its peer")
	}
	c := &pact{t: t, dir: t.TempDir(), port: freePort(t), promised: map[string]bool{}, jobs: map[string]bool{}}
	c.orthanc = startOrthanc(t, testkit.NewestOrthanc(t), c.port)
	c.start()
	return c
}

// start runs gantry.
func (c *pact) start() {
	c.t.Helper()
	c.gantry = startVictim(c.t, c.dir, "env", fmt.Sprintf("%s=ORTHANC@127.0.0.1:%d", victimPeer, c.orthanc.dicom), victimPort+"="+c.port)
}

// attempt sends a request that may fail because the other side dies.
func attempt(ctx context.Context, url string, body []byte, into any) bool {
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(rq)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK && json.NewDecoder(answer.Body).Decode(into) == nil
}

func (c *pact) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened++
}

func (c *pact) promise(transaction string, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.promised[transaction] = whole
}

func (c *pact) noteStored(o object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stored = append(c.stored, o.instance)
}

func (c *pact) noteJob(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs[id] = true
}

// references name some objects that are stored, and one that nobody has if absent is true or nothing is stored yet;
// whole says that all of them can be committed.
func (c *pact) references(absent bool) (body []byte, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	refs := [][2]dicom.UID{}
	for range min(5, len(c.stored)) {
		refs = append(refs, [2]dicom.UID{class, c.stored[rand.IntN(len(c.stored))]})
	}
	if whole = !absent && len(refs) > 0; !whole {
		refs = append(refs, [2]dicom.UID{class, dicom.NewUID()})
	}
	body, err := json.Marshal(map[string]any{"DicomInstances": refs})
	if err != nil {
		panic(err)
	}
	return body, whole
}

// untilItBreaks repeats work until it fails, and tells of each answer.
func untilItBreaks(ctx context.Context, answers chan<- struct{}, work func() bool) {
	for work() {
		select {
		case answers <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// storeAndCommit has one side send a new object to the other and ask for its commitment.
func (c *pact) storeAndCommit(ctx context.Context, base, modality string) bool {
	o := newObject()
	var stored struct{ ID string }
	if !attempt(ctx, base+"/instances", o.file(c.t), &stored) {
		return false
	}
	c.begin()
	var job struct{ StorageCommitmentTransactionUID string }
	body := fmt.Appendf(nil, `{"Resources": [%q], "StorageCommitment": true}`, stored.ID)
	if !attempt(ctx, base+"/modalities/"+modality+"/store", body, &job) {
		return false
	}
	c.promise(job.StorageCommitmentTransactionUID, true)
	c.noteStored(o)
	return true
}

// ask has one side ask the other for commitment of objects it has had.
func (c *pact) ask(ctx context.Context, base, modality string, absent bool) (transaction string, ok bool) {
	body, whole := c.references(absent)
	c.begin()
	var request struct{ ID string }
	if !attempt(ctx, base+"/modalities/"+modality+"/storage-commitment", body, &request) {
		return "", false
	}
	c.promise(request.ID, whole)
	return request.ID, true
}

// checkPromised waits for a report on everything that was promised, and compares it with what can be committed.
func (c *pact) checkPromised(base string) (success, failure int) {
	c.t.Helper()
	for transaction, whole := range c.promised {
		report := awaitReport(c.t, base, transaction)
		if whole != (report.Status == "Success") {
			c.t.Errorf("%s: %+v, everything there: %v", transaction, report, whole)
		}
		if report.Status == "Success" {
			success++
		} else {
			failure++
		}
	}
	return success, failure
}

// TestOrthancHasItsReportsAfterKills kills gantry while Orthanc stores into it and asks it for commitment: in the end
// Orthanc has its report on each transaction that was answered with success, and gantry has what it has committed to.
func TestOrthancHasItsReportsAfterKills(t *testing.T) {
	t.Parallel()
	c := newPact(t)
	for range crashes(t, 2) {
		c.gantry.crash(t, 4, 2+rand.IntN(30), func(ctx context.Context, answers chan<- struct{}) {
			untilItBreaks(ctx, answers, func() bool {
				if rand.IntN(2) == 0 {
					return c.storeAndCommit(ctx, c.orthanc.url, "gantry")
				}
				_, ok := c.ask(ctx, c.orthanc.url, "gantry", rand.IntN(2) == 0)
				return ok
			})
		})
		c.start()
	}
	success, failure := c.checkPromised(c.orthanc.url)
	for _, uid := range c.stored {
		var found []struct{ Path string }
		ask(t, http.MethodPost, "http://"+c.gantry.http+"/tools/lookup", []byte(uid), &found)
		if len(found) != 1 {
			t.Errorf("%s was committed to and is there %d times", uid, len(found))
		}
	}
	c.gantry.endInPeace(t)
	checkAgreement(t, c.dir)
	t.Logf("Orthanc began %d requests, %d were answered with success, and it has %d reports: %d with success, %d with failures",
		c.opened, len(c.promised), success+failure, success, failure)
}

// TestGantryHasItsReportsAfterKills kills gantry while it stores into Orthanc, asks that for commitment and resubmits
// what failed: in the end each of its jobs has ended well, and no transaction pends. Orthanc sends a report once; where
// gantry was dead then, the test has Orthanc send it again.
func TestGantryHasItsReportsAfterKills(t *testing.T) {
	t.Parallel()
	c := newPact(t)
	for range crashes(t, 2) {
		c.gantry.crash(t, 4, 2+rand.IntN(30), func(ctx context.Context, answers chan<- struct{}) {
			untilItBreaks(ctx, answers, func() bool { return c.askOrthanc(ctx, "http://"+c.gantry.http) })
		})
		c.start()
	}
	base := "http://" + c.gantry.http
	c.settle(base)
	success, failure := c.checkPromised(base)
	c.gantry.endInPeace(t)
	checkAgreement(t, c.dir)
	t.Logf("gantry began %d requests, %d were answered with success, and it has %d reports on them: %d with success, %d with failures; %d jobs ended well",
		c.opened, len(c.promised), success+failure, success, failure, len(c.jobs))
}

// askOrthanc asks in one of the ways there are.
func (c *pact) askOrthanc(ctx context.Context, base string) bool {
	switch rand.IntN(3) {
	case 0:
		return c.storeAndCommit(ctx, base, "peer")
	case 1:
		return c.storeByJob(ctx, base)
	}
	transaction, ok := c.ask(ctx, base, "peer", rand.IntN(2) == 0)
	if !ok || c.isWhole(transaction) {
		return ok
	}
	return c.resubmit(ctx, base)
}

func (c *pact) isWhole(transaction string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.promised[transaction]
}

// storeByJob has gantry store a new object and ask for its commitment, and does not wait.
func (c *pact) storeByJob(ctx context.Context, base string) bool {
	o := newObject()
	var stored, job struct{ ID string }
	if !attempt(ctx, base+"/instances", o.file(c.t), &stored) {
		return false
	}
	body := fmt.Appendf(nil, `{"Resources": [%q], "StorageCommitment": true, "Asynchronous": true}`, stored.ID)
	c.begin()
	if !attempt(ctx, base+"/modalities/peer/store", body, &job) {
		return false
	}
	c.noteJob(job.ID)
	return true
}

// resubmit has gantry ask for an object that Orthanc does not have, and resubmit that when the report has come.
func (c *pact) resubmit(ctx context.Context, base string) bool {
	o := newObject()
	var stored, request, job struct{ ID string }
	if !attempt(ctx, base+"/instances", o.file(c.t), &stored) {
		return false
	}
	c.begin()
	body := fmt.Appendf(nil, `{"Resources": [%q], "Deadline": 3600}`, stored.ID)
	if !attempt(ctx, base+"/modalities/peer/storage-commitment", body, &request) {
		return false
	}
	c.promise(request.ID, false)
	for !attempt(ctx, base+"/storage-commitment/"+request.ID+"/resubmit", []byte(`{"Asynchronous": true}`), &job) {
		if ctx.Err() != nil || !c.gantry.alive() {
			return false
		}
	}
	c.noteJob(job.ID)
	return true
}

// alive tells whether a victim takes connections.
func (p *process) alive() bool {
	conn, err := net.Dial("tcp", p.http)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// hurryOrthanc has Orthanc send the reports again that it could not deliver.
func (c *pact) hurryOrthanc() {
	var jobs []struct{ ID, Type, State string }
	ask(c.t, http.MethodGet, c.orthanc.url+"/jobs?expand", nil, &jobs)
	for _, job := range jobs {
		if job.Type == "StorageCommitmentScp" && job.State == "Failure" {
			do(c.t, http.MethodPost, c.orthanc.url+"/jobs/"+job.ID+"/resubmit", nil) // it may be under way again already
		}
	}
}

// settle waits until all jobs have ended and no transaction pends, for as long as there are ever fewer of them.
func (c *pact) settle(base string) {
	c.t.Helper()
	for left := c.unsettled(base); len(left) > 0; {
		before := left
		eventually(c.t, fmt.Sprintf("of %d jobs and transactions fewer are left: %.1000s", len(left), left), func() bool {
			c.hurryOrthanc()
			left = c.unsettled(base)
			return len(left) < len(before)
		})
	}
}

// unsettled lists jobs that have not ended and transactions that pend; a job that failed is an error.
func (c *pact) unsettled(base string) (left []string) {
	var jobs []struct {
		ID, Type, State, ErrorDetails string
	}
	ask(c.t, http.MethodGet, base+"/jobs?expand", nil, &jobs)
	known := map[string]bool{}
	for _, job := range jobs {
		switch job.State {
		case "Success":
			known[job.ID] = true
		case "Failure":
			c.t.Fatalf("%s %s failed: %s", job.Type, job.ID, job.ErrorDetails)
		default:
			left = append(left, job.Type+" "+job.ID+" "+job.State)
			known[job.ID] = true
		}
	}
	for id := range c.jobs {
		if !known[id] {
			c.t.Fatalf("job %s is lost", id)
		}
	}
	var reports []struct{ ID, Status string }
	ask(c.t, http.MethodGet, base+"/storage-commitment?expand", nil, &reports)
	for _, report := range reports {
		if report.Status == "Pending" {
			left = append(left, report.ID)
		}
	}
	return left
}
