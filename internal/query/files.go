package query

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// longestText bounds a value that is read from a file to be matched or shown.
const longestText = 64 << 10

// readFile reads what is asked of the file of one instance of a result, and tells whether it meets the conditions on
// tags that only files have. A file that cannot be read meets none, and spoils no answer.
func (r *run) readFile(ctx context.Context, result *Result) (keep bool, err error) {
	if !r.e.reads(r) || result.Instance == nil {
		return len(r.files) == 0, nil
	}
	if len(r.files) > 0 {
		text, err := r.e.Tags(ctx, result.Instance.ID, tagsOf(r.files), dicomjson.Short)
		if err != nil || text == nil {
			return false, err
		}
		tags, err := parseTags(text)
		if err != nil || !holds(r.files, tags) {
			return false, err
		}
	}
	if len(r.q.FileTags) > 0 {
		result.File, err = r.e.Tags(ctx, result.Instance.ID, r.q.FileTags, r.q.FileForm)
	}
	return true, err
}

func tagsOf(conditions []Condition) []dicom.Tag {
	tags := make([]dicom.Tag, len(conditions))
	for i := range conditions {
		tags[i] = conditions[i].Tag
	}
	return tags
}

// Tags reads tags of the data set of an instance as one JSON object. It is nil if the instance is gone meanwhile, or its
// file cannot be read.
func (e *Engine) Tags(ctx context.Context, id index.ID, tags []dicom.Tag, form dicomjson.Format) ([]byte, error) {
	object, err := e.Store.OpenInstance(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrUnavailable) {
		return nil, nil // gone, or lost; where the store itself cannot be read, the next results cannot be either
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = object.Close() }() // only read
	file, err := codec.OpenFile(object.Reader(), codec.Limits{MaxMemory: 16 << 20})
	if err != nil {
		return nil, nil //nolint:nilerr // damaged, or no longer as it was
	}
	var text bytes.Buffer
	err = dicomjson.WriteTags(&text, file.Reader, dicomjson.Options{Format: form, MaximumLength: longestText,
		Charset: e.Charset, Dictionary: e.Dictionary, Only: func(t dicom.Tag) bool { return slices.Contains(tags, t) }})
	if err != nil {
		return nil, nil //nolint:nilerr // damaged, or no longer as it was
	}
	return text.Bytes(), nil
}
