package media

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// pageSize is how many rows one read transaction gives.
const pageSize = 500

// Plan is what goes into an archive, and in which order: patients, studies and series by their ids, as in Orthanc, and
// instances by their number. It holds no open files.
type Plan struct {
	Instances int   // how many objects
	Bytes     int64 // how large their files are together
	names     *namer
	series    []plannedSeries
	studies   []plannedStudy
}

// plannedStudy is what the directory of a medium needs of the levels above the series.
type plannedStudy struct{ patient, study index.ID }

type plannedSeries struct {
	id        index.ID
	study     int    // in Plan.studies
	folder    string // of the ZIP, with a slash at its end unless empty
	modality  string
	instances []plannedInstance
}

type plannedInstance struct {
	id     index.ID
	number uint32 // in the name of the file
	size   int64
}

// NewPlan looks up what lies below the resources; an instance that is named twice is there once. With utf8, names keep
// characters outside ASCII. The error of a resource that is not there is index.ErrNotFound.
func NewPlan(ctx context.Context, s *storage.Store, resources []index.Resource, utf8 bool) (*Plan, error) {
	c := collector{series: map[index.ID]*found{}, seen: map[index.ID]struct{}{}}
	for _, r := range resources {
		if err := c.collect(ctx, s, r); err != nil {
			return nil, fmt.Errorf("media: list the instances of %s: %w", r.ID, err)
		}
	}
	list := make([]*found, 0, len(c.series))
	for _, f := range c.series {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b *found) int {
		return cmp.Or(bytes.Compare(a.patient[:], b.patient[:]), bytes.Compare(a.study[:], b.study[:]), bytes.Compare(a.id[:], b.id[:]))
	})
	p := &Plan{names: newNamer(utf8)}
	for from := 0; from < len(list); from += pageSize {
		err := s.View(ctx, func(tx index.ReadTx) error {
			for _, f := range list[from:min(from+pageSize, len(list))] {
				if err := p.add(tx, f); err != nil && !errors.Is(err, index.ErrNotFound) { // deleted since
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("media: read what the folders are called: %w", err)
		}
	}
	return p, nil
}

// found is a series with the instances that are wanted of it.
type found struct {
	id, study, patient index.ID
	instances          []plannedInstance
}

type collector struct {
	series map[index.ID]*found
	seen   map[index.ID]struct{}
}

func (c *collector) collect(ctx context.Context, s *storage.Store, r index.Resource) error {
	for after, first := int64(0), true; ; first = false {
		var rows []index.InstanceRow
		err := s.View(ctx, func(tx index.ReadTx) error {
			if first {
				level, err := tx.Resource(r.ID)
				if err != nil {
					return err
				}
				if r.Level = level; level == index.Instance {
					row, err := tx.Instance(r.ID)
					if err == nil {
						rows = []index.InstanceRow{*row}
					}
					return err
				}
			}
			var err error
			rows, err = tx.Instances(r.Level, r.ID, after, pageSize)
			return err
		})
		if err != nil {
			return err
		}
		for i := range rows {
			c.add(&rows[i])
		}
		if len(rows) == 0 || r.Level == index.Instance {
			return nil
		}
		after = rows[len(rows)-1].Key
	}
}

func (c *collector) add(row *index.InstanceRow) {
	if _, twice := c.seen[row.ID]; twice {
		return
	}
	c.seen[row.ID] = struct{}{}
	f := c.series[row.Series]
	if f == nil {
		f = &found{id: row.Series, study: row.Study, patient: row.Patient}
		c.series[row.Series] = f
	}
	number, _ := row.Tags.Get(dicom.TagInstanceNumber)
	f.instances = append(f.instances, plannedInstance{id: row.ID, number: fileNumber(number), size: row.Blob.PlainSize()})
}

// fileNumber is the Instance Number as it stands in the name of a file: 0 where it is none.
func fileNumber(text string) uint32 {
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(text), "+"), 10, 64)
	if err != nil {
		return 0
	}
	return uint32(n)
}

func (p *Plan) add(tx index.ReadTx, f *found) error {
	patient, err := tx.Patient(f.patient)
	if err != nil {
		return err
	}
	study, err := tx.Study(f.study)
	if err != nil {
		return err
	}
	series, err := tx.Series(f.id)
	if err != nil {
		return err
	}
	if n := len(p.studies); n == 0 || p.studies[n-1].study != f.study {
		p.studies = append(p.studies, plannedStudy{f.patient, f.study})
	}
	modality, _ := series.Tags.Get(dicom.TagModality)
	numberInstances(f.instances)
	p.series = append(p.series, plannedSeries{id: f.id, study: len(p.studies) - 1, modality: modality,
		folder: p.names.folder(patient, study, series), instances: f.instances})
	p.Instances += len(f.instances)
	for _, i := range f.instances {
		p.Bytes += i.size
	}
	return nil
}

// numberInstances sorts the instances of a series by their number. Where two have the same, or none, all get the numbers
// from 0 on, as in Orthanc.
func numberInstances(list []plannedInstance) {
	slices.SortFunc(list, func(a, b plannedInstance) int {
		return cmp.Or(cmp.Compare(a.number, b.number), bytes.Compare(a.id[:], b.id[:]))
	})
	unique := true
	for i := 1; i < len(list); i++ {
		unique = unique && list[i].number != list[i-1].number
	}
	for i := range list {
		if !unique {
			list[i].number = uint32(i)
		}
	}
}
