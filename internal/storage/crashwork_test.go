package storage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// crashWork makes the child of the crash test delete, recycle and attach beside storing.
const crashWork = "GANTRY_TEST_CRASH_WORK"

var crashQuota = storage.Quota{Patients: 9, Bytes: 400_000}

func attachedTo(id index.ID) string { return strings.Repeat("attached to "+id.String(), 40) }

// workUntilKilled prints what it has been answered.
func workUntilKilled(dir, layout, run string) {
	s, err := storage.Open(context.Background(), storage.Options{Dir: dir, Layout: layout, SegmentSize: 1 << 20, Quota: crashQuota,
		Compress: len(run)%2 == 0})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	say := func(what string, id index.ID, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			fmt.Println(what, id)
		} else if !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrRevision) {
			fmt.Println("error", what, err)
		}
	}
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				workOnce(s, ct(fmt.Sprintf("%s-%d-%d", run, w, i/12), 1, i/5, i), say)
			}
		}()
	}
	select {}
}

// workOnce stores an object and does one thing or another with it.
func workOnce(s *storage.Store, o object, say func(string, index.ID, error)) {
	ctx := context.Background()
	rs, err := s.Put(ctx, o.received(quiet{}))
	if err != nil {
		say("store", index.ID{}, err)
		return
	}
	say("stored", rs.InstanceID, nil)
	attach := func(id index.ID) {
		_, err := s.Attach(ctx, id, &storage.AttachRequest{Number: 1024, Data: strings.NewReader(attachedTo(id))})
		say("attached", id, err)
	}
	switch rand.IntN(5) {
	case 0:
		say("deleting", rs.InstanceID, nil)
		_, err := s.Delete(ctx, index.Instance, rs.InstanceID)
		say("deleted", rs.InstanceID, err)
	case 1:
		attach(rs.InstanceID)
		attach(rs.InstanceID) // replaces the first
	case 2:
		attach(rs.StudyID)
		attach(rs.SeriesID)
	case 3:
		attach(rs.InstanceID)
		say("detaching", rs.InstanceID, nil)
		say("detached", rs.InstanceID, s.Detach(ctx, rs.InstanceID, 1024, nil))
	case 4:
		say("recoded", rs.InstanceID, s.Recode(ctx, rs.InstanceID, storage.DicomFile, true))
	}
}

// book is what is known of a child's answers.
type book struct{ said map[string]map[index.ID]bool }

func (b *book) note(what string, id index.ID) {
	if b.said[what] == nil {
		b.said[what] = map[index.ID]bool{}
	}
	b.said[what][id] = true
}

// After kill -9 while objects are deleted, recycled, compressed and attached to, index and store agree, what was deleted
// stays so, what has its owner still has its attachment, and the limits hold. GANTRY_CRASHES sets how often.
func TestKilledWhileDeletingRecyclingAttaching(t *testing.T) {
	t.Parallel()
	rounds := 3
	if n, err := strconv.Atoi(os.Getenv("GANTRY_CRASHES")); err == nil {
		rounds = n
	}
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		b := &book{said: map[string]map[index.ID]bool{}}
		for run := range rounds {
			b.workUntilKilled(t, dir, layout, fmt.Sprint(run), 30+rand.IntN(150))
			s := open(t, dir, layout, limited(crashQuota))
			b.check(t, s)
			closeStore(t, s)
		}
		t.Logf("%s: %d stored, %d deleted, %d attached, over %d crashes", layout, len(b.said["stored"]), len(b.said["deleted"]),
			len(b.said["attached"]), rounds)
	})
}

func (b *book) check(t *testing.T, s *storage.Store) {
	t.Helper()
	checkAgrees(t, s, storage.CheckOptions{Checksums: true})
	if st := counts(t, s); st.Patients > int64(crashQuota.Patients) || st.Bytes+st.AttachedBytes > crashQuota.Bytes {
		t.Errorf("beyond the limits: %+v", st)
	}
	err := s.View(t.Context(), func(tx index.ReadTx) error {
		if _, err := tx.Property("recycling"); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("still recycling: %v", err)
		}
		if left, err := tx.Reclaims(10); len(left) > 0 || err != nil {
			t.Errorf("bytes still to be given back: %v %v", left, err)
		}
		for id := range b.said["deleted"] {
			if _, err := tx.Instance(id); !errors.Is(err, index.ErrNotFound) {
				t.Errorf("deleted and there: %s %v", id, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range b.said["attached"] {
		b.checkAttached(t, s, id)
	}
}

// checkAttached wants an attachment that was answered, unless its owner has gone or it was being removed.
func (b *book) checkAttached(t *testing.T, s *storage.Store, id index.ID) {
	t.Helper()
	var level index.Level
	err := s.View(t.Context(), func(tx index.ReadTx) (err error) { level, err = tx.Resource(id); return err })
	if errors.Is(err, index.ErrNotFound) {
		return
	}
	_, err = s.Attachment(t.Context(), id, 1024)
	switch {
	case b.said["detached"][id] && err == nil:
		t.Errorf("removed and there: attachment of %v %s", level, id)
	case b.said["detaching"][id] && errors.Is(err, storage.ErrNotFound):
	case err != nil:
		t.Errorf("answered and lost: attachment of %v %s: %v", level, id, err)
	case attachedText(t, s, id, 1024) != attachedTo(id):
		t.Errorf("another text: attachment of %v %s", level, id)
	}
}

// workUntilKilled starts a child that stores, deletes and attaches, and kills it after so many answers.
func (b *book) workUntilKilled(t *testing.T, dir, layout, run string, after int) {
	t.Helper()
	env := []string{crashDir + "=" + dir, crashLayout + "=" + layout, crashRun + "=" + run, crashWork + "=1"}
	readUntilKilled(t, env, after, func(line string) {
		what, text, _ := strings.Cut(line, " ")
		id, err := index.ParseID(text)
		switch {
		case what == "error":
			t.Errorf("child: %s", line)
		case err == nil:
			b.note(what, id)
		}
	})
}
