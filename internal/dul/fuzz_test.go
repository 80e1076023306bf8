package dul_test

import (
	"encoding/hex"
	"net"
	"strings"
	"testing"

	"gantry/internal/dul"
)

// FuzzPeer: whatever a peer sends, before or after the association is there, the
// association ends, and pieces are never longer than what was sent.
func FuzzPeer(f *testing.F) {
	for _, text := range []string{releaseRQ, releaseRP, userAbort,
		"04 00 00000008 00000004 01 03 4142", "04 00 00000008 00000005 01 03 0000", "04 00 FFFFFFFF 00000001",
		"16 03 01 00C4 01 0000C0 0303", "01 00 00000004 0001 0000", "02 00 00000000", "03 00 00000004 00010101"} {
		b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(true, b)
		f.Add(false, b)
	}
	f.Fuzz(func(t *testing.T, associated bool, sent []byte) {
		ours, theirs := net.Pipe()
		go drain(peer{theirs, t})
		go func() {
			if associated {
				b, _ := request().Append(nil)
				sent = append(b, sent...)
			}
			_, _ = theirs.Write(sent)
			_ = theirs.Close()
		}()
		a, err := dul.Accept(t.Context(), ours, policy())
		if err != nil {
			return
		}
		for total := 0; err == nil; {
			var v dul.PDV
			v, err = a.ReadPDV(t.Context())
			if total += len(v.Data); total > len(sent) {
				t.Fatalf("%d bytes of values in %d bytes", total, len(sent))
			}
		}
		<-a.Done()
	})
}
