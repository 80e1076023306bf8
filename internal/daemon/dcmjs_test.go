package daemon_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/testkit"
)

// dcmjs is a peer on dcmjs-dimse, whose DICOM is neither DCMTK's nor ours.
type dcmjs struct {
	t      *testing.T
	tell   io.Writer
	events *bufio.Scanner
}

type dcmjsEvent struct {
	Event, Text, On, Transaction string
	Port, Type                   int
	Statuses                     []int
	Committed                    []string
	Failed                       [][2]any
}

// startDCMJS starts a peer, and declares it as js; it ends with the test.
func startDCMJS(t *testing.T, s *server) *dcmjs {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it may hang, and the test with it
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, testkit.Program(t, "node"), filepath.Join("testdata", "dcmjs", "peer.js"), "JSPEER", s.cfg.DicomAet, s.dicomPort())
	cmd.Env = append(os.Environ(), "NODE_PATH="+testkit.NodeModules(t))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // it ends with its input, or with the context
	})
	p := &dcmjs{t: t, tell: in, events: bufio.NewScanner(out)}
	peer := fmt.Sprintf(`["JSPEER", "127.0.0.1", %d]`, p.await("listening").Port)
	ask(t, http.MethodPut, s.url+"/modalities/js", []byte(peer), nil)
	return p
}

// await reads what happens up to an event, and fails on an error.
func (p *dcmjs) await(event string) dcmjsEvent {
	p.t.Helper()
	for p.events.Scan() {
		var e dcmjsEvent
		if err := json.Unmarshal(p.events.Bytes(), &e); err != nil || e.Event == "error" {
			p.t.Fatalf("dcmjs-dimse: %s (%v)", p.events.Bytes(), err)
		}
		if e.Event == event {
			return e
		}
	}
	p.t.Fatalf("dcmjs-dimse ended before it was %s: %v", event, p.events.Err())
	return dcmjsEvent{}
}

// dcmjs-dimse stores, several operations at once, asks for commitment, and takes the report on either association.
func TestDCMJSAsksGantryToCommit(t *testing.T) {
	t.Parallel()
	for delivery, on := range map[string]string{"new": "a new association", "same": "the same association"} {
		t.Run(delivery, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(cfg *config.Config) { cfg.StorageCommitmentDelivery = delivery })
			peer := startDCMJS(t, s)
			files, err := filepath.Glob(filepath.Join(testkit.ModuleRoot(t), "testdata", "ct", "*.dcm"))
			if err != nil || len(files) == 0 {
				t.Fatalf("%d files: %v", len(files), err)
			}
			order := map[string]any{"files": files, "absent": "1.2.3.4.5", "linger": 0}
			if delivery == "same" {
				order["linger"] = 60_000 // the report comes sooner, and the process ends with the test
			}
			if err := json.NewEncoder(peer.tell).Encode(order); err != nil {
				t.Fatal(err)
			}
			asked := peer.await("asked")
			if len(asked.Statuses) != 1+len(files)+1 || slices.Max(asked.Statuses) != 0 {
				t.Errorf("statuses of C-ECHO, C-STORE and N-ACTION: %v", asked.Statuses)
			}
			report := peer.await("report")
			if report.On != on || report.Type != 2 || report.Transaction != asked.Transaction {
				t.Errorf("report %+v, want one of type 2 on %s about %s", report, on, asked.Transaction)
			}
			if len(report.Committed) != len(files) || len(report.Failed) != 1 || fmt.Sprint(report.Failed[0]) != "[1.2.3.4.5 274]" {
				t.Errorf("report %+v, want %d committed and one that is not there", report, len(files))
			}
		})
	}
}

// dcmjs-dimse takes what a send job sends, and commits to it on an association of its own, without a role selection.
func TestGantryStoresIntoDCMJSAndHasItCommitted(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	peer := startDCMJS(t, s)
	o := newObject()
	s.post("/instances", o.file(t), nil)
	var instances []string
	s.get("/instances", &instances)
	body, err := json.Marshal(map[string]any{"Resources": instances, "StorageCommitment": true})
	if err != nil {
		t.Fatal(err)
	}
	var sent struct{ StorageCommitmentTransactionUID string }
	s.post("/modalities/js/store", body, &sent)
	if delivered := peer.await("delivered"); !slices.Equal(delivered.Statuses, []int{0}) {
		t.Errorf("N-EVENT-REPORT answered with %04XH", delivered.Statuses)
	}
	report := awaitReport(t, s.url, sent.StorageCommitmentTransactionUID)
	if report.Status != "Success" || len(report.Success) != 1 || report.Success[0].SOPInstanceUID != string(o.instance) {
		t.Errorf("report %+v", report)
	}
}
