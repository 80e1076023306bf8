package internal_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"gantry/internal/testkit"
)

// TestReadmeCommandsRun types the README's tour as it is written: every line that begins with "$ " in a console block,
// one after the other in one shell, on a copy of the tree's testdata. Lines that end with "&" go on in the background
// and have to open their ports. Each command has to succeed, and what it prints has to look like what the README shows.
func TestReadmeCommandsRun(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the tour is for a POSIX shell")
	}
	root := testkit.ModuleRoot(t)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	tour := newTour(t, root)
	steps := consoleSteps(string(readme))
	if len(steps) < 8 {
		t.Fatalf("only %d commands found in the README", len(steps))
	}
	for _, step := range steps {
		tour.run(t, step)
	}
}

// step is one command of the README with the output that is shown below it.
type step struct{ command, shown string }

// consoleSteps collects the commands of all ```console blocks; a line that ends with a backslash goes on.
func consoleSteps(readme string) []step {
	var steps []step
	inside, continued := false, false
	for line := range strings.Lines(readme) {
		text := strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(text, "```"):
			inside = text == "```console"
			continued = false
		case !inside:
		case strings.HasPrefix(text, "$ "):
			steps = append(steps, step{command: text[2:]})
			continued = strings.HasSuffix(text, `\`)
		case continued:
			steps[len(steps)-1].command += "\n" + text
			continued = strings.HasSuffix(text, `\`)
		case len(steps) > 0:
			steps[len(steps)-1].shown += line
		}
	}
	return steps
}

// tour is a shell in a folder that looks like the project's, with a gantry of its own on free ports.
type tour struct {
	dir    string
	env    []string
	ports  *strings.Replacer // the README's ports to the ones in use here
	opened []string
}

func newTour(t *testing.T, root string) *tour {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "bin", "gantry")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/gantry")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	if err := os.CopyFS(filepath.Join(dir, "testdata", "ct"), os.DirFS(filepath.Join(root, "testdata", "ct"))); err != nil {
		t.Fatal(err)
	}
	port := func() string { return strconv.Itoa(testkit.FreePort(t)) }
	dicom, http, report := port(), port(), port()
	return &tour{dir: dir, opened: []string{dicom, http},
		ports: strings.NewReplacer("4242", dicom, "8042", http, "11112", report, "./gantry", "gantry"),
		env: append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
			"GANTRY_DICOM_PORT="+dicom, "GANTRY_HTTP_PORT="+http, "GANTRY_URL=http://127.0.0.1:"+http)}
}

func (r *tour) run(t *testing.T, s step) {
	t.Helper()
	command := r.ports.Replace(s.command)
	if strings.HasPrefix(s.command, "go ") {
		return // building and testing is what got us here; serving is tried with &
	}
	if background, found := strings.CutSuffix(command, "&"); found {
		r.runInBackground(t, background)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	output, err := r.shell(ctx, command).CombinedOutput()
	if err != nil {
		t.Fatalf("$ %s\n%v\n%s", s.command, err, output)
	}
	if got, want := looks(r.ports.Replace(s.shown)), looks(string(output)); got != want {
		t.Errorf("$ %s\nthe README shows\n%s\nbut it prints\n%s\ncompared as\n%s\nand\n%s", s.command, s.shown, output, got, want)
	}
}

func (r *tour) shell(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env, cmd.WaitDelay = r.dir, r.env, time.Second
	return cmd
}

func (r *tour) runInBackground(t *testing.T, command string) {
	t.Helper()
	cmd := r.shell(context.Background(), "exec "+command)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("$ %s\n%s", command, log.String())
		}
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, port := range r.opened {
		for attempt := 0; ; attempt++ {
			conn, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err == nil {
				_ = conn.Close()
				break
			}
			if attempt > 2000 {
				t.Fatalf("$ %s\ndid not open port %s", command, port)
			}
			<-tick.C
		}
	}
}

// What differs from run to run: numbers with their units, identifiers, times. Words and their order have to agree.
var changing = []*regexp.Regexp{
	regexp.MustCompile(`2\.25\.\d+(\.\d+)*`),
	regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4,12}){4}`),
	regexp.MustCompile(`\d{8}T\d{6}(\.\d+)?`),
	regexp.MustCompile(`\d+(\.\d+)?\s*(ns|µs|ms|s|kB|MB|GB|KiB|MiB|GiB|B)?(/s)?`),
	regexp.MustCompile(`[─━\-+│ ]+`), // the width of tables
}

// looks reduces output to what stays the same.
func looks(output string) string {
	var lines []string
	scanner := bufio.NewScanner(strings.NewReader(output))
	for scanner.Scan() {
		line := scanner.Text()
		for i, pattern := range changing {
			with := "#"
			if i == len(changing)-1 {
				with = " "
			}
			line = pattern.ReplaceAllString(line, with)
		}
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// TestReadmeGivesAReasonForEveryDependency looks for each direct requirement of go.mod in the README.
func TestReadmeGivesAReasonForEveryDependency(t *testing.T) {
	t.Parallel()
	root := testkit.ModuleRoot(t)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	requirements, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(requirements)) {
		if fields := strings.Fields(line); len(fields) == 2 && strings.HasPrefix(fields[1], "v") &&
			!bytes.Contains(readme, []byte(fields[0])) {
			t.Errorf("README.md does not say what %s is for", fields[0])
		}
	}
}
