package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gantry/internal/apiclient"
)

// shortestID is how many characters of an identifier have to be given.
const shortestID = 4

// resolveAll finds the resources that are meant, each once.
func resolveAll(ctx context.Context, c *apiclient.Client, names []string) ([]apiclient.Resource, error) {
	ids := &knownIDs{client: c, lists: map[string][]string{}}
	var all []apiclient.Resource
	for _, name := range names {
		found, err := ids.resolve(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// knownIDs asks for the identifiers of a level once.
type knownIDs struct {
	client *apiclient.Client
	lists  map[string][]string
	// instances may be meant, too.
	instances bool
}

// resolve finds what a name on the command line means: (the beginning of) a public id, a DICOM identifier, or an accession
// number, of which there may be several studies.
func (k *knownIDs) resolve(ctx context.Context, name string) ([]apiclient.Resource, error) {
	if strings.TrimSpace(name) == "" {
		return nil, usagef("%s is empty", map[bool]string{false: "STUDY", true: "ID"}[k.instances])
	}
	if isIDStart(name) {
		found, err := k.byID(ctx, strings.ToLower(name))
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	found, err := k.client.Lookup(ctx, name)
	if strings.ContainsAny(name, `*?`) && as[*apiclient.StatusError](err) {
		return nil, &usageError{err: fmt.Errorf("%q: one identifier is expected, no pattern", name),
			hint: "\"gantry ls studies --name 'M*'\" finds by patterns."}
	}
	if err != nil {
		return nil, err
	}
	accession, err := k.byAccession(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, r := range accession {
		if !slices.Contains(found, r) {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return nil, &notFoundError{fmt.Sprintf("%q is no %s that the daemon has", name, k.kinds())}
	}
	if first := found[0].Type; slices.ContainsFunc(found, func(r apiclient.Resource) bool { return r.Type != first }) {
		return nil, &usageError{err: fmt.Errorf("%q names %s", name, describe(found)), hint: "Give the identifier of the one that is meant."}
	}
	return found, nil
}

func (k *knownIDs) kinds() string {
	if k.instances {
		return "patient, study, series or instance"
	}
	return "study, patient or series"
}

// isIDStart tells what may be the beginning of a public id.
func isIDStart(name string) bool {
	if len(name) < shortestID || len(name) > 44 {
		return false
	}
	for i, c := range strings.ToLower(name) {
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
		if (i%9 == 8) != (c == '-') || c != '-' && !hex {
			return false
		}
	}
	return true
}

// byID looks at the studies, then at patients and series. A text of digits may be another identifier, too: only what one
// level alone has counts.
func (k *knownIDs) byID(ctx context.Context, start string) ([]apiclient.Resource, error) {
	levels := []struct{ path, kind string }{{"studies", "Study"}, {"patients", "Patient"}, {"series", "Series"}}
	if k.instances && len(start) == 44 {
		if err := k.client.Get(ctx, "/instances/"+start, &struct{}{}); err == nil {
			return []apiclient.Resource{{ID: start, Type: "Instance"}}, nil
		}
	} else if k.instances {
		levels = append(levels, struct{ path, kind string }{"instances", "Instance"})
	}
	for _, level := range levels {
		list, known := k.lists[level.path]
		if !known {
			var err error
			if list, err = k.client.IDs(ctx, level.path); err != nil {
				return nil, err
			}
			k.lists[level.path] = list
		}
		var found []apiclient.Resource
		for _, id := range list {
			if strings.HasPrefix(id, start) {
				found = append(found, apiclient.Resource{ID: id, Type: level.kind})
			}
		}
		switch {
		case len(found) > 1:
			return nil, &usageError{err: fmt.Errorf("%q is the beginning of %s", start, describe(found)), hint: "Give more of the identifier."}
		case len(found) == 1:
			return found, nil
		}
	}
	return nil, nil
}

func (k *knownIDs) byAccession(ctx context.Context, number string) ([]apiclient.Resource, error) {
	if strings.ContainsAny(number, `*?\`) {
		return nil, nil // it would be taken for a pattern
	}
	ids, err := k.client.FindStudies(ctx, number)
	var status *apiclient.StatusError
	if errors.As(err, &status) && (status.Status == 404 || status.Status == 405) {
		return nil, nil // a server that cannot search
	}
	found := make([]apiclient.Resource, len(ids))
	for i, id := range ids {
		found[i] = apiclient.Resource{ID: id, Type: "Study"}
	}
	return found, err
}

// describe names some resources.
func describe(list []apiclient.Resource) string {
	const enough = 4
	var names []string
	for _, r := range list[:min(len(list), enough)] {
		names = append(names, strings.ToLower(r.Type)+" "+r.ID)
	}
	text := strings.Join(names, ", ")
	if len(list) > enough {
		text += fmt.Sprintf(" and %d more", len(list)-enough)
	}
	return text
}
