package cli

import (
	"context"
	"os"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
)

// reference names an object to be committed; study and series are known for files only.
type reference struct {
	class, instance, study, series dicom.UID
}

func (o *object) reference() reference { return reference{o.class, o.instance, o.study, o.series} }

// references turns the arguments of `stgcmt request` into references: files, folders and CLASS=UID pairs.
func references(ctx context.Context, o *clientOptions, args []string) ([]reference, *findings, error) {
	var refs []reference
	var paths []string
	classes := classNames{}
	for _, arg := range args {
		ref, ok, err := classes.parsePair(arg)
		switch {
		case err != nil:
			return nil, nil, err
		case ok:
			refs = append(refs, ref)
		default:
			paths = append(paths, arg)
		}
	}
	f, err := find(ctx, o, paths)
	if err != nil {
		return nil, nil, err
	}
	for i := range f.objects {
		refs = append(refs, f.objects[i].reference())
	}
	return distinct(refs), f, nil
}

// parsePair reads CLASS=UID, unless a file has that name. CLASS is a UID or a keyword such as CTImageStorage.
func (c classNames) parsePair(arg string) (ref reference, ok bool, err error) {
	class, instance, found := strings.Cut(arg, "=")
	if !found {
		return ref, false, nil
	}
	if _, err := os.Stat(arg); err == nil {
		return ref, false, nil
	}
	ref = reference{class: c.uid(class), instance: dicom.UID(instance)}
	if !ref.class.Valid() || !ref.instance.Valid() {
		return ref, false, usagef("%q is neither a file nor CLASS=UID, such as CTImageStorage=1.2.840.1", arg)
	}
	return ref, true, nil
}

// classNames are the storage SOP classes that were asked for by keyword.
type classNames map[string]dicom.UID

// uid turns a keyword into its UID; "" if there is none.
func (c classNames) uid(class string) dicom.UID {
	if class == "" || class[0] >= '0' && class[0] <= '9' {
		return dicom.UID(class)
	}
	uid, known := c[class]
	if !known {
		uid = storageClass(class)
		c[class] = uid
	}
	return uid
}

func storageClass(class string) dicom.UID {
	for _, uid := range dict.StorageSOPClasses() {
		if e, ok := dict.LookupUID(uid); ok && strings.EqualFold(e.Keyword, class) {
			return uid
		}
	}
	return ""
}

// distinct keeps the first of equal references.
func distinct(refs []reference) []reference {
	seen := make(map[[2]dicom.UID]bool, len(refs))
	kept := refs[:0]
	for _, r := range refs {
		key := [2]dicom.UID{r.class, r.instance}
		if !seen[key] {
			seen[key] = true
			kept = append(kept, r)
		}
	}
	return kept
}

// grouping says how references are spread over requests.
type grouping struct {
	perStudy, perSeries bool
	max                 int // 0: no limit
}

// split forms the groups, in the order in which their first reference came.
func (g grouping) split(refs []reference) [][]reference {
	index := map[dicom.UID]int{}
	var groups [][]reference
	for _, r := range refs {
		var key dicom.UID
		switch {
		case g.perSeries:
			key = r.series
		case g.perStudy:
			key = r.study
		}
		i, ok := index[key]
		if !ok || g.max > 0 && len(groups[i]) == g.max {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}
