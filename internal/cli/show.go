package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
)

type showOptions struct {
	daemonOptions
	tags, json bool
}

func newShowCommand(env *Env) *cobra.Command {
	o := showOptions{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "show ID...",
		Short: "Show a patient, study, series or instance of the daemon",
		Long: long(`Show what the running daemon has of patients, studies, series or instances: main tags, how much lies below, size, labels,
and what keeps the patient from being recycled: protection, or storage commitment of an instance to a peer (which
RecycleCommitted overrides).

ID is an identifier of the REST API, or as much of its beginning as is needed, a Study, Series or SOP Instance UID, an
accession number, or a Patient ID.`),
		Example: "  gantry show 66c8e41e\n  gantry show A0001\n  gantry show 1.2.840.113619.2.55.3 --json\n  gantry show f689ddd2 --tags",
		Args:    wants("ID..."),
		RunE:    func(cmd *cobra.Command, args []string) error { return runShow(cmd.Context(), &o, args) },
	}
	cmd.ValidArgsFunction = completeResource(env)
	o.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.tags, "tags", false, "show all tags of instances")
	f.BoolVar(&o.json, "json", false, "print as JSON")
	return cmd
}

// shownResource is what --json shows.
type shownResource struct {
	apiclient.Found
	Keeping    *keeping                      `json:",omitempty"`
	Statistics *apiclient.ResourceStatistics `json:",omitempty"`
	Tags       json.RawMessage               `json:",omitempty"`
}

func runShow(ctx context.Context, o *showOptions, names []string) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	ids := &knownIDs{client: c, lists: map[string][]string{}, instances: true}
	var all []shownResource
	for _, name := range names {
		found, err := ids.resolve(ctx, name)
		if err != nil {
			return err
		}
		for _, r := range found {
			one, err := o.read(ctx, c, r)
			if err != nil {
				return err
			}
			all = append(all, *one)
		}
	}
	if o.json {
		return writeJSON(o.env, all)
	}
	for i := range all {
		if i > 0 {
			_, _ = fmt.Fprintln(o.env.Stdout)
		}
		if err := all[i].print(o.env.Stdout); err != nil {
			return err
		}
	}
	return nil
}

// resourcePath is where the API has a resource.
func resourcePath(r apiclient.Resource) string {
	for _, l := range lsLevels() {
		if l.level == r.Type {
			return "/" + l.plural + "/" + r.ID
		}
	}
	return "/instances/" + r.ID
}

func (o *showOptions) read(ctx context.Context, c *apiclient.Client, r apiclient.Resource) (*shownResource, error) {
	path := resourcePath(r)
	one := &shownResource{}
	if err := c.Get(ctx, path, &one.Found); err != nil {
		return nil, err
	}
	kept, err := keepingOf(ctx, c, path, one)
	if err != nil {
		return nil, err
	}
	one.Keeping = kept
	if r.Type != "Instance" {
		st, err := c.ResourceStatistics(ctx, path)
		one.Statistics = &st
		return one, err
	}
	if !o.tags {
		return one, nil
	}
	text, err := c.GetText(ctx, path+"/simplified-tags")
	one.Tags = text
	return one, err
}

// keeping says what stands against recycling the patient of a resource.
type keeping struct {
	Patient   string
	Protected bool
	Committed *bool `json:",omitempty"` // nil: an Orthanc, which does not tell
}

// keepingOf asks for it, for a resource of any level.
func keepingOf(ctx context.Context, c *apiclient.Client, path string, of *shownResource) (*keeping, error) {
	var patient apiclient.Found
	if of.Type == "Patient" {
		patient = of.Found
	} else if err := c.Get(ctx, path+"/patient", &patient); err != nil {
		return nil, err
	}
	k := &keeping{Patient: patient.ID, Protected: patient.IsProtected}
	text, err := c.GetText(ctx, "/patients/"+patient.ID+"/committed")
	if isNotFound(err) {
		return k, nil
	}
	committed := strings.TrimSpace(string(text)) == "1"
	k.Committed = &committed
	return k, err
}

func (k *keeping) print(line func(name, value string)) {
	if k.Protected {
		line("protected", "yes, the patient is never recycled")
	}
	if k.Committed != nil && *k.Committed {
		line("committed", "yes, a peer was promised that instances of the patient are kept")
	}
}

func (s *shownResource) print(w io.Writer) error {
	var b strings.Builder
	line := func(name, value string) { _, _ = fmt.Fprintf(&b, "  %-28s %s\n", name, printable(value)) }
	_, _ = fmt.Fprintf(&b, "%s %s\n", s.Type, s.ID)
	for _, tags := range []map[string]string{s.PatientMainDicomTags, s.MainDicomTags} {
		for _, name := range sortedKeys(tags) {
			if tags[name] != "" && s.Tags == nil {
				line(name, tags[name])
			}
		}
	}
	for _, parent := range [][2]string{{"Patient", s.ParentPatient}, {"Study", s.ParentStudy}, {"Series", s.ParentSeries}} {
		if parent[1] != "" {
			line("in the "+strings.ToLower(parent[0]), parent[1])
		}
	}
	if st := s.Statistics; st != nil {
		if s.Type == "Patient" {
			line("studies", fmt.Sprint(st.CountStudies))
		}
		if s.Type != "Series" {
			line("series", fmt.Sprint(st.CountSeries))
		}
		line("instances", fmt.Sprint(st.CountInstances))
		line("size", size(st.UncompressedSize))
		if st.DiskSize != st.UncompressedSize {
			line("size on the disk", size(st.DiskSize))
		}
	} else {
		line("size", size(s.FileSize))
	}
	if len(s.Labels) > 0 {
		line("labels", strings.Join(s.Labels, ", "))
	}
	s.Keeping.print(line)
	if s.Tags != nil {
		if err := printTags(&b, s.Tags, "  "); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printTags writes simplified tags, a line each, what is in sequences further to the right.
func printTags(b *strings.Builder, text json.RawMessage, indent string) error {
	var tags map[string]json.RawMessage
	if err := json.Unmarshal(text, &tags); err != nil {
		return fmt.Errorf("the answer is not the JSON expected: %w", err)
	}
	for _, name := range sortedKeys(tags) {
		var value string
		var items []json.RawMessage
		switch {
		case json.Unmarshal(tags[name], &value) == nil:
			_, _ = fmt.Fprintf(b, "%s%-28s %s\n", indent, printable(name), printable(value))
		case json.Unmarshal(tags[name], &items) == nil:
			_, _ = fmt.Fprintf(b, "%s%s: %s\n", indent, printable(name), count(len(items), "item"))
			for i, item := range items {
				if i > 0 {
					_, _ = fmt.Fprintf(b, "%s  -\n", indent)
				}
				if err := printTags(b, item, indent+"  "); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
