package services_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/scp"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
	"gantry/internal/testkit"
	"gantry/internal/tools/phantom"
)

// implicitSink is a peer that takes what every peer has to take, and nothing else.
type implicitSink struct {
	mu  sync.Mutex
	got map[dicom.UID][]byte
}

func (k *implicitSink) Store(_ context.Context, rq *scp.StoreRequest) error {
	data, err := io.ReadAll(rq.Data)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got[rq.SOPInstanceUID] = data
	return err
}

func newImplicitSink(t *testing.T, s *site, change func(*config.Modality)) *implicitSink {
	t.Helper()
	k := &implicitSink{got: map[dicom.UID][]byte{}}
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := serve(t, ctx, "127.0.0.1:0", scp.Config{Handler: k, Accept: func(_ *scp.Peer, _ dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
		if proposed[0] == dicom.ImplicitVRLittleEndian {
			return proposed[0], scp.Accepted
		}
		return "", scp.TransferSyntaxesNotSupported
	}})
	t.Cleanup(func() { cancel(); <-done })
	m := modality(t, "SINK", addr)
	if change != nil {
		change(&m)
	}
	s.know("sink", m)
	return k
}

// putAs stores one image in a transfer syntax and returns its data set in Implicit VR Little Endian.
func (s *site) putAs(syntax dicom.UID) (index.Reference, []byte) {
	s.t.Helper()
	i := phantom.Image{Study: "1.2.3", Series: "1.2.3.1", Instance: dicom.NewUID(), Side: 40}
	data, err := i.Dataset()
	if err != nil {
		s.t.Fatal(err)
	}
	explicit, wanted := dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian), dicom.LookupTransferSyntax(syntax)
	convert := func(to dicom.TransferSyntax) []byte {
		b, err := io.ReadAll(codec.Convert(bytes.NewReader(data), explicit, to, codec.Limits{}))
		if err != nil {
			s.t.Fatal(err)
		}
		return b
	}
	stored := data
	if codec.Convertible(explicit, wanted) {
		stored = convert(wanted)
	}
	_, err = s.store.Put(s.t.Context(), &storage.PutRequest{Data: bytes.NewReader(stored), Received: true,
		SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: i.Instance, TransferSyntax: syntax})
	if err != nil {
		s.t.Fatal(err)
	}
	return index.Reference{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: i.Instance},
		convert(dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian))
}

// A peer that takes Implicit VR Little Endian only (PS3.5 10.1) gets native objects in it, whatever they are stored in.
func TestSendConverts(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	k := newImplicitSink(t, s, nil)
	var refs []index.Reference
	want := map[dicom.UID][]byte{}
	for _, syntax := range []dicom.UID{
		dicom.ImplicitVRLittleEndian, dicom.ExplicitVRLittleEndian, dicom.ExplicitVRBigEndian, dicom.DeflatedExplicitVRLittleEndian,
	} {
		ref, data := s.putAs(syntax)
		refs, want[ref.SOPInstanceUID] = append(refs, ref), data
	}
	info, err := s.engine.Run(t.Context(), s.newSend(jobkinds.SendOptions{Resources: s.instances(refs)}), jobs.Options{})
	if err != nil || info.State != jobs.Success {
		t.Fatalf("%+v %v", info, err)
	}
	for uid, data := range want {
		if !bytes.Equal(k.got[uid], data) {
			t.Errorf("%s: %d bytes came, want %d", uid, len(k.got[uid]), len(data))
		}
	}
}

// What is not converted ends with code 2015 and a text that says why: compressed objects, and any with AllowTranscoding off.
func TestSendDoesNotConvert(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		stored dicom.UID
		change func(*config.Modality)
		why    string
	}{
		"compressed":           {dicom.JPEGBaseline8Bit, nil, "compressed objects are sent as they are stored"},
		"AllowTranscoding off": {dicom.ExplicitVRLittleEndian, func(m *config.Modality) { m.AllowTranscoding = false }, "AllowTranscoding"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			k := newImplicitSink(t, s, x.change)
			ref, _ := s.putAs(x.stored)
			native, _ := s.putAs(dicom.ImplicitVRLittleEndian)
			resources := s.instances([]index.Reference{ref, native})
			info, err := s.engine.Run(t.Context(), s.newSend(jobkinds.SendOptions{Resources: resources}), jobs.Options{})
			if err != nil || info.State != jobs.Failure || info.ErrorCode != jobs.CodeNoContext || !strings.Contains(info.ErrorDetails, x.why) {
				t.Errorf("%+v %v", info, err)
			}
			info, err = s.engine.Run(t.Context(), s.newSend(jobkinds.SendOptions{Resources: resources, Permissive: true}), jobs.Options{})
			if err != nil || info.State != jobs.Success || len(k.got) != 1 {
				t.Errorf("permissive: %d came, %+v %v", len(k.got), info, err)
			}
		})
	}
}

// DCMTK's storescp with +xi takes Implicit VR Little Endian only.
func TestSendConvertsForDCMTK(t *testing.T) {
	t.Parallel()
	storescp, dcmdump := testkit.Program(t, "storescp"), testkit.Program(t, "dcmdump")
	s, dir := newSite(t, nil), t.TempDir()
	m := config.NewModality("STORESCP", "127.0.0.1", testkit.FreePort(t))
	cmd := exec.CommandContext(t.Context(), storescp, "+xi", "-od", dir, "-aet", "STORESCP", strconv.Itoa(m.Port))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s.know("sink", m)
	tick := time.NewTicker(20 * time.Millisecond) // it has no other way to say that it listens
	defer tick.Stop()
	for s.peers.Echo(t.Context(), m, jobkinds.Call{}) != nil && t.Context().Err() == nil {
		<-tick.C
	}
	var refs []index.Reference
	for _, syntax := range []dicom.UID{dicom.ExplicitVRLittleEndian, dicom.ExplicitVRBigEndian} {
		ref, _ := s.putAs(syntax)
		refs = append(refs, ref)
	}
	info, err := s.engine.Run(t.Context(), s.newSend(jobkinds.SendOptions{Resources: s.instances(refs)}), jobs.Options{})
	if err != nil || info.State != jobs.Success {
		t.Fatalf("%+v %v", info, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(refs) {
		t.Fatalf("%d files came, %v", len(files), err)
	}
	for _, f := range files {
		out, err := exec.CommandContext(t.Context(), dcmdump, filepath.Join(dir, f.Name())).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "=LittleEndianImplicit") {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
