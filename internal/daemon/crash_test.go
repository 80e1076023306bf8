package daemon_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/daemon"
	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/scu"
	"gantry/internal/storage"
)

// victimDir names the variable that makes this test program a daemon to be killed, victimPeer that of the address of its
// modality, AET@HOST:PORT, and victimPort that of the DICOM port, if it is to be the same again.
const (
	victimDir  = "GANTRY_TEST_VICTIM"
	victimPeer = "GANTRY_TEST_PEER"
	victimPort = "GANTRY_TEST_PORT"
	// victimPatients names the variable of how many patients it keeps.
	victimPatients = "GANTRY_TEST_PATIENTS"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		victim(dir)
	}
	os.Exit(m.Run())
}

// victim runs a daemon until it is killed, or until its standard input ends.
func victim(dir string) {
	cfg := testConfig(dir)
	cfg.SegmentSize = 1
	cfg.JobsHistorySize, cfg.StorageCommitmentReportsSize = 1_000_000, 1_000_000
	aet, addr, _ := strings.Cut(os.Getenv(victimPeer), "@")
	if peer, err := net.ResolveTCPAddr("tcp", addr); err == nil && peer.Port != 0 {
		cfg.DicomModalities = map[string]config.Modality{"peer": config.NewModality(aet, "127.0.0.1", peer.Port)}
	}
	if port, err := strconv.Atoi(os.Getenv(victimPort)); err == nil {
		cfg.DicomPort = port
	}
	if n, err := strconv.Atoi(os.Getenv(victimPatients)); err == nil {
		cfg.MaximumPatientCount = n
	}
	d := daemon.New(cfg, daemon.Options{})
	if err := d.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(d.DICOMAddr(), d.HTTPAddr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := d.Stop(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// process is a victim in a process of its own.
type process struct {
	cmd         *exec.Cmd
	stdin       io.Closer
	stderr      bytes.Buffer
	dicom, http string
}

// startVictim runs a victim on a folder, under another program if one is given with its arguments.
func startVictim(t *testing.T, dir string, under ...string) *process {
	t.Helper()
	command := append(under, os.Args[0])
	p := &process{cmd: exec.Command(command[0], command[1:]...)}
	p.cmd.Env = append(os.Environ(), victimDir+"="+dir)
	p.cmd.Stderr = &p.stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = p.cmd.Wait()
		t.Fatalf("the daemon did not start: %v\n%s", err, p.stderr.String())
	}
	p.dicom, p.http, _ = strings.Cut(strings.TrimSpace(line), " ")
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// ledger is what the clients know: every object they sent, and whether it was answered with success.
type ledger struct {
	mu       sync.Mutex
	objects  map[dicom.UID]object
	answered map[dicom.UID]bool
}

func (l *ledger) note(o object, answered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.objects[o.instance] = o
	if answered {
		l.answered[o.instance] = true
	}
}

// TestNothingAnsweredIsLostByKill kills the daemon in the middle of four associations, again and again: each object
// that was answered with success is there and readable, each other one is there whole or not at all, and index and
// store agree. GANTRY_CRASHES sets how often.
func TestNothingAnsweredIsLostByKill(t *testing.T) {
	t.Parallel()
	crashes := crashes(t, 5)
	dir := t.TempDir()
	book := &ledger{objects: map[dicom.UID]object{}, answered: map[dicom.UID]bool{}}
	for range crashes {
		p := startVictim(t, dir)
		checkLedger(t, p, book)
		p.crash(t, 4, 1+rand.IntN(60), func(ctx context.Context, answers chan<- struct{}) {
			storeUntilItBreaks(ctx, t, p.dicom, book, answers)
		})
	}
	p := startVictim(t, dir)
	checkLedger(t, p, book)
	p.endInPeace(t)
	checkAgreement(t, dir)
	t.Logf("%d objects sent, %d answered with success, over %d crashes", len(book.objects), len(book.answered), crashes)
}

// crashes is how often a test kills its daemon: usually, or as GANTRY_CRASHES says.
func crashes(t *testing.T, usually int) int {
	t.Helper()
	text := os.Getenv("GANTRY_CRASHES")
	if text == "" {
		return usually
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// endInPeace stops a victim and wants that to succeed.
func (p *process) endInPeace(t *testing.T) {
	t.Helper()
	_ = p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("stopping in peace: %v\n%s", err, p.stderr.String())
	}
}

// crash runs work on several associations at once, each of which tells of its answers, and kills the daemon after that many.
func (p *process) crash(t *testing.T, associations, after int, work func(ctx context.Context, answers chan<- struct{})) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answers := make(chan struct{})
	var workers sync.WaitGroup
	for range associations {
		workers.Go(func() { work(ctx, answers) })
	}
	done := make(chan struct{})
	go func() {
		workers.Wait()
		close(done)
	}()
	for left := after; left > 0; left-- {
		select {
		case <-answers:
		case <-done:
			p.kill()
			t.Fatalf("all associations broke before the kill\n%s", p.stderr.String())
		}
	}
	p.kill()
	for {
		select {
		case <-answers:
		case <-done:
			return
		}
	}
}

func storeUntilItBreaks(ctx context.Context, t *testing.T, addr string, book *ledger, answers chan<- struct{}) {
	client, err := scu.Dial(ctx, scu.Config{Addr: addr, CallingAET: "CRASH", CalledAET: "GANTRY",
		Contexts: []dul.ProposedContext{{AbstractSyntax: string(dicom.CTImageStorage), TransferSyntaxes: []string{string(dicom.ExplicitVRLittleEndian)}}}})
	if err != nil {
		return
	}
	defer client.Abort()
	o := newObject()
	for {
		o.instance, o.side = dicom.NewUID(), 1+rand.IntN(200)
		book.note(o, false)
		response, err := client.Store(ctx, &scu.StoreRequest{SOPClassUID: class, SOPInstanceUID: o.instance,
			TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(o.dataset(t))})
		if err != nil || response.Err() != nil {
			return
		}
		book.note(o, true)
		select {
		case answers <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// checkLedger asks a freshly started daemon for everything that was ever sent.
func checkLedger(t *testing.T, p *process, book *ledger) {
	t.Helper()
	base := "http://" + p.http
	for uid, o := range book.objects {
		var found []struct{ Path string }
		ask(t, http.MethodPost, base+"/tools/lookup", []byte(uid), &found)
		if len(found) == 0 {
			if book.answered[uid] {
				t.Fatalf("%s was answered with success and is lost", uid)
			}
			continue
		}
		status, file := do(t, http.MethodGet, base+found[0].Path+"/file", nil)
		if status != http.StatusOK {
			t.Fatalf("%s cannot be read: status %d", uid, status)
		}
		if _, dataset := splitFile(t, file); !bytes.Equal(dataset, o.dataset(t)) {
			t.Fatalf("%s came back with other bytes", uid)
		}
	}
}

// checkAgreement looks for differences between the index and the store, reading every byte.
func checkAgreement(t *testing.T, dir string) {
	t.Helper()
	store, err := storage.Open(t.Context(), storage.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Check(t.Context(), storage.CheckOptions{Checksums: true}, func(f storage.Finding) {
		t.Errorf("check: %s %s: %s", f.Kind, f.Place, strings.TrimSpace(f.Problem))
	})
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
}
