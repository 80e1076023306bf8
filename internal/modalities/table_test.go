package modalities

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"gantry/internal/config"
)

type keeper struct {
	rows map[string][]byte
	fail error
}

func (k *keeper) Load(context.Context) (map[string][]byte, error) { return maps.Clone(k.rows), k.fail }

func (k *keeper) Put(_ context.Context, name string, row []byte) error {
	if k.fail == nil {
		k.rows[name] = row
	}
	return k.fail
}

func (k *keeper) Delete(_ context.Context, name string) error {
	if k.fail == nil {
		delete(k.rows, name)
	}
	return k.fail
}

func peers() map[string]config.Modality {
	return map[string]config.Modality{
		"ct":  config.NewModality("CT1", "10.0.0.1", 104),
		"ct2": config.NewModality("ct1", "10.0.0.2", 104),
		"pax": config.NewModality("PACS", "10.0.0.3", 11112),
	}
}

func names(entries []Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Name)
	}
	return out
}

// Option StrictAetComparison; spaces around an AE title never count (PS3.5 6.2).
func TestFindByAET(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		strict bool
		aet    string
		want   []string
	}{
		{false, "CT1", []string{"ct", "ct2"}},
		{false, "  cT1 ", []string{"ct", "ct2"}},
		{true, "CT1", []string{"ct"}},
		{true, " ct1", []string{"ct2"}},
		{true, "Ct1", nil},
		{false, "", nil},
	} {
		if got := names(New(peers(), c.strict).FindByAET(c.aet)); !slices.Equal(got, c.want) {
			t.Errorf("strict %v, %q: %v, want %v", c.strict, c.aet, got, c.want)
		}
	}
}

func TestPutAndDelete(t *testing.T) {
	t.Parallel()
	table := New(peers(), false)
	if err := table.Put(t.Context(), "ct", config.NewModality("NEW", "h", 1)); err != nil {
		t.Fatal(err)
	}
	if got := names(table.FindByAET("CT1")); !slices.Equal(got, []string{"ct2"}) {
		t.Errorf("the old AE title still finds %v", got)
	}
	for _, name := range []string{"ct2", "nobody"} {
		if err := table.Delete(t.Context(), name); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	if got := table.Names(); !slices.Equal(got, []string{"ct", "pax"}) {
		t.Errorf("left: %v", got)
	}
	if _, ok := table.Get("ct2"); ok {
		t.Error("a deleted peer is found")
	}
}

func TestKeptTable(t *testing.T) {
	t.Parallel()
	k := &keeper{rows: map[string][]byte{}}
	table, err := Open(t.Context(), k, false)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range peers() {
		if err := table.Put(t.Context(), name, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Delete(t.Context(), "pax"); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), k, false)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(again.All(), table.All()) {
		t.Errorf("kept %v, want %v", again.All(), table.All())
	}
}

// A change that cannot be kept is not made.
func TestKeeperFails(t *testing.T) {
	t.Parallel()
	k := &keeper{rows: map[string][]byte{}}
	table, err := Open(t.Context(), k, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Put(t.Context(), "ct", peers()["ct"]); err != nil {
		t.Fatal(err)
	}
	k.fail = errors.New("disk full")
	if err := table.Put(t.Context(), "new", peers()["pax"]); !errors.Is(err, k.fail) {
		t.Errorf("put: %v", err)
	}
	if err := table.Delete(t.Context(), "ct"); !errors.Is(err, k.fail) {
		t.Errorf("delete: %v", err)
	}
	if got := table.Names(); !slices.Equal(got, []string{"ct"}) {
		t.Errorf("the table has %v", got)
	}
	if _, err := Open(t.Context(), k, false); !errors.Is(err, k.fail) {
		t.Errorf("open: %v", err)
	}
}

func TestBadRow(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), &keeper{rows: map[string][]byte{"ct": []byte("no JSON")}}, false); err == nil {
		t.Error("a row that cannot be read was passed over")
	}
}

func TestTableIsShared(t *testing.T) {
	t.Parallel()
	table := New(peers(), false)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				if i%2 == 0 {
					if err := table.Put(t.Context(), "ct", peers()["ct"]); err != nil {
						t.Error(err)
					}
				}
				table.FindByAET("CT1")
				table.All()
			}
		})
	}
	wg.Wait()
}
