package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"unicode"

	"gantry/internal/dicom"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// ExportOptions say what is exported where.
type ExportOptions struct {
	Dir       string           // made if it is not there
	Resources []index.Resource // what to export, with all below; empty: everything
	// Attachments has those of users written, too, beside their instance and into the folders of the other levels.
	Attachments bool
	Progress    func(files int64, bytes int64) // called after every file, if not nil
}

// ExportSummary counts what was written.
type ExportSummary struct {
	Files, Bytes int64
	Skipped      int64      // files of the same name and size that were there
	Damaged      []index.ID // instances that cannot be read, or owners of such attachments, which were left out
}

// Export writes instances as plain DICOM files: patient/study/series/instance.dcm below Dir. Names are made of a cleaned
// identifier, for people, and the beginning of the public id, which tells them apart. An export that was broken off
// goes on where it was when it is called again.
func (s *Store) Export(ctx context.Context, o ExportOptions) (_ *ExportSummary, err error) {
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("storage: make the export folder: %w", err)
	}
	root, err := os.OpenRoot(o.Dir) // nothing below can leave it, whatever a name may hold
	if err != nil {
		return nil, fmt.Errorf("storage: open the export folder: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	x := &exporter{s: s, root: root, o: o, sum: &ExportSummary{}, folders: map[index.ID]string{}}
	if len(o.Resources) == 0 {
		o.Resources = []index.Resource{{}}
	}
	for _, r := range o.Resources {
		if err := x.resource(ctx, r); err != nil {
			return x.sum, err
		}
	}
	return x.sum, nil
}

type exporter struct {
	s       *Store
	root    *os.Root
	o       ExportOptions
	sum     *ExportSummary
	folders map[index.ID]string // of series lately written
}

func (x *exporter) resource(ctx context.Context, r index.Resource) error {
	for after := int64(0); ; {
		rows, err := x.s.page(ctx, r.Level, r.ID, after)
		if err != nil {
			return x.s.typed("export "+r.Level.String()+" "+r.ID.String(), err)
		}
		if len(rows) == 0 {
			return nil
		}
		after = rows[len(rows)-1].Key
		for i := range rows {
			if err := x.instance(ctx, &rows[i]); err != nil {
				return err
			}
		}
	}
}

func (x *exporter) instance(ctx context.Context, row *index.InstanceRow) error {
	folder, err := x.folder(ctx, row)
	if errors.Is(err, ErrNotFound) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	number, _ := row.Tags.Get(dicom.TagInstanceNumber)
	if len(number) < 6 {
		number = strings.Repeat("0", 6-len(number)) + number
	}
	name := path.Join(folder, cleanName(number, row.ID)+".dcm")
	if err := x.attachedTo(ctx, row.ID, name+"."); err != nil {
		return err
	}
	if i, err := x.root.Stat(name); err == nil && i.Size() == row.Blob.PlainSize() {
		x.sum.Skipped++
		return nil
	}
	n, err := x.write(ctx, row, name)
	var damaged *blob.CorruptError
	if errors.As(err, &damaged) || errors.Is(err, ErrNotFound) || errors.Is(err, blob.ErrNotFound) {
		return x.unreadable(ctx, row.ID)
	}
	if err != nil {
		return err
	}
	x.wrote(n)
	return nil
}

// unreadable notes an instance that cannot be read, unless it was deleted meanwhile.
func (x *exporter) unreadable(ctx context.Context, id index.ID) error {
	err := x.s.View(ctx, func(r index.ReadTx) error { _, err := r.Stored(id); return err })
	switch {
	case errors.Is(err, index.ErrNotFound):
		return nil
	case err != nil:
		return x.s.typed("export", err)
	}
	x.sum.Damaged = append(x.sum.Damaged, id)
	return nil
}

// write writes the file of an instance, if it is not damaged.
func (x *exporter) write(ctx context.Context, row *index.InstanceRow, name string) (n int64, err error) {
	o, err := x.s.OpenInstance(ctx, row.ID)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if err := o.Verify(ctx); err != nil {
		return 0, err
	}
	return x.file(name, func(w io.Writer) (int64, error) { return io.Copy(w, o.Reader()) })
}

// folder makes the folder of an instance's series.
func (x *exporter) folder(ctx context.Context, row *index.InstanceRow) (string, error) {
	if f := x.folders[row.Series]; f != "" {
		return f, nil
	}
	var patient *index.PatientRow
	var study *index.StudyRow
	var series *index.SeriesRow
	err := x.s.View(ctx, func(r index.ReadTx) error {
		var err1, err2, err3 error
		patient, err1 = r.Patient(row.Patient)
		study, err2 = r.Study(row.Study)
		series, err3 = r.Series(row.Series)
		return errors.Join(err1, err2, err3)
	})
	if err != nil {
		return "", x.s.typed("export", err)
	}
	patientID, _ := patient.Tags.Get(dicom.TagPatientID)
	date, _ := study.Tags.Get(dicom.TagStudyDate)
	modality, _ := series.Tags.Get(dicom.TagModality)
	f := path.Join(cleanName(patientID, row.Patient), cleanName(date, row.Study), cleanName(modality, row.Series))
	if err := x.root.MkdirAll(f, 0o750); err != nil {
		return "", fmt.Errorf("storage: export: %w", err)
	}
	if len(x.folders) > 1000 {
		clear(x.folders)
	}
	x.folders[row.Series] = f
	return f, x.parents(ctx, row, f)
}

// cleanName is a file name that any system takes: letters and digits of s, at most 40, and the beginning of the id.
func cleanName(s string, id index.ID) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case b.Len() >= 40:
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case r == '-' || r == '_' || r == ' ':
			b.WriteByte('_')
		}
	}
	if b.Len() > 0 {
		b.WriteByte('-')
	}
	return b.String() + id.String()[:17]
}
