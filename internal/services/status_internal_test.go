package services

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/storage"
)

// Every error of the store has its status (PS3.4 B.2.3), and a comment that fits into 64 characters.
func TestStoreStatus(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		err  error
		want dimse.Status
	}{
		{storage.ErrFull, dimse.StatusOutOfResources},
		{fmt.Errorf("put: %w", storage.ErrWriteStopped), dimse.StatusOutOfResources},
		{storage.ErrReadOnly, dimse.StatusOutOfResources},
		{storage.ErrBusy, dimse.StatusProcessingFailure},
		{storage.ErrUnavailable, dimse.StatusProcessingFailure},
		{context.Canceled, dimse.StatusProcessingFailure},
		{&storage.MismatchError{Tag: dicom.TagSOPInstanceUID}, dimse.StatusDataSetMismatch},
		{&storage.BadObjectError{Tag: dicom.TagStudyInstanceUID, Name: "StudyInstanceUID"}, dimse.StatusDataSetMismatch},
		{&storage.BadObjectError{Err: &codec.SyntaxError{}}, dimse.StatusCannotUnderstand},
		{&storage.BadObjectError{Err: &codec.LimitError{}}, dimse.StatusCannotUnderstand},
	} {
		got := storeStatus(x.err)
		if dimse.StatusOf(got) != x.want || !errors.Is(got, x.err) || len(dimse.CommentOf(got)) > 64 || dimse.CommentOf(got) == "" {
			t.Errorf("%v: %v", x.err, got)
		}
	}
}
