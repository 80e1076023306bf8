package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// asked is a search and what it costs at most.
type asked struct {
	name string
	find index.Find
	want index.Want
	goal time.Duration // 0: none
}

func equal(level index.Level, t dicom.Tag, values ...string) index.Criterion {
	return index.Criterion{Level: level, Tag: t, Match: index.Match{Kind: index.Equal, Values: values}}
}

func wild(level index.Level, t dicom.Tag, pattern string) index.Criterion {
	return index.Criterion{Level: level, Tag: t, Match: index.Match{Kind: index.Wild, Values: []string{pattern}}}
}

// The goals for a store of 1,000,000 instances.
const (
	wildcards  = 20 * time.Millisecond
	identifier = 5 * time.Millisecond
)

// searches are those that people make; the goals are those of the project.
func searches(s shape) []asked {
	middle := s.studies / 2
	uid := fmt.Sprintf("1.2.826.0.1.3680043.10.1.%d", middle+1)
	study := func(name string, goal time.Duration, c ...index.Criterion) asked {
		return asked{name: name, goal: goal, find: index.Find{Level: index.Study, Criteria: c}}
	}
	return []asked{
		study("PatientName smith*", wildcards, wild(index.Patient, dicom.TagPatientName, "smith*")),
		study("PatientName *7^an*", wildcards, wild(index.Patient, dicom.TagPatientName, "*7^an*")),
		study("StudyDescription *head*97*", wildcards, wild(index.Study, dicom.TagStudyDescription, "*head*9?")),
		study("AccessionNumber ACC0000*", wildcards, wild(index.Study, dicom.TagAccessionNumber, "ACC0000*")),
		study("name and description and dates", wildcards, wild(index.Patient, dicom.TagPatientName, "*a*^*"),
			wild(index.Study, dicom.TagStudyDescription, "*knee*"), index.Criterion{Level: index.Study, Tag: dicom.TagStudyDate,
				Match: index.Match{Kind: index.Between, Low: "20180101", High: "20181231"}}),
		study("ModalitiesInStudy CT, name smith*", wildcards, equal(index.Study, index.TagModalitiesInStudy, "CT"),
			wild(index.Patient, dicom.TagPatientName, "smith*")),
		study("PatientID", identifier, equal(index.Patient, dicom.TagPatientID, fmt.Sprintf("pid%07d", middle/s.perPatient))),
		study("AccessionNumber", identifier, equal(index.Study, dicom.TagAccessionNumber, fmt.Sprintf("acc%08d", middle))),
		study("StudyInstanceUID", identifier, equal(index.Study, dicom.TagStudyInstanceUID, uid)),
		study("SeriesInstanceUID of a study", identifier, equal(index.Series, dicom.TagSeriesInstanceUID, uid+".1")),
		{name: "SOPInstanceUID", goal: identifier, find: index.Find{Level: index.Instance,
			Criteria: []index.Criterion{equal(index.Instance, dicom.TagSOPInstanceUID, uid+".1.7")}}},
		{name: "instances of a study", goal: identifier, find: index.Find{Level: index.Instance,
			Criteria: []index.Criterion{equal(index.Study, dicom.TagStudyInstanceUID, uid)}}},
		study("StudyDate of a year", 0, index.Criterion{Level: index.Study, Tag: dicom.TagStudyDate,
			Match: index.Match{Kind: index.Between, Low: "20180101", High: "20181231"}}),
		{name: "newest 20 by StudyDate", goal: wildcards, find: index.Find{Level: index.Study, Order: []index.Order{{Level: index.Study,
			Tag: dicom.TagStudyDate, Desc: true}}}},
		{name: "instances by InstanceNumber 7", find: index.Find{Level: index.Instance,
			Criteria: []index.Criterion{equal(index.Instance, dicom.TagInstanceNumber, "7")}}},
	}
}

// measure asks each search several times and shows the median.
func measure(ctx context.Context, x index.Index, s shape) error {
	const shown = index.WantTags | index.WantChildren | index.WantLabels | index.WantUpdate
	for _, a := range searches(s) {
		limit := 500
		if len(a.find.Order) > 0 {
			limit = 20
		}
		var times []time.Duration
		found := 0
		for range 11 {
			began := time.Now()
			err := x.View(ctx, func(tx index.ReadTx) error {
				keys, _, err := tx.Find(&a.find, index.Cursor{}, limit)
				if err != nil {
					return err
				}
				found = len(keys)
				_, err = tx.Records(a.find.Level, keys, a.want)
				return err
			})
			if err != nil {
				return err
			}
			times = append(times, time.Since(began))
		}
		slices.Sort(times)
		verdict := ""
		if a.goal > 0 && times[5] > a.goal {
			verdict = fmt.Sprintf("  SLOWER than %v", a.goal)
		}
		fmt.Printf("%-36s %4d found %10v%s\n", a.name, found, times[5].Round(time.Microsecond), verdict)
	}
	if err := measurePages(ctx, x, shown); err != nil {
		return err
	}
	return measureDeletion(ctx, x, s)
}

// measurePages reads all studies with all that is shown of them.
func measurePages(ctx context.Context, x index.Index, want index.Want) error {
	began, n := time.Now(), 0
	var after index.Cursor
	for {
		var records []index.Record
		err := x.View(ctx, func(tx index.ReadTx) error {
			keys, next, err := tx.Find(&index.Find{Level: index.Study}, after, 500)
			if err != nil {
				return err
			}
			after = next
			records, err = tx.Records(index.Study, keys, want)
			return err
		})
		if err != nil {
			return err
		}
		n += len(records)
		if len(records) < 500 {
			break
		}
	}
	fmt.Printf("all studies with all that is shown: %.0f/s\n", float64(n)/time.Since(began).Seconds())
	return nil
}

// measureDeletion puts a study of 1,000 instances and takes it away again.
func measureDeletion(ctx context.Context, x index.Index, s shape) error {
	var rows []*index.NewInstance
	big := shape{studies: s.studies, series: 10, instances: 100, perPatient: s.perPatient}
	for series := range 10 {
		for instance := range 100 {
			rows = append(rows, row(big, s.studies+1000, series, instance))
		}
	}
	err := x.Derive(ctx, func(tx index.Tx) error {
		for _, r := range rows {
			if err := tx.PutInstance(r, false); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	began := time.Now()
	err = x.Derive(ctx, func(tx index.Tx) error {
		for _, r := range rows {
			if _, err := tx.DeleteInstance(r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	fmt.Printf("rows of a study of 1,000 instances deleted in %v\n", time.Since(began).Round(time.Millisecond))
	return err
}
