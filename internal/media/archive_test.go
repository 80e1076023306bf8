package media_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gantry/internal/media"
	"gantry/internal/storage/index"
	"gantry/internal/testkit"
	"gantry/internal/tools/phantom"
)

// ids are the instances of a store by the bytes of their files.
func contents(t *testing.T, files map[string][]byte) map[string]string {
	t.Helper()
	byContent := map[string]string{}
	for name, b := range files {
		byContent[string(b)] = name
	}
	return byContent
}

func TestAnArchiveHoldsEveryStoredByte(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	putFolder(t, s, testkit.Samples(t))
	for i, side := range []int{1, 64, 512, 571, 573, 900} { // below, about and above the size of a block
		putImage(t, s, phantom.Image{Study: "1.2.3", Series: "1.2.3.4", Instance: uid(fmt.Sprintf("1.2.3.4.%d", i)), Number: i, Side: side})
	}
	archive := write(t, s, media.Options{})
	found := contents(t, testkit.Unzip(t, archive))
	count := 0
	err := s.View(t.Context(), func(tx index.ReadTx) error {
		rows, err := tx.Instances(0, index.ID{}, 0, 10_000)
		for _, row := range rows {
			if _, ok := found[string(stored(t, s, row.ID))]; !ok {
				t.Errorf("instance %s is not in the archive, or not as it is stored", row.ID)
			}
		}
		count = len(rows)
		return err
	})
	if err != nil || count != len(found) {
		t.Errorf("%d instances, %d files: %v", count, len(found), err)
	}
	if again := write(t, s, media.Options{}); !bytes.Equal(again, archive) {
		t.Error("the same plan gives another archive the second time")
	}
	testForeign(t, archive)
}

// testForeign lets Info-ZIP look at an archive.
func testForeign(t *testing.T, archive []byte) {
	t.Helper()
	program := testkit.Program(t, "unzip")
	file := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(file, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "-tq", file).CombinedOutput(); err != nil {
		t.Errorf("unzip -t: %v\n%s", err, out)
	}
}
