package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/testkit"
)

// readers are the parts of the contract that change nothing in a library that they share.
var readers = map[string]func(*pair){
	"lists": askLists, "neighbours": askNeighbours, "requested tags": askRequestedTags, "find": askFind, "find in bodies": askBodies,
	"find in order": askOrder, "bulk content": askBulkContent, "tags": askTags, "modules": askModules, "archives": askArchives,
	"pictures": askPictures,
}

// writers have servers of their own.
var writers = map[string]func(*testing.T, *contract){
	"tools": askTools, "errors": askErrors, "login": askLogin, "annotations": askAnnotations,
	"revisions": askRevisions, "deletions": askDeletions, "modalities": askModalities, "job control": askJobControl, "job fields": askJobFields,
	"options": askOptions, "reports": askReports, "limits": askLimits, "size limit": askSizeLimit, "stable": askStable,
	"extra main tags": askExtraMainTags, "program": askAsAProgram,
}

// TestContract asks gantry and the newest Orthanc the same questions over the same objects. Status, headers that matter
// and bodies have to be the same but for the intended differences. With a release of Orthanc other than the one gantry
// follows, what differs is reported and fails nothing.
func TestContract(t *testing.T) {
	t.Parallel()
	testkit.Samples(t)
	c := &contract{program: testkit.NewestOrthanc(t), met: map[*place]int{}}
	all := true
	t.Run("all", func(t *testing.T) {
		for name, ask := range writers {
			ran := t.Run(name, func(t *testing.T) {
				t.Parallel()
				c.ran.Add(1)
				ask(t, c)
			})
			all = all && ran
		}
		t.Run("library", func(t *testing.T) {
			t.Parallel()
			p := c.library(t)
			for name, ask := range readers {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					c.ran.Add(1)
					ask(p.on(t))
				})
			}
		})
	})
	t.Logf("%d questions, %d intended differences", c.asked.Load(), len(differences))
	if all && !t.Failed() && int(c.ran.Load()) == len(readers)+len(writers) {
		c.reportUnmet(t)
	}
}

// TestReadmeListsTheDifferences holds the README's list of intended differences to the one that the contract uses.
func TestReadmeListsTheDifferences(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(testkit.ModuleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if table := differencesTable(); !strings.Contains(string(readme), table) {
		t.Errorf("the README does not have this table:\n\n%s", table)
	}
}
