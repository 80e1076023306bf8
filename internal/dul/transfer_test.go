package dul_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestMessagesArriveWhole(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2, 3000, 131066, 131067, 131068, 528_000, 1 << 21} {
		for _, maxLength := range []uint32{0, 4096, 16384, 131072, 1 << 20} {
			pol := policy()
			pol.MaxPDULength = maxLength
			requestor, acceptor := pair(t, config(), pol)
			sent := bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, size/7+1)[:size]
			command := bytes.Repeat([]byte{9}, 120)
			failed := make(chan error, 1)
			go func() { failed <- requestor.WriteMessage(t.Context(), 3, command, bytes.NewReader(sent)) }()
			gotCommand, got, err := message(t.Context(), acceptor, true)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(gotCommand, command) || !bytes.Equal(got, sent) {
				t.Errorf("size %d, max length %d: %d and %d bytes arrived changed", size, maxLength, len(gotCommand), len(got))
			}
			if err := <-failed; err != nil {
				t.Error(err)
			}
			released := make(chan error, 1)
			go func() { released <- requestor.Release(t.Context()) }()
			if _, err := acceptor.ReadPDV(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("after release: %v", err)
			}
			if err := <-released; err != nil {
				t.Error(err)
			}
		}
	}
}
