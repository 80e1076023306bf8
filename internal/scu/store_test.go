package scu

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestDataOfOddLengthArePadded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", "ab", "abc", strings.Repeat("abc", 1001), strings.Repeat("ab", 3000)} {
		want := text
		if len(text)%2 == 1 {
			want += "\x00"
		}
		for _, r := range []io.Reader{
			strings.NewReader(text), iotest.DataErrReader(strings.NewReader(text)), iotest.OneByteReader(strings.NewReader(text)),
			iotest.HalfReader(bytes.NewBufferString(text)),
		} {
			got, err := io.ReadAll(&even{r: r})
			if err != nil || string(got) != want {
				t.Errorf("%d bytes became %d, %v", len(text), len(got), err)
			}
		}
	}
	broken := errors.New("disk error")
	if _, err := io.ReadAll(&even{r: iotest.ErrReader(broken)}); !errors.Is(err, broken) {
		t.Errorf("error became %v", err)
	}
}
