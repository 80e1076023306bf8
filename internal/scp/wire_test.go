package scp_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/dul/pdu"
	"gantry/internal/scp"
)

// wire is a peer that writes PDUs as a test says.
type wire struct {
	t testing.TB
	net.Conn
}

// connect associates with the contexts of the function contexts and returns once the server has accepted.
func connect(t testing.TB, addr string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return associate(t, c, nil)
}

// associate asks for an association on a connection.
func associate(t testing.TB, c net.Conn, async *dul.AsyncWindow) *wire {
	t.Helper()
	w := &wire{t, c}
	rq := &pdu.AssociateRQ{
		ProtocolVersion: pdu.ProtocolVersion, CallingAET: "WIRE", CalledAET: "SERVER", ApplicationContext: pdu.ApplicationContext,
		UserInfo: pdu.UserInfo{MaxLength: 16384, ImplementationClassUID: "1.2.3", Async: async},
	}
	for i, pc := range contexts() {
		rq.Contexts = append(rq.Contexts, pdu.ProposedContext{
			ID: uint8(2*i + 1), AbstractSyntax: pc.AbstractSyntax, TransferSyntaxes: pc.TransferSyntaxes})
	}
	w.send(rq)
	if got := w.read(); got.Type() != pdu.TypeAssociateAC {
		t.Fatalf("association answered with %v", got.Type())
	}
	return w
}

func (w *wire) send(p pdu.PDU) {
	w.t.Helper()
	b, err := p.Append(nil)
	if err == nil {
		_, err = w.Write(b)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) read() pdu.PDU {
	w.t.Helper()
	head := make([]byte, pdu.HeaderSize)
	if _, err := io.ReadFull(w, head); err != nil {
		w.t.Fatal(err)
	}
	h, err := pdu.ParseHeader(head)
	if err != nil {
		w.t.Fatal(err)
	}
	body := make([]byte, h.Length)
	if _, err := io.ReadFull(w, body); err != nil {
		w.t.Fatal(err)
	}
	p, err := pdu.Decode(h, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func encode(t testing.TB, cmd dimse.Command) []byte {
	t.Helper()
	b, err := cmd.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A message in any number of pieces is the same message; odd pieces and empty ones too.
func TestCommandAndDataInPieces(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, scp.Config{Handler: &handler{}})
	w := connect(t, addr)
	cmd := encode(t, dimse.Command{Field: dimse.CStoreRQ, MessageID: 9, HasDataset: true,
		AffectedSOPClassUID: dicom.CTImageStorage, AffectedSOPInstanceUID: "1.2.3"})
	data := &pdu.Data{PDVs: []pdu.PDV{{ContextID: 3, Command: true}}}
	for i := range cmd {
		data.PDVs = append(data.PDVs, pdu.PDV{ContextID: 3, Command: true, Last: i == len(cmd)-1, Data: cmd[i : i+1]})
	}
	data.PDVs = append(data.PDVs, pdu.PDV{ContextID: 3, Data: []byte("abc")}, pdu.PDV{ContextID: 3})
	w.send(data)
	w.send(&pdu.Data{PDVs: []pdu.PDV{{ContextID: 3, Last: true, Data: []byte("d")}}})
	answer, ok := w.read().(*pdu.Data)
	if !ok || len(answer.PDVs) != 1 {
		t.Fatalf("answered with %+v", answer)
	}
	rsp, err := dimse.DecodeCommand(answer.PDVs[0].Data)
	if err != nil || rsp.Status != dimse.StatusSuccess || rsp.MessageIDRespondedTo != 9 {
		t.Errorf("answered with %+v, %v", rsp, err)
	}
}

// A UID that is longer than 64 characters is refused by the status of its service (PS3.7 C, PS3.4 B.2.3); the association
// goes on.
func TestUIDsThatAreTooLong(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, scp.Config{Handler: &handler{}})
	w := connect(t, addr)
	const affectedClass, requestedClass, affectedInstance, requestedInstance = 0x0002, 0x0003, 0x1000, 0x1001
	store := dimse.Command{Field: dimse.CStoreRQ, HasDataset: true, AffectedSOPClassUID: dicom.CTImageStorage, AffectedSOPInstanceUID: "1.2"}
	action := dimse.Command{Field: dimse.NActionRQ, RequestedSOPClassUID: "1.2", RequestedSOPInstanceUID: "1.2"}
	event := dimse.Command{Field: dimse.NEventReportRQ, AffectedSOPClassUID: "1.2", AffectedSOPInstanceUID: "1.2"}
	for i, tt := range []struct {
		context uint8
		cmd     dimse.Command
		element uint16
		want    dimse.Status
	}{
		{3, store, affectedInstance, dimse.StatusInvalidSOPInstance},
		{3, store, affectedClass, dimse.StatusSOPClassNotSupported},
		{1, dimse.Command{Field: dimse.CEchoRQ}, affectedClass, dimse.StatusSOPClassNotSupported},
		{5, action, requestedClass, dimse.StatusNoSuchSOPClass},
		{5, action, requestedInstance, dimse.StatusInvalidSOPInstance},
		{5, event, affectedClass, dimse.StatusNoSuchSOPClass},
		{5, event, affectedInstance, dimse.StatusInvalidSOPInstance},
		{3, dimse.Command{Field: dimse.CFindRQ}, affectedClass, dimse.StatusUnrecognizedOperation},
	} {
		tt.cmd.MessageID = uint16(i + 1)
		for _, n := range []int{65, 20_000} {
			cmd := append(encode(t, tt.cmd), 0, 0, byte(tt.element), byte(tt.element>>8), byte(n), byte(n>>8), 0, 0)
			cmd = append(cmd, bytes.Repeat([]byte("1"), n)...)
			var pdvs []pdu.PDV
			for piece := range slices.Chunk(cmd, 10_000) {
				pdvs = append(pdvs, pdu.PDV{ContextID: tt.context, Command: true, Data: piece})
			}
			pdvs[len(pdvs)-1].Last = true
			if tt.cmd.HasDataset {
				pdvs = append(pdvs, pdu.PDV{ContextID: tt.context, Last: true, Data: []byte("abcd")})
			}
			for _, pdv := range pdvs {
				w.send(&pdu.Data{PDVs: []pdu.PDV{pdv}})
			}
			answer, ok := w.read().(*pdu.Data)
			if !ok {
				t.Fatalf("%s with %04X of %d characters is not answered", tt.cmd.Service(), tt.element, n)
			}
			rsp, err := dimse.DecodeCommand(answer.PDVs[0].Data)
			if err != nil || rsp.Status != tt.want || rsp.MessageIDRespondedTo != tt.cmd.MessageID {
				t.Errorf("%s with %04X of %d characters: %+v, %v", tt.cmd.Service(), tt.element, n, rsp, err)
			}
		}
	}
}

// Where it cannot be told any more what belongs to which message the association is aborted, and the reason logged.
func TestBreachesOfTheExchangeAbort(t *testing.T) {
	t.Parallel()
	echo := encode(t, dimse.Command{Field: dimse.CEchoRQ, MessageID: 1, AffectedSOPClassUID: dicom.VerificationSOPClass})
	store := encode(t, dimse.Command{Field: dimse.CStoreRQ, MessageID: 1, HasDataset: true,
		AffectedSOPClassUID: dicom.CTImageStorage, AffectedSOPInstanceUID: "1.2.3"})
	for _, tt := range []struct {
		name string
		pdvs []pdu.PDV
		log  string
	}{
		{"data without a command", []pdu.PDV{{ContextID: 3, Last: true, Data: []byte("x")}}, "data set that no command announced"},
		{"command within a data set", []pdu.PDV{
			{ContextID: 3, Command: true, Last: true, Data: store}, {ContextID: 3, Command: true, Last: true, Data: echo},
		}, "command set where the rest of a data set was due"},
		{"command in pieces on two contexts", []pdu.PDV{
			{ContextID: 1, Command: true, Data: echo[:10]}, {ContextID: 3, Command: true, Last: true, Data: echo[10:]},
		}, "message on presentation context 1 interrupted by one on 3"},
		{"data set on two contexts", []pdu.PDV{
			{ContextID: 3, Command: true, Last: true, Data: store}, {ContextID: 1, Last: true, Data: []byte("x")},
		}, "message on presentation context 3 interrupted by one on 1"},
		{"context that was not negotiated", []pdu.PDV{{ContextID: 7, Command: true, Last: true, Data: echo}}, "7"},
		{"command set of noise", []pdu.PDV{{ContextID: 1, Command: true, Last: true, Data: []byte("not a command set")}}, "command set: element"},
		{"command set without end", []pdu.PDV{{ContextID: 1, Command: true, Data: make([]byte, 40000)},
			{ContextID: 1, Command: true, Data: make([]byte, 40000)}}, "command set of more than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := new(logBuffer)
			_, addr := serve(t, scp.Config{Handler: &handler{}, Logger: log.logger()})
			w := connect(t, addr)
			w.send(&pdu.Data{PDVs: tt.pdvs})
			if p := w.read(); p.Type() != pdu.TypeAbort {
				t.Errorf("answered with %v, want A-ABORT", p.Type())
			}
			if line := log.wait(t, "association ended"); !strings.Contains(line, tt.log) {
				t.Errorf("logged %swant %q", line, tt.log)
			}
		})
	}
}

// A peer that goes away within an object leaves nothing that was answered, and the handler learns of it.
func TestPeerGoesAwayWithinAnObject(t *testing.T) {
	t.Parallel()
	store := encode(t, dimse.Command{Field: dimse.CStoreRQ, MessageID: 1, HasDataset: true,
		AffectedSOPClassUID: dicom.CTImageStorage, AffectedSOPInstanceUID: "1.2.3"})
	for name, leave := range map[string]func(w *wire){
		"close":   func(w *wire) { _ = w.Close() },
		"abort":   func(w *wire) { w.send(&pdu.Abort{}) },
		"release": func(w *wire) { w.send(&pdu.ReleaseRQ{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan error, 1)
			h := &failing{ended}
			watched := newWatch()
			_, addr := serve(t, scp.Config{Handler: h, Observer: watched.observer(), Operations: 1})
			w := connect(t, addr)
			w.send(&pdu.Data{PDVs: []pdu.PDV{{ContextID: 3, Command: true, Last: true, Data: store}, {ContextID: 3, Data: []byte("begin")}}})
			leave(w)
			if err := <-ended; err == nil || errors.Is(err, io.EOF) {
				t.Errorf("the handler read to the end: %v", err)
			}
			if err := <-watched.closed; err == nil {
				t.Error("counts as released")
			}
			watched.note(func() {
				if len(watched.operations) != 0 {
					t.Errorf("answered: %+v", watched.operations)
				}
			})
			mustStore(t, dial(t, clientConfig(addr)), object(10)) // the slot is free again
		})
	}
}
