package internal_test

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gantry/internal/cli"
	"gantry/internal/testkit"
)

// chapter returns a chapter of the README, without its heading.
func chapter(t *testing.T, heading string) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(testkit.ModuleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(readme), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("README.md has no chapter %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// Links within the README lead to headings it has.
func TestReadmeLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(testkit.ModuleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^##+ (.+)$`).FindAllSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(string(found[1])), "")
		headings[strings.ReplaceAll(name, " ", "-")] = true
	}
	for _, found := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllSubmatch(text, -1) {
		if !headings[string(found[1])] {
			t.Errorf("no heading for the link to #%s", found[1])
		}
	}
}

func TestReadmeNamesEveryPackage(t *testing.T) {
	t.Parallel()
	architecture := chapter(t, "Architecture")
	for pkg := range layers {
		if !strings.Contains(architecture, "`"+pkg+"`") && !strings.Contains(architecture, "`"+path.Base(pkg)+"`") {
			t.Errorf("the README's architecture does not say what internal/%s is", pkg)
		}
	}
}

func TestReadmeNamesEveryCommand(t *testing.T) {
	t.Parallel()
	commands := chapter(t, "Commands")
	for _, command := range cli.NewRoot(&cli.Env{Stdout: io.Discard, Stderr: io.Discard, Now: time.Now}).Commands() {
		if !command.Hidden && !strings.Contains(commands, "`gantry "+command.Name()) {
			t.Errorf("the README does not name gantry %s", command.Name())
		}
	}
}
