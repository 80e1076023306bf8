package services_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/testkit"
)

// The handlers that README.md prints do what it says of them.
func TestHandlersOfTheReadme(t *testing.T) {
	t.Parallel()
	for language, program := range map[string]string{"sh": "sh", "python": "python3"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			testkit.Program(t, program)
			dir := t.TempDir()
			handler, list := filepath.Join(dir, "handler"), filepath.Join(dir, "done.txt")
			if err := os.WriteFile(handler, []byte(printedHandler(t, language)), 0o700); err != nil {
				t.Fatal(err)
			}
			s := newSite(t, func(c *config.Config) {
				c.StorageCommitmentHandler, c.StorageCommitmentHandlerArguments = handler, []string{list}
			})
			r := newRequester(t)
			s.know("scu", modality(t, "SCU", r.addr))
			refs := append(s.putInto(3), ctRef("1.2.3"))
			done := string(refs[0].SOPInstanceUID) + "\n" + string(refs[2].SOPInstanceUID) + "\n1.2.3\n"
			if err := os.WriteFile(list, []byte(done), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := ask(t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
				t.Fatal(err)
			}
			got := reasons(r.next(t).data)
			for i, want := range []uint16{0, 0x110, 0, 0x112} {
				if got[refs[i]] != want {
					t.Errorf("instance %d: %04XH, want %04XH", i, got[refs[i]], want)
				}
			}
		})
	}
}

// printedHandler finds the handler in a language in README.md.
func printedHandler(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(text), "```"+language+"\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if strings.HasPrefix(block, "#!") && strings.Contains(block, "Storage commitment handler") {
			return block
		}
	}
	t.Fatal("README.md shows no handler in " + language)
	return ""
}
