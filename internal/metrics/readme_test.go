package metrics_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/testkit"
)

// The README lists every metric of ours with what it is.
func TestReadmeListsTheMetrics(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(testkit.ModuleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| metric | type | labels | what |\n|---|---|---|---|\n")
	for _, f := range enabled().Families() {
		if strings.HasPrefix(f.Name, "gantry_") {
			fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, strings.Join(f.Labels, ", "), f.Help)
		}
	}
	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("the README's table of metrics has to be\n%s", table.String())
	}
}
