package dul_test

import (
	"errors"
	"testing"

	"gantry/internal/dul"
)

// An A-ABORT says what its *AbortError does, when that is of this side; every other reason stays here (PS3.8 9.3.8).
func TestAbortWithSourceAndReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reason error
		want   string
	}{
		"chosen":        {&dul.AbortError{Source: 2, Reason: 6}, invalidValue},
		"any other":     {errors.New("enough"), userAbort},
		"of the peer":   {&dul.AbortError{Source: 2, Reason: 6, FromPeer: true}, userAbort},
		"of a relation": {errors.Join(&dul.AbortError{Source: 2, Reason: 6}), userAbort},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := scriptedClient(t, policy())
			if err := a.Abort(c.reason); err != nil {
				t.Fatal(err)
			}
			p.expect(c.want)
			if !errors.Is(a.Err(), c.reason) {
				t.Errorf("the reason is lost: %v", a.Err())
			}
		})
	}
}
