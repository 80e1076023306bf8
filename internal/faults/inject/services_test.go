package inject_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/faults"
	"gantry/internal/faults/inject"
	"gantry/internal/scp"
)

// serve runs a server that offers query and retrieval, with faults, and returns an association with it.
func serve(t *testing.T, rules ...string) *dimse.Session {
	t.Helper()
	set := new(faults.Set)
	for _, text := range rules {
		r, err := faults.Parse(text)
		if err == nil {
			_, err = set.Add(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	little := []dicom.UID{dicom.ExplicitVRLittleEndian}
	cfg := scp.Config{Accept: scp.AcceptClasses([]dicom.UID{class}, little)}
	inject.New(set, slog.New(slog.DiscardHandler), nil).Install(&cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	go func() { done <- scp.NewServer(cfg).Serve(ctx, ln) }()
	assoc, err := dul.Dial(ctx, ln.Addr().String(), dul.Config{CallingAET: "ME", CalledAET: "GANTRY",
		Contexts: []dul.ProposedContext{{AbstractSyntax: string(class), TransferSyntaxes: []string{string(little[0])}}}})
	if err != nil {
		t.Fatal(err)
	}
	session := dimse.NewSession(dimse.NewConn(assoc), dimse.SessionOptions{})
	go func() { _ = session.Run(ctx); done <- nil }()
	t.Cleanup(func() {
		cancel()
		<-done
		<-done
	})
	return session
}

const class = dicom.StudyRootQueryRetrieveInformationModelFind

// Every service has its name in rules. Query and retrieval need no handler for that: the fault comes before it, as what
// is answered without one (0211H) shows.
func TestFaultsOfQueryAndRetrieval(t *testing.T) {
	t.Parallel()
	session := serve(t, "find status=A700 once", "move status=A801 once", "get status=A702 once", "any status=0110 after=3 once")
	var ds dicom.Dataset
	ds.SetString(dicom.TagQueryRetrieveLevel, dicom.VRCS, "STUDY")
	query, err := codec.Marshal(&ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field uint16
		want  dimse.Status
	}{
		{dimse.CFindRQ, 0xA700}, {dimse.CMoveRQ, 0xA801}, {dimse.CGetRQ, 0xA702},
		{dimse.CFindRQ, 0x0110}, {dimse.CFindRQ, dimse.StatusUnrecognizedOperation},
	} {
		cmd := &dimse.Command{Field: c.field, AffectedSOPClassUID: class, MoveDestination: "ME"}
		reply, err := session.Do(t.Context(), 1, cmd, bytes.NewReader(query))
		if err != nil || reply.Command.Status != c.want {
			t.Errorf("%#04x: %+v %v, want %v", c.field, reply, err, c.want)
		}
		if err == nil && c.want == 0xA700 && strings.Contains(reply.Command.ErrorComment, "fault") {
			t.Errorf("the peer is told that the fault is one: %q", reply.Command.ErrorComment)
		}
	}
}
