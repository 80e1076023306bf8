package dimse_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"gantry/internal/dimse"
)

func TestStatusClasses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status dimse.Status
		class  dimse.StatusClass
		text   string
	}{
		{0x0000, dimse.Success, "0000H success"},
		{0x0107, dimse.Warning, "0107H attribute list error"},
		{0x0110, dimse.Failure, "0110H processing failure"},
		{0x0116, dimse.Warning, "0116H attribute value out of range"},
		{0x0211, dimse.Failure, "0211H unrecognised operation"},
		{0xA700, dimse.Failure, "A700H out of resources"},
		{0xA755, dimse.Failure, "A755H out of resources"},
		{0xA9FF, dimse.Failure, "A9FFH data set does not match SOP class"},
		{0xB000, dimse.Warning, "B000H coercion of data elements"},
		{0xB123, dimse.Warning, "B123H warning"},
		{0xC123, dimse.Failure, "C123H cannot understand"},
		{0xFE00, dimse.Cancel, "FE00H cancelled"},
		{0xFF00, dimse.Pending, "FF00H pending"},
		{0xFF01, dimse.Pending, "FF01H pending, optional keys not supported"},
		{0x1234, dimse.Failure, "1234H"},
	} {
		if got := tt.status.Class(); got != tt.class {
			t.Errorf("class of %v is %d, want %d", tt.status, got, tt.class)
		}
		if got := tt.status.String(); got != tt.text {
			t.Errorf("status %04X is %q, want %q", uint16(tt.status), got, tt.text)
		}
	}
}

func TestStatusOfErrors(t *testing.T) {
	t.Parallel()
	full := &dimse.StatusError{Status: dimse.StatusOutOfResources, Comment: "disk full", Err: io.ErrShortWrite}
	for _, tt := range []struct {
		err     error
		status  dimse.Status
		comment string
	}{
		{nil, dimse.StatusSuccess, ""},
		{errors.New("patient not found on disk"), dimse.StatusProcessingFailure, ""},
		{full, dimse.StatusOutOfResources, "disk full"},
		{fmt.Errorf("store: %w", full), dimse.StatusOutOfResources, "disk full"},
		{errors.Join(io.EOF, full), dimse.StatusOutOfResources, "disk full"},
	} {
		if got := dimse.StatusOf(tt.err); got != tt.status {
			t.Errorf("status of %v is %v, want %v", tt.err, got, tt.status)
		}
		if got := dimse.CommentOf(tt.err); got != tt.comment {
			t.Errorf("comment of %v is %q, want %q", tt.err, got, tt.comment)
		}
	}
	if !errors.Is(full, io.ErrShortWrite) {
		t.Error("the cause of a StatusError is hidden")
	}
	rsp := dimse.Command{Status: dimse.StatusOutOfResources, ErrorComment: "disk full"}
	if got, want := rsp.Err().Error(), "dimse: status A700H out of resources: disk full"; got != want {
		t.Errorf("error of a response is %q, want %q", got, want)
	}
	if err := (&dimse.Command{Status: dimse.StatusElementsDiscarded}).Err(); err != nil {
		t.Errorf("a warning is no error: %v", err)
	}
}
