package dul

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"gantry/internal/dul/pdu"
)

// grid is PS3.8 table 9-10: a line per event, a column per state; "AE-1/4" is
// action and next state, "-" an event that cannot happen. Where the table gives
// a choice both are written, this provider's first.
const grid = `
Evt1  AE-1/4 -       -       -      -       -       -           -       -       -        -       -       -
Evt2  -      -       -       AE-2/5 -       -       -           -       -       -        -       -       -
Evt3  -      AA-1/13 AA-8/13 -      AE-3/6  AA-8/13 AA-8/13     AA-8/13 AA-8/13 AA-8/13  AA-8/13 AA-8/13 AA-6/13
Evt4  -      AA-1/13 AA-8/13 -      AE-4/1  AA-8/13 AA-8/13     AA-8/13 AA-8/13 AA-8/13  AA-8/13 AA-8/13 AA-6/13
Evt5  AE-5/2 -       -       -      -       -       -           -       -       -        -       -       -
Evt6  -      AE-6/3|AE-6/13 AA-8/13 - AA-8/13 AA-8/13 AA-8/13   AA-8/13 AA-8/13 AA-8/13  AA-8/13 AA-8/13 AA-7/13
Evt7  -      -       AE-7/6  -      -       -       -           -       -       -        -       -       -
Evt8  -      -       AE-8/13 -      -       -       -           -       -       -        -       -       -
Evt9  -      -       -       -      -       DT-1/6  -           AR-7/8  -       -        -       -       -
Evt10 -      AA-1/13 AA-8/13 -      AA-8/13 DT-2/6  AR-6/7      AA-8/13 AA-8/13 AA-8/13  AA-8/13 AA-8/13 AA-6/13
Evt11 -      -       -       -      -       AR-1/7  -           -       -       -        -       -       -
Evt12 -      AA-1/13 AA-8/13 -      AA-8/13 AR-2/8  AR-8/9|AR-8/10 AA-8/13 AA-8/13 AA-8/13 AA-8/13 AA-8/13 AA-6/13
Evt13 -      AA-1/13 AA-8/13 -      AA-8/13 AA-8/13 AR-3/1      AA-8/13 AA-8/13 AR-10/12 AR-3/1  AA-8/13 AA-6/13
Evt14 -      -       -       -      -       -       -           AR-4/13 AR-9/11 -        -       AR-4/13 -
Evt15 -      -       AA-1/13 AA-2/1 AA-1/13 AA-1/13 AA-1/13     AA-1/13 AA-1/13 AA-1/13  AA-1/13 AA-1/13 -
Evt16 -      AA-2/1  AA-3/1  -      AA-3/1  AA-3/1  AA-3/1      AA-3/1  AA-3/1  AA-3/1   AA-3/1  AA-3/1  AA-2/1
Evt17 -      AA-5/1  AA-4/1  AA-4/1 AA-4/1  AA-4/1  AA-4/1      AA-4/1  AA-4/1  AA-4/1   AA-4/1  AA-4/1  AR-5/1
Evt18 -      AA-2/1  -       -      -       -       -           -       -       -        -       -       AA-2/1
Evt19 -      AA-1/13 AA-8/13 -      AA-8/13 AA-8/13 AA-8/13     AA-8/13 AA-8/13 AA-8/13  AA-8/13 AA-8/13 AA-7/13
`

// outcome is what can be seen of an action from outside.
type outcome struct {
	sends  string // type of the PDU sent
	closes bool
	timer  string // "runs", "stopped" or "" for as it was
	over   error  // what Err says afterwards, as far as the action decides it
}

var errGiven = fmt.Errorf("the reason given with the event")

// outcomes is PS3.8 tables 9-6 to 9-9. Every way to Sta1 closes the connection
// here, for one that the peer closed has to be freed too.
var outcomes = map[string]outcome{
	"AE-1/4":   {},
	"AE-2/5":   {sends: "A-ASSOCIATE-RQ"},
	"AE-3/6":   {},
	"AE-4/1":   {closes: true, over: errGiven},
	"AE-5/2":   {timer: "runs"},
	"AE-6/3":   {timer: "stopped"},
	"AE-6/13":  {sends: "A-ASSOCIATE-RJ", timer: "runs", over: errGiven},
	"AE-7/6":   {sends: "A-ASSOCIATE-AC"},
	"AE-8/13":  {sends: "A-ASSOCIATE-RJ", timer: "runs", over: errGiven},
	"DT-1/6":   {sends: "P-DATA-TF"},
	"DT-2/6":   {},
	"AR-1/7":   {sends: "A-RELEASE-RQ"},
	"AR-2/8":   {},
	"AR-3/1":   {closes: true, over: io.EOF},
	"AR-4/13":  {sends: "A-RELEASE-RP", timer: "runs", over: io.EOF},
	"AR-5/1":   {closes: true, timer: "stopped", over: errGiven},
	"AR-6/7":   {},
	"AR-7/8":   {sends: "P-DATA-TF"},
	"AR-8/9":   {},
	"AR-8/10":  {},
	"AR-9/11":  {sends: "A-RELEASE-RP"},
	"AR-10/12": {},
	"AA-1/13":  {sends: "A-ABORT", timer: "runs", over: errGiven},
	"AA-2/1":   {closes: true, timer: "stopped", over: errGiven},
	"AA-3/1":   {closes: true, over: errGiven},
	"AA-4/1":   {closes: true, over: errGiven},
	"AA-5/1":   {closes: true, timer: "stopped", over: errGiven},
	"AA-6/13":  {},
	"AA-7/13":  {sends: "A-ABORT"},
	"AA-8/13":  {sends: "A-ABORT", timer: "runs", over: errGiven},
}

// sink is a connection that keeps what is written, and on which nothing comes in.
type sink struct {
	net.Conn
	mu     sync.Mutex
	sent   []byte
	closed chan struct{}
	once   sync.Once
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, p...)
	return len(p), nil
}

func (s *sink) Read([]byte) (int, error) { <-s.closed; return 0, net.ErrClosed }
func (s *sink) Close() error             { s.once.Do(func() { close(s.closed) }); return nil }

func (s *sink) SetReadDeadline(time.Time) error  { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

func (s *sink) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

func TestStateTable(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(grid), "\n")
	if len(lines) != events {
		t.Fatalf("%d events", len(lines))
	}
	for _, line := range lines {
		fields := strings.Fields(line)
		var number int
		if _, err := fmt.Sscanf(fields[0], "Evt%d", &number); err != nil || len(fields) != states+1 {
			t.Fatalf("%q: %v", line, err)
		}
		for i, want := range fields[1:] {
			e, s := event(number), state(i+1)
			ours, other, choice := strings.Cut(want, "|")
			t.Run(fmt.Sprintf("%v/%v", s, e), func(t *testing.T) {
				t.Parallel()
				checkCell(t, s, e, ours, false)
				if choice {
					checkCell(t, s, e, other, true)
				}
			})
		}
	}
}

// checkCell lets an association that is in s meet e.
func checkCell(t *testing.T, s state, e event, want string, other bool) {
	conn := &sink{closed: make(chan struct{})}
	t.Cleanup(func() { _ = conn.Close() })
	a := newAssoc(nil, nil, timeouts{artim: time.Hour})
	a.use(conn, conn)
	a.state, a.requestor = s, !other
	timer := time.Now().Add(time.Minute)
	a.artim = timer
	err := a.step(e, input{pdu: samplePDU(e, other), err: errGiven, refuse: other, dial: func() error { return nil }})
	if want == "-" {
		if err == nil || a.current() != s || len(conn.sent) > 0 {
			t.Errorf("took an event that cannot happen: %v, %v", err, a.current())
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if next := want[strings.Index(want, "/")+1:]; a.current().String() != "Sta"+next {
		t.Errorf("%s: next state %v", want, a.current())
	}
	checkOutcome(t, a, conn, timer, want)
}

func checkOutcome(t *testing.T, a *Assoc, conn *sink, timer time.Time, want string) {
	w, ok := outcomes[want]
	if !ok {
		t.Fatalf("no such action: %s", want)
	}
	sent := ""
	if len(conn.sent) > 0 {
		sent = pdu.Type(conn.sent[0]).String()
	}
	if sent != w.sends {
		t.Errorf("%s: sent %q, want %q", want, sent, w.sends)
	}
	if conn.isClosed() != w.closes {
		t.Errorf("%s: closed %v", want, conn.isClosed())
	}
	got := "runs"
	switch {
	case a.artim.IsZero():
		got = "stopped"
	case a.artim.Equal(timer):
		got = ""
	}
	if got != w.timer {
		t.Errorf("%s: timer %q, want %q", want, got, w.timer)
	}
	if err := a.Err(); w.over != nil && !errors.Is(err, w.over) {
		t.Errorf("%s: over with %v", want, err)
	}
}

// samplePDU is what is to be sent at a local request, or for a refusal.
func samplePDU(e event, refuse bool) []byte {
	types := map[event]pdu.Type{evtConnected: pdu.TypeAssociateRQ, evtAccept: pdu.TypeAssociateAC,
		evtReject: pdu.TypeAssociateRJ, evtDataRequest: pdu.TypeData}
	if typ, ok := types[e]; ok {
		return []byte{byte(typ)}
	}
	if refuse && e == evtAssociateRQ {
		return []byte{byte(pdu.TypeAssociateRJ)}
	}
	return nil
}
