package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
)

type lsOptions struct {
	daemonOptions
	tags   [8]string // the values of lsFilters
	labels []string
	limit  int
	json   bool
	full   bool
}

// lsFilters are the flags for conditions, with the tag they are on and the highest level that has it.
func lsFilters() []struct {
	flag, tag, help string
	level           int
} {
	return []struct {
		flag, tag, help string
		level           int
	}{
		{"patient-id", "PatientID", "`id` of the patient", 0},
		{"name", "PatientName", "`name` of the patient", 0},
		{"birth-date", "PatientBirthDate", "`date` of birth, YYYYMMDD, or a range", 0},
		{"date", "StudyDate", "`date` of the study, YYYYMMDD, or a range: 20240101-20241231, 20240101-", 1},
		{"accession", "AccessionNumber", "accession `number`", 1},
		{"study", "StudyInstanceUID", "Study Instance `UID`", 1},
		{"description", "StudyDescription", "`description` of the study, of the series where series are listed", 1},
		{"modality", "ModalitiesInStudy", "`modality`: CT, MR", 1},
	}
}

// lsLevels are the levels from above, as the command and the API call them.
func lsLevels() []struct{ plural, level string } {
	return []struct{ plural, level string }{{"patients", "Patient"}, {"studies", "Study"}, {"series", "Series"}, {"instances", "Instance"}}
}

func newLsCommand(env *Env) *cobra.Command {
	o := lsOptions{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "ls [patients|studies|series|instances]",
		Short: "List what the daemon has stored",
		Long: long(`List the patients of the running daemon, or its studies, series or instances. The conditions match as in DICOM: * and ? are
wildcards, neither case nor accents count, several values are separated by backslashes.

IDs are shown as short as they can be; "gantry show", "gantry archive" and "gantry export" take them so. PROTECTED patients
are never recycled; "gantry show" tells of commitments, too.`),
		Example:   "  gantry ls\n  gantry ls studies --name 'MEIER*' --date 20240101-\n  gantry ls series --modality MR --json\n  gantry ls studies --label research --limit 0",
		Args:      wants("[LEVEL]"),
		ValidArgs: []string{"patients", "studies", "series", "instances"},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runLs(cmd.Context(), &o, append(args, "patients")[0])
		},
	}
	o.register(cmd)
	f := cmd.Flags()
	for i, filter := range lsFilters() {
		f.StringVar(&o.tags[i], filter.flag, "", filter.help)
	}
	f.StringArrayVar(&o.labels, "label", nil, "`label` of what is listed; several: all of them")
	f.IntVar(&o.limit, "limit", 100, "list no more than this many, 0: all")
	f.BoolVar(&o.full, "full", false, "show the whole IDs, and all of names and descriptions on a narrow terminal, too")
	f.BoolVar(&o.json, "json", false, "print the resources as JSON")
	return cmd
}

func runLs(ctx context.Context, o *lsOptions, name string) error {
	at := slices.IndexFunc(lsLevels(), func(l struct{ plural, level string }) bool {
		return l.plural == name || strings.EqualFold(l.level, name)
	})
	if at < 0 {
		return usagef("%q: patients, studies, series or instances are listed", name)
	}
	search, err := o.search(at)
	if err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	found, err := c.Find(ctx, search)
	if err != nil {
		return err
	}
	more := o.limit > 0 && len(found) > o.limit
	if more {
		found = found[:o.limit]
	}
	if o.json {
		return writeJSON(o.env, found)
	}
	if len(found) > 0 {
		if err := o.print(lsHeader(at), lsRows(at, found, o.full)); err != nil {
			return err
		}
	}
	switch {
	case more:
		_, _ = fmt.Fprintf(o.env.Stderr, "gantry: there are more than %d (--limit)\n", o.limit)
	case len(found) == 0 && len(search.Query)+len(search.Labels) > 0:
		_, _ = fmt.Fprintf(o.env.Stderr, "gantry: no %s match\n", name)
	case len(found) == 0:
		_, _ = fmt.Fprintf(o.env.Stderr, "gantry: nothing is stored at %s\n", c.URL())
	}
	return nil
}

// print shortens names and descriptions where a terminal is narrow, and leaves the study of a series out, unless
// everything is to be shown in full.
func (o *lsOptions) print(header []string, rows [][]string) error {
	if o.full {
		return writeTable(o.env.Stdout, header, rows)
	}
	if columns, terminal := o.env.columns(); terminal && header[1] == "STUDY" && tableWidth(header, rows) > columns {
		header = slices.Delete(header, 1, 2)
		for i := range rows {
			rows[i] = slices.Delete(rows[i], 1, 2)
		}
	}
	return printTable(o.env, header, rows, "PATIENT ID", "NAME", "ACCESSION", "MODALITIES", "DESCRIPTION", "LABELS")
}

// search asks for one more than is shown, to know whether there is more.
func (o *lsOptions) search(at int) (apiclient.Search, error) {
	s := apiclient.Search{Level: lsLevels()[at].level, Query: map[string]string{}, Labels: o.labels, RequestedTags: lsTags(at)}
	if o.limit < 0 {
		return s, usagef("--limit %d: 0 or more is expected", o.limit)
	}
	if o.limit > 0 {
		s.Limit = o.limit + 1
	}
	for i, filter := range lsFilters() {
		switch {
		case o.tags[i] == "":
			continue
		case at < filter.level:
			return s, usagef("--%s is no condition on patients: list studies", filter.flag)
		case strings.HasSuffix(filter.tag, "Date") && !isDateCondition(o.tags[i]):
			return s, usagef("--%s %q: YYYYMMDD is expected, or a range such as 20240101-20241231 or 20240101-", filter.flag, o.tags[i])
		}
		tag := filter.tag
		if at >= 2 {
			tag = map[string]string{"ModalitiesInStudy": "Modality", "StudyDescription": "SeriesDescription"}[tag]
		}
		s.Query[first(tag, filter.tag)] = o.tags[i]
	}
	return s, nil
}

// isDateCondition tells dates and ranges of the standard (PS3.4 C.2.2.2.5) from dates in another spelling, which would
// match nothing. Wildcards, lists and dots, as of old objects, are the server's business.
func isDateCondition(text string) bool {
	if strings.ContainsAny(text, `*?.\`) {
		return true
	}
	from, to, isRange := strings.Cut(text, "-")
	day := func(s string) bool { return len(s) == 8 && strings.Trim(s, "0123456789") == "" }
	return day(from) && (to == "" || day(to)) || isRange && from == "" && day(to)
}

func lsTags(at int) []string {
	return [][]string{
		{"NumberOfPatientRelatedInstances"},
		{"ModalitiesInStudy", "NumberOfStudyRelatedInstances"},
		{"PatientID", "PatientName", "StudyDate", "NumberOfSeriesRelatedInstances"},
		{"PatientID", "Modality", "SeriesNumber"},
	}[at]
}

func lsHeader(at int) []string {
	return [][]string{
		{"ID", "PATIENT ID", "NAME", "BORN", "SEX", "STUDIES", "INSTANCES", "PROTECTED", "LABELS"},
		{"ID", "DATE", "PATIENT ID", "NAME", "ACCESSION", "MODALITIES", "SERIES", "INSTANCES", "DESCRIPTION", "LABELS"},
		{"ID", "STUDY", "DATE", "PATIENT ID", "NAME", "MODALITY", "NUMBER", "INSTANCES", "DESCRIPTION", "LABELS"},
		{"ID", "PATIENT ID", "MODALITY", "SERIES", "NUMBER", "SIZE", "SOP INSTANCE UID", "LABELS"},
	}[at]
}

func lsRows(at int, found []apiclient.Found, full bool) [][]string {
	ids, studies := map[string]bool{}, map[string]bool{}
	for i := range found {
		ids[found[i].ID], studies[found[i].ParentStudy] = true, true
	}
	short, shortStudy := longestID, longestID
	if !full {
		short, shortStudy = shortestOf(ids), shortestOf(studies)
	}
	rows := make([][]string, len(found))
	for i := range found {
		f := &found[i]
		values := allTags(f)
		values["#Study"] = f.ParentStudy[:min(shortStudy, len(f.ParentStudy))]
		row := []string{f.ID[:min(short, len(f.ID))]}
		for _, tag := range lsColumns(at) {
			row = append(row, printable(values[tag]))
		}
		rows[i] = append(row, printable(strings.Join(f.Labels, ",")))
	}
	return rows
}

// lsColumns are the values between the id and the labels, by tag or by what allTags adds.
func lsColumns(at int) []string {
	return [][]string{
		{"PatientID", "PatientName", "PatientBirthDate", "PatientSex", "#Studies", "NumberOfPatientRelatedInstances", "#Protected"},
		{"StudyDate", "PatientID", "PatientName", "AccessionNumber", "ModalitiesInStudy", "#Series", "NumberOfStudyRelatedInstances", "StudyDescription"},
		{"#Study", "StudyDate", "PatientID", "PatientName", "Modality", "SeriesNumber", "NumberOfSeriesRelatedInstances", "SeriesDescription"},
		{"PatientID", "Modality", "SeriesNumber", "InstanceNumber", "#Size", "SOPInstanceUID"},
	}[at]
}

// allTags are the tags that were sent of a resource, and counts.
func allTags(f *apiclient.Found) map[string]string {
	values := map[string]string{"#Studies": fmt.Sprint(len(f.Studies)), "#Series": fmt.Sprint(len(f.Series)), "#Size": size(f.FileSize)}
	if f.IsProtected {
		values["#Protected"] = "yes"
	}
	for tag, v := range f.RequestedTags {
		if text, ok := v.(string); ok {
			values[tag] = strings.ReplaceAll(text, `\`, ",")
		}
	}
	maps.Copy(values, f.PatientMainDicomTags)
	maps.Copy(values, f.MainDicomTags)
	return values
}

// These are how long the ids of resources are, and how short they are shown.
const longestID, leastID = 44, 8

// shortestOf returns how many characters tell ids apart.
func shortestOf(ids map[string]bool) int {
	for n := leastID; n < longestID; n++ {
		seen := make(map[string]bool, len(ids))
		for id := range ids {
			seen[id[:min(n, len(id))]] = true
		}
		if len(seen) == len(ids) && n%9 != 0 { // not to end with a hyphen
			return n
		}
	}
	return longestID
}
