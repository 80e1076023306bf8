package daemon_test

import (
	"net"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
)

// Sends to a peer that hangs keep all slots of ConcurrentJobs, and more wait for them: a storage commitment request is
// answered with its report all the same.
func TestReportsDoNotWaitForHungSends(t *testing.T) {
	t.Parallel()
	book := &commitBook{asked: map[dicom.UID]bool{}, reports: map[dicom.UID]map[string]int{}, come: make(chan struct{}, 1)}
	back, err := net.ResolveTCPAddr("tcp", listenFor(t, book))
	if err != nil {
		t.Fatal(err)
	}
	port, came := hungPeer(t, true)
	s := start(t, func(c *config.Config) {
		c.ConcurrentJobs, c.DicomScuTimeout = 2, 3600
		c.DicomModalities = map[string]config.Modality{
			"hung": config.NewModality("HUNG", "127.0.0.1", port), "requester": config.NewModality("PEER", "127.0.0.1", back.Port)}
	})
	var stored struct{ ID string }
	s.post("/instances", newObject().file(t), &stored)
	ids := make([]string, 3)
	for i := range ids {
		ids[i] = send(t, s.url, "hung", stored.ID)
	}
	<-came
	<-came
	client, err := dialVictim(t.Context(), &process{dicom: s.DICOMAddr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Abort()
	rsp, err := client.Action(t.Context(), commitmentRequest("2.25.1", "1.2.3"))
	if err != nil || rsp.Err() != nil {
		t.Fatal(rsp, err)
	}
	<-book.come
	for i, want := range []string{"Running", "Running", "Pending"} {
		if got := stateOf(t, s.url, ids[i]); got != want {
			t.Errorf("send %d is %s, want %s", i, got, want)
		}
	}
}
