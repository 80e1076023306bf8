package rest

import (
	"strconv"

	"golang.org/x/sync/semaphore"
)

const (
	// pictureBudget is how many bytes of pictures that are being sent may be held together.
	pictureBudget = 64 << 20
	// picturePiece is how many of them are taken at once, and held without being counted.
	picturePiece = 1 << 20
)

// heldPicture keeps a picture until it is whole: sending it takes as long as its reader wants, who must not keep others
// from having theirs decoded. What is larger than the budget allows goes to the reader while it is made.
type heldPicture struct {
	to     *recorder
	budget *semaphore.Weighted
	taken  int64
	b      []byte
	passed bool // it is being sent
}

// Write takes a part of the picture.
func (h *heldPicture) Write(p []byte) (int, error) {
	if !h.passed && int64(len(h.b)+len(p)) > h.taken+picturePiece {
		if more := int64(len(p)) + picturePiece; h.budget.TryAcquire(more) {
			h.taken += more
		} else if err := h.pass(); err != nil {
			return 0, err
		}
	}
	if h.passed {
		return h.to.Write(p)
	}
	h.b = append(h.b, p...)
	return len(p), nil
}

// pass sends what was held, and does not hold the rest.
func (h *heldPicture) pass() error {
	h.passed = true
	_, err := h.to.Write(h.b)
	h.b = nil
	return err
}

// send sends a whole picture.
func (h *heldPicture) send() error {
	if h.passed {
		return nil
	}
	h.to.Header().Set("Content-Length", strconv.Itoa(len(h.b)))
	return h.pass()
}

// free gives back what was taken of the budget.
func (h *heldPicture) free() { h.budget.Release(h.taken) }
