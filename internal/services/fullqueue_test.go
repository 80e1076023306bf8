package services_test

import (
	"errors"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dimse"
)

// Where as many jobs wait as may (LimitJobs) a new request is refused, but not the repeat of an open one: it needs none.
func TestRepeatWhileTheQueueIsFull(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *config.Config) { cfg.LimitJobs = 1 })
	s.know("scu", modality(t, "SCU", "127.0.0.1:1")) // nobody is there: the job of a request does not end
	stored := s.putInto(1)
	c := s.dial("SCU", nil)
	for range 2 {
		if err := ask(t, c, "2.25.1", stored); err != nil {
			t.Errorf("the request and its repeat: %v", err)
		}
	}
	var status *dimse.StatusError
	if err := ask(t, c, "2.25.2", stored); !errors.As(err, &status) || status.Status != dimse.StatusResourceLimitation {
		t.Errorf("another request: %v, want 0213H", err)
	}
	if n := len(s.commitmentJobs()); n != 1 {
		t.Errorf("%d jobs", n)
	}
}
