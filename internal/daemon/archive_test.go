package daemon_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/testkit"
)

// fill stores n images of 528 kB in one series and returns the id of their study, and the images.
func fill(t testing.TB, url string, n int) (study string, objects []object) {
	t.Helper()
	first := newObject()
	first.side = 512
	for range n {
		o := first
		o.instance = dicom.NewUID()
		var stored struct{ ParentStudy string }
		ask(t, http.MethodPost, url+"/instances", o.file(t), &stored)
		study, objects = stored.ParentStudy, append(objects, o)
	}
	return study, objects
}

func TestArchiveAsAJob(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	study, objects := fill(t, s.url, 5)
	var job struct{ ID, Path string }
	s.post("/studies/"+study+"/archive", []byte(`{"Asynchronous":true,"Filename":"../a\"b\r\n.zip","Priority":3,"UserData":{"x":1}}`), &job)
	var info struct {
		State, Type string
		Priority    int
		UserData    map[string]int
		Content     map[string]any
	}
	eventually(t, "the end of the job", func() bool { s.get(job.Path, &info); return info.State == "Success" })
	if info.Type != "Archive" || info.Priority != 3 || info.UserData["x"] != 1 || info.Content["InstancesCount"] != 5.0 ||
		info.Content["Description"] != "REST API" || info.Content["Utf8"] != false {
		t.Errorf("the job: %+v", info)
	}
	answer, err := http.Get(s.url + job.Path + "/archive")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || len(testkit.Unzip(t, archive)) != len(objects) || info.Content["ArchiveSize"] != fmt.Sprint(len(archive)) {
		t.Errorf("an archive of %d bytes: %v", len(archive), err)
	}
	if d := answer.Header.Get("Content-Disposition"); d != `filename=".._ab.zip"` {
		t.Errorf("Content-Disposition: %s", d)
	}
	status, rest := do(t, http.MethodGet, s.url+job.Path+"/archive", nil, "Range", "bytes=1000-", "If-Range", answer.Header.Get("ETag"))
	if status != http.StatusPartialContent || !bytes.Equal(rest, archive[1000:]) {
		t.Errorf("the rest: %d, %d bytes", status, len(rest))
	}
	if status, _ := do(t, http.MethodDelete, s.url+job.Path+"/archive", nil); status != http.StatusOK {
		t.Errorf("DELETE of the output: %d", status)
	}
}

func TestArchiveThatIsCompleteFirst(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) { cfg.SynchronousZipStream, cfg.TemporaryDirectory = false, t.TempDir() })
	study, objects := fill(t, s.url, 2)
	answer, err := http.Get(s.url + "/studies/" + study + "/media?filename=x.zip")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || int64(len(archive)) != answer.ContentLength || answer.Header.Get("Content-Disposition") != `filename="x.zip"` {
		t.Errorf("%d bytes of %d: %v, %s", len(archive), answer.ContentLength, err, answer.Header.Get("Content-Disposition"))
	}
	if files := testkit.Unzip(t, archive); files["DICOMDIR"] == nil || len(files) != len(objects)+1 {
		t.Errorf("%v", slices.Sorted(maps.Keys(files)))
	}
	if left, err := os.ReadDir(s.cfg.TemporaryDirectory); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// reading is a client that has begun to read an archive and stands still.
func reading(t *testing.T, s *server, study string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.HTTPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.(*net.TCPConn).SetReadBuffer(64 << 10)
	if _, err := fmt.Fprintf(c, "GET /studies/%s/archive HTTP/1.1\r\nHost: localhost\r\n\r\n", study); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	return c
}

// jobStates are the states of all jobs of archives.
func jobStates(s *server) (states []string) {
	var list []struct {
		State     string
		ErrorCode int
	}
	s.get("/jobs?expand", &list)
	for _, job := range list {
		states = append(states, fmt.Sprint(job.State, job.ErrorCode))
	}
	return states
}

func TestClientThatGoesAwayEndsTheJob(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) { cfg.HttpRequestTimeout = 600 })
	study, _ := fill(t, s.url, 40)
	c := reading(t, s, study)
	if states := jobStates(s); !slices.Equal(states, []string{"Running0"}) {
		t.Errorf("while the client stands still: %v", states)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the job", func() bool { return slices.Equal(jobStates(s), []string{"Failure37"}) })
}

func TestClientThatStandsStillIsGivenUp(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) { cfg.HttpRequestTimeout, cfg.ConcurrentJobs = 1, 1 })
	study, _ := fill(t, s.url, 40)
	c := reading(t, s, study)
	var job struct{ Path string }
	s.post("/tools/create-archive", []byte(fmt.Sprintf(`{"Resources":[%q],"Asynchronous":true}`, study)), &job)
	eventually(t, "the end of another job, though the only slot is wanted by a client that stands still", func() bool {
		var info struct{ State string }
		s.get(job.Path, &info)
		return info.State == "Success"
	})
	eventually(t, "the end of the job", func() bool {
		return slices.Contains(jobStates(s), "Failure9") || slices.Contains(jobStates(s), "Failure37")
	})
	answer, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n\r\n"), c)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	rest, _ := io.ReadAll(answer.Body)
	if bytes.Contains(rest, []byte("PK\x05\x06")) {
		t.Error("what was broken off has the end of an archive")
	}
}

// cancel of a streamed archive breaks the transfer at once, though the client does not read.
func TestCancelBreaksAStreamedArchive(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) { cfg.HttpRequestTimeout = 600 })
	study, _ := fill(t, s.url, 40)
	_ = reading(t, s, study)
	var ids []string
	s.get("/jobs", &ids)
	s.post("/jobs/"+ids[0]+"/cancel", []byte("{}"), nil)
	eventually(t, "the end of the job", func() bool { return slices.Equal(jobStates(s), []string{"Failure37"}) })
}

// A pause of a streamed archive breaks the transfer, so that nobody takes what came for the study.
func TestPauseBreaksAStreamedArchive(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) { cfg.HttpRequestTimeout = 600 })
	study, _ := fill(t, s.url, 40)
	c := reading(t, s, study)
	var ids []string
	s.get("/jobs", &ids)
	s.post("/jobs/"+ids[0]+"/pause", []byte("{}"), nil)
	eventually(t, "the end of the job", func() bool { return slices.Equal(jobStates(s), []string{"Failure37"}) })
	head := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	answer, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader(head), c)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadAll(answer.Body); err == nil {
		t.Error("the transfer ends like a good one")
	}
}

// A damaged object breaks the transfer, so that nobody takes what came for the study.
func TestDamagedObjectBreaksTheTransfer(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	study, objects := fill(t, s.url, 6)
	damage(t, s.cfg.StorageDirectory, objects[3].file(t))
	answer, err := http.Get(s.url + "/studies/" + study + "/archive")
	if err != nil {
		return // broken before the header
	}
	defer answer.Body.Close()
	archive, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode == http.StatusOK {
		t.Error("the transfer ends like a good one")
	}
	if _, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive))); err == nil {
		t.Error("what came is a valid archive")
	}
	eventually(t, "the end of the job", func() bool { return slices.Equal(jobStates(s), []string{"Failure20"}) })
}

// damage changes a byte at the end of a stored object.
func damage(t *testing.T, dir string, file []byte) {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, ".db") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		at := bytes.Index(b, file[len(file)-100_000:])
		if at < 0 {
			return nil
		}
		found = true
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte{^b[at]}, int64(at))
		return errors.Join(err, f.Close())
	})
	if err != nil || !found {
		t.Fatalf("the object was not found in the data folder: %v", err)
	}
}

// An archive that was being made when the daemon was killed is made by the next one, and one that was complete stays.
func TestArchivesSurviveKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startVictim(t, dir)
	study, objects := fill(t, "http://"+p.http, 60)
	var before, within struct{ Path string }
	body := []byte(fmt.Sprintf(`{"Resources":[%q],"Asynchronous":true}`, study))
	ask(t, http.MethodPost, "http://"+p.http+"/tools/create-archive", body, &before)
	state := func(path string) string {
		var info struct{ State string }
		ask(t, http.MethodGet, "http://"+p.http+path, nil, &info)
		return info.State
	}
	eventually(t, "the first archive", func() bool { return state(before.Path) == "Success" })
	_, first := do(t, http.MethodGet, "http://"+p.http+before.Path+"/archive", nil)
	ask(t, http.MethodPost, "http://"+p.http+"/tools/create-media", body, &within)
	p.kill()
	p = startVictim(t, dir)
	defer p.kill()
	eventually(t, "the second archive", func() bool { return state(within.Path) == "Success" })
	_, again := do(t, http.MethodGet, "http://"+p.http+before.Path+"/archive", nil)
	if !bytes.Equal(first, again) {
		t.Error("the finished archive is another one after the restart")
	}
	_, medium := do(t, http.MethodGet, "http://"+p.http+within.Path+"/archive", nil)
	if files := testkit.Unzip(t, medium); len(files) != len(objects)+1 {
		t.Errorf("%d files on the medium", len(files))
	}
	if status, answer := do(t, http.MethodPost, "http://"+p.http+before.Path+"/resubmit", nil); status != http.StatusBadRequest {
		t.Errorf("resubmit of a success: %d %s", status, answer)
	}
}

// A name that a request asks a download to be saved as leads out of no folder and ends no header, whatever is downloaded.
func TestDownloadsHaveSafeNames(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var stored struct{ ID string }
	s.post("/instances", newObject().file(t), &stored)
	for _, route := range []string{"/file", "/attachments/dicom/data"} {
		for asked, want := range map[string]string{"../../x\"\r\ny": `filename=".._.._xy"`, "ä.dcm": `filename="ä.dcm"; filename*=UTF-8''%C3%A4.dcm`} {
			answer, err := http.Get(s.url + "/instances/" + stored.ID + route + "?filename=" + url.QueryEscape(asked))
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if got := answer.Header.Get("Content-Disposition"); answer.StatusCode != http.StatusOK || got != want {
				t.Errorf("%s, %q: %d %s", route, asked, answer.StatusCode, got)
			}
		}
	}
}
