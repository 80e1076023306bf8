package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gantry/internal/cli"
	"gantry/internal/testkit"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"gantry": func() { os.Exit(cli.Main(os.Args[1:], cli.SystemEnv())) },
	})
}

// The scripts of testdata/script drive the program as a shell does. Beside testscript's own commands they have
//
//	serve NAME [ARG...]       starts a daemon; $NAME_DICOM and $NAME_HTTP are its addresses
//	stop NAME                 ends it in order and checks that it exits with 0
//	object FILE UID [CLASS]   writes a small object
//	port NAME                 sets $NAME to an address nobody listens on
//	hung NAME                 sets $NAME to an address that takes connections and never answers
//	job NAME URL PEER         has a daemon send an object it has to a peer; $NAME is the id of the job
//	commit NAME URL PEER UID  has a daemon ask a peer for commitment of a CT image; $NAME is the Transaction UID
//	beginning NAME FILE       sets $NAME to the first characters of an id that stands in the second line of a table
//	code N COMMAND...         runs gantry and checks its exit code
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join(testkit.ModuleRoot(t), "testdata", "script"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": scriptServe, "stop": scriptStop, "object": func(ts *testscript.TestScript, _ bool, args []string) { scriptObject(t, ts, args) },
			"port": func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv(args[0], freeAddress(t)) }, "code": scriptCode,
			"beginning": scriptBeginning, "hung": scriptHung, "job": scriptJob, "commit": scriptCommit,
		},
	})
}

// daemon is one that a script has started in this process.
type daemon struct {
	interrupt chan os.Signal
	ended     chan int
	stderr    *os.File
}

var ready = regexp.MustCompile(`DICOM \S+@\S*:(\d+), REST (http://\S+),`)

func scriptServe(ts *testscript.TestScript, _ bool, args []string) {
	name := args[0]
	stdout, w := io.Pipe()
	log, err := os.Create(ts.MkAbs(name + ".log"))
	ts.Check(err)
	d := &daemon{make(chan os.Signal, 1), make(chan int, 1), log}
	env := cli.SystemEnv()
	env.Stdin, env.Stdout, env.Stderr, env.Environ = nil, w, log, nil
	env.Signals = func() (<-chan os.Signal, func()) { return d.interrupt, func() {} }
	serve := append([]string{"serve", "--dicom-port", "0", "--http-port", "0", "--storage", ts.MkAbs(name)}, args[1:]...)
	go func() {
		d.ended <- cli.Main(serve, env)
		_ = w.Close()
	}()
	told := bufio.NewReader(stdout)
	line, err := told.ReadString('\n')
	go func() { _, _ = io.Copy(io.Discard, told) }()
	found := ready.FindStringSubmatch(line)
	if err != nil || found == nil {
		ts.Fatalf("serve: %q %v\n%s", line, err, ts.ReadFile(name+".log"))
	}
	ts.Setenv(name+"_DICOM", "127.0.0.1:"+found[1])
	ts.Setenv(name+"_HTTP", found[2])
	running.put(ts, name, d)
	ts.Defer(func() { running.stop(ts, name) })
}

func scriptStop(ts *testscript.TestScript, _ bool, args []string) {
	if code := running.stop(ts, args[0]); code != 0 {
		ts.Fatalf("serve ended with %d\n%s", code, ts.ReadFile(args[0]+".log"))
	}
}

func scriptObject(t *testing.T, ts *testscript.TestScript, args []string) {
	o := ct(args[1], args[1]+".1", args[1]+".2")
	if len(args) > 2 {
		o.class = classOf(args[2])
	}
	if len(args) > 3 {
		o.study = "" // the only thing that a fourth word can ask for
	}
	writeObject(t, filepath.Dir(ts.MkAbs(args[0])), filepath.Base(args[0]), o)
}

func scriptCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("gantry", args[1:]...)
	if got := fmt.Sprint(err); want == 0 && err != nil || want != 0 && got != "exit status "+args[0] {
		ts.Fatalf("gantry %v: %v, want exit status %d", args[1:], err, want)
	}
}

func scriptBeginning(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(ts.ReadFile(args[1]), "\n")
	if len(lines) < 2 || len(lines[1]) < 44 {
		ts.Fatalf("no id in %q", lines)
	}
	ts.Setenv(args[0], lines[1][:6])
}
