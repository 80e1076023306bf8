package storage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gantry/internal/dicom/dict"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
	"gantry/internal/testkit"
)

// Every sample that Orthanc stores is stored here under the same ids, with the same main tags and metadata.
func TestSamplesAsOrthancStoresThem(t *testing.T) {
	t.Parallel()
	samples := testkit.Samples(t)
	base := startOrthanc(t)
	s := open(t, t.TempDir(), storage.LayoutLog, func(o *storage.Options) { o.DefaultCharset = "ISO_IR 100" })
	stored := 0
	err := filepath.WalkDir(samples, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(samples, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if theirs := upload(t, base, b); theirs.ID != "" {
			stored++
			compare(t, s, base, name, b, theirs)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("compared %d samples", stored)
	if stored < 30 {
		t.Errorf("Orthanc stores only %d samples", stored)
	}
}

type orthancAnswer struct{ ID, ParentSeries, ParentStudy, ParentPatient string }

func upload(t *testing.T, base string, b []byte) (a orthancAnswer) {
	t.Helper()
	rs, err := http.Post(base+"/instances", "application/dicom", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rs.Body.Close() }()
	if rs.StatusCode == http.StatusOK {
		if err := json.NewDecoder(rs.Body).Decode(&a); err != nil {
			a = orthancAnswer{} // an archive: a list
		}
	}
	return a
}

func fetch(t *testing.T, url string, into any) {
	t.Helper()
	rs, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rs.Body.Close() }()
	if err := json.NewDecoder(rs.Body).Decode(into); err != nil {
		t.Fatal(url, err)
	}
}

func compare(t *testing.T, s *storage.Store, base, name string, b []byte, theirs orthancAnswer) {
	t.Helper()
	rs, err := s.Put(t.Context(), &storage.PutRequest{Data: bytes.NewReader(b)})
	if err != nil {
		t.Errorf("%s: Orthanc stores it, we do not: %v", name, err)
		return
	}
	ours := orthancAnswer{rs.InstanceID.String(), rs.SeriesID.String(), rs.StudyID.String(), rs.PatientID.String()}
	if ours != theirs {
		t.Errorf("%s: ids %+v, Orthanc %+v", name, ours, theirs)
		return
	}
	var in *index.InstanceRow
	tags := map[string]index.Tags{}
	err = s.View(t.Context(), func(r index.ReadTx) error {
		p, err1 := r.Patient(rs.PatientID)
		st, err2 := r.Study(rs.StudyID)
		se, err3 := r.Series(rs.SeriesID)
		var err4 error
		in, err4 = r.Instance(rs.InstanceID)
		for _, err := range []error{err1, err2, err3, err4} {
			if err != nil {
				return err
			}
		}
		tags["patients/"+ours.ParentPatient], tags["studies/"+ours.ParentStudy] = p.Tags, st.Tags
		tags["series/"+ours.ParentSeries], tags["instances/"+ours.ID] = se.Tags, in.Tags
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, ours := range tags {
		var answer struct{ MainDicomTags map[string]any }
		fetch(t, base+"/"+path, &answer)
		compareTags(t, name, path, ours, answer.MainDicomTags)
	}
	compareMetadata(t, base, name, in)
}

// orthancErrs names the values that Orthanc itself decodes wrongly.
var orthancErrs = map[string]bool{
	"charset/chrH32.dcm PatientName": true, // JIS X 0201 in the first component group, JIS X 0208 in the others
}

func compareTags(t *testing.T, name, path string, ours index.Tags, theirs map[string]any) {
	t.Helper()
	for _, tag := range ours {
		entry, _ := dict.Lookup(tag.Tag)
		want, ok := theirs[entry.Keyword].(string)
		if items, sequence := theirs[entry.Keyword].([]any); sequence {
			want, ok = tag.Value, len(items) > 0 && strings.HasPrefix(tag.Value, "[{") // shown in another form
		}
		if (!ok || want != tag.Value) && !orthancErrs[name+" "+entry.Keyword] {
			t.Errorf("%s: %.10s %s is %q, Orthanc has %q (%v)", name, path, entry.Keyword, tag.Value, want, ok)
		}
		delete(theirs, entry.Keyword)
	}
	for key, value := range theirs {
		t.Errorf("%s: %.10s %s is absent, Orthanc has %q", name, path, key, value)
	}
}

func compareMetadata(t *testing.T, base, name string, in *index.InstanceRow) {
	t.Helper()
	var theirs map[string]string
	fetch(t, base+"/instances/"+in.ID.String()+"/metadata?expand", &theirs)
	ours := map[string]string{"TransferSyntax": string(in.TransferSyntax), "SopClassUid": string(in.SOPClassUID), "IndexInSeries": in.IndexInSeries}
	if in.PixelDataAt > 0 {
		ours["PixelDataOffset"] = fmt.Sprint(in.PixelDataAt)
	}
	for key, value := range ours {
		if theirs[key] != value {
			t.Errorf("%s: metadata %s is %q, Orthanc has %q", name, key, value, theirs[key])
		}
	}
}

// startOrthanc runs the newest Orthanc until the test ends and returns the root of its API.
func startOrthanc(t *testing.T) string {
	t.Helper()
	program, dir := testkit.NewestOrthanc(t), testkit.SharedDir(t)
	port := testkit.FreePort(t)
	config := fmt.Sprintf(`{"StorageDirectory":%q,"IndexDirectory":%q,"HttpPort":%d,"DicomServerEnabled":false,"AuthenticationEnabled":false}`,
		dir+"/db", dir+"/db", port)
	file := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, file)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started := make(chan bool, 1)
	go func() {
		var seen []byte
		buf := make([]byte, 4096)
		for {
			n, err := log.Read(buf)
			if seen = append(seen, buf[:n]...); bytes.Contains(seen, []byte("Orthanc has started")) || err != nil {
				started <- err == nil
				_, _ = io.Copy(io.Discard, log) // until it ends
				return
			}
		}
	}()
	t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	if !<-started {
		testkit.Missing(t, "an Orthanc that starts")
	}
	return fmt.Sprintf("http://127.0.0.1:%d", port)
}
