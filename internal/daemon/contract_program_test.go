package daemon_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/testkit"
)

// askAsAProgram runs a program that talks to a server as pyorthanc and orthanc-api-client do, with both, and compares what
// it got, step by step.
func askAsAProgram(t *testing.T, c *contract) {
	python := testkit.Program(t, "python3")
	p := c.pair(t, nil)
	sink := start(t, nil)
	var steps [2][]string
	for i, base := range []string{p.ours, p.theirs} {
		cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "client.py"), base, testkit.Samples(t), sink.dicomPort())
		var failed bytes.Buffer
		cmd.Stderr = &failed
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", base, err, failed.String())
		}
		lines := bufio.NewScanner(bytes.NewReader(out))
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			steps[i] = append(steps[i], lines.Text())
		}
	}
	if len(steps[0]) != len(steps[1]) {
		t.Fatalf("%d steps, with Orthanc %d", len(steps[0]), len(steps[1]))
	}
	for i := range steps[0] {
		p.asked.Add(1)
		var answers [2]answer
		var name string
		for j := range answers {
			var step struct {
				Step   string
				Result any
			}
			decoder := json.NewDecoder(strings.NewReader(steps[j][i]))
			decoder.UseNumber()
			if err := decoder.Decode(&step); err != nil {
				t.Fatalf("%v: %s", err, steps[j][i])
			}
			name, answers[j].body = step.Step, tidy(step.Result, false)
		}
		p.compare(question{request: fmt.Sprintf("PROGRAM %s", name)}, answers[0], answers[1])
	}
}
