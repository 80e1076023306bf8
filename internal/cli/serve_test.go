package cli_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"gantry/internal/cli"
)

// ask sends a request and returns the body of its answer, which has to be 200.
func ask(t *testing.T, method, url, body string) string {
	t.Helper()
	rq, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	rq.Close = true
	answer, err := http.DefaultClient.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s %v", method, url, answer.StatusCode, text, err)
	}
	return string(text)
}

// POST /tools/reset starts everything anew from the configuration, on the same ports; POST /tools/shutdown ends it with 0.
func TestServeRestartsAndEndsWhenAsked(t *testing.T) {
	t.Parallel()
	stdout, w := io.Pipe()
	log := &strings.Builder{}
	env := cli.SystemEnv()
	env.Stdin, env.Stdout, env.Stderr, env.Environ = nil, w, log, nil
	env.Signals = func() (<-chan os.Signal, func()) { return make(chan os.Signal), func() {} }
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Main([]string{"serve", "--dicom-port", "0", "--http-port", "0", "--storage", t.TempDir()}, env)
		_ = w.Close()
	}()
	lines := bufio.NewScanner(stdout)
	address := func() string {
		if !lines.Scan() {
			t.Fatalf("the server is gone: %s", log)
		}
		found := ready.FindStringSubmatch(lines.Text())
		if found == nil {
			t.Fatalf("it said %q", lines.Text())
		}
		return found[2]
	}
	url := address()
	if now := ask(t, "PUT", url+"/tools/default-encoding", "Utf8"); now != "Utf8" {
		t.Errorf("found %q", now)
	}
	if answer := ask(t, "POST", url+"/tools/reset", ""); strings.TrimSpace(answer) != "{}" {
		t.Errorf("found %q", answer)
	}
	if again := address(); again != url {
		t.Errorf("it is at %s now, not at %s", again, url)
	}
	if now := ask(t, "GET", url+"/tools/default-encoding", ""); now != "Latin1" {
		t.Errorf("after the restart: %q", now)
	}
	if answer := ask(t, "POST", url+"/tools/shutdown", ""); strings.TrimSpace(answer) != "{}" {
		t.Errorf("found %q", answer)
	}
	if code := <-ended; code != 0 {
		t.Errorf("it ended with %d: %s", code, log)
	}
}
