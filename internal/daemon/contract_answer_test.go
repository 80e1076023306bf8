package daemon_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// answer is what a server said: the status, the headers that matter, and the body as JSON, as text, or as what is in an
// archive.
type answer struct {
	status int
	header map[string]string
	body   any
}

// mattering headers are compared.
var mattering = []string{"Content-Type", "Content-Disposition", "ETag", "Content-Range", "Allow", "WWW-Authenticate", "Location", "Content-Length"}

// passing values depend on the time or are chosen at random: of these only the kind is compared.
var passing = []struct {
	pattern *regexp.Regexp
	kind    string
}{
	{regexp.MustCompile(`\b20[2-9]\d[01]\d[0-3]\dT\d{6}(\.\d{1,6})?\b`), "TIME"},
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "UUID"},
	{regexp.MustCompile(`\b2\.25\.\d{30,39}\b`), "UID"},
}

// readAnswer reads an answer for comparison. Lists of resources are sorted, unless their order is what was asked for.
func readAnswer(response *http.Response, ordered bool) (answer, error) {
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, header: map[string]string{}}
	a.body, err = readBody(text, ordered)
	if err != nil {
		return answer{}, err
	}
	_, isText := a.body.(string)
	for _, name := range mattering {
		ofBody := name == "Content-Type" || name == "Content-Length"
		if ofBody && len(text) == 0 || name == "Content-Length" && !isText {
			continue
		}
		if value := strings.Join(response.Header.Values(name), ", "); value != "" {
			a.header[name] = kindOf(value)
		}
	}
	return a, nil
}

func readBody(text []byte, ordered bool) (any, error) {
	if bytes.HasPrefix(text, []byte("PK\x03\x04")) || bytes.HasPrefix(text, []byte("PK\x05\x06")) {
		return readArchive(text)
	}
	for _, begin := range []string{"P7\n", "\x93NUMPY", "double("} {
		if bytes.HasPrefix(text, []byte(begin)) {
			return string(text), nil // pixels
		}
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if first := bytes.TrimLeft(text, " \r\n"); len(first) == 0 || !bytes.ContainsAny(first[:1], "{[") || decoder.Decode(&value) != nil {
		return kindOf(string(text)), nil //nolint:nilerr // what is no JSON is compared as text
	}
	return tidy(value, ordered), nil
}

// readArchive gives the names in an archive and the digests of the files, in their order, and that of a DICOMDIR.
func readArchive(text []byte) (any, error) {
	r, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return nil, err
	}
	names, digests, dir := []any{}, []any{}, ""
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		names = append(names, f.Name)
		if digest := fmt.Sprintf("%x", sha1.Sum(content)); f.Name == "DICOMDIR" {
			dir = digest
		} else {
			digests = append(digests, digest)
		}
	}
	return map[string]any{"names": names, "digests": digests, "DICOMDIR": dir}, nil
}

// measured are members whose values are of one server alone, or of its run.
var measured = []string{"EffectiveRuntime", "ArchiveSize", "ArchiveSizeMB", "DicomPort", "HttpPort", "DatabaseServerIdentifier"}

func kindOf(text string) string {
	for _, p := range passing {
		text = p.pattern.ReplaceAllString(text, p.kind)
	}
	return text
}

// tidy replaces passing values and sorts lists of resources.
func tidy(value any, ordered bool) any {
	switch v := value.(type) {
	case string:
		return kindOf(v)
	case map[string]any:
		for key := range v {
			if v[key] = tidy(v[key], ordered); slices.Contains(measured, key) {
				v[key] = fmt.Sprintf("%T", v[key])
			}
		}
	case []any:
		resources := true
		for i := range v {
			v[i] = tidy(v[i], ordered)
			resources = resources && identity(v[i]) != ""
		}
		if resources && !ordered {
			slices.SortStableFunc(v, func(a, b any) int { return strings.Compare(identity(a), identity(b)) })
		}
	}
	return value
}

var resourceID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{8}){4}$`)

// identity is the id of a resource in a list, "" if it is something else, or a change.
func identity(value any) string {
	switch v := value.(type) {
	case string:
		if resourceID.MatchString(v) {
			return v
		}
	case map[string]any:
		if id, isText := v["ID"].(string); isText && v["Seq"] == nil {
			return id
		}
	}
	return ""
}

// mismatch is a place where two answers differ, as "status", a header's name, or a path like body.MainDicomTags.PatientID
// and body[2].Value; a value that one has not is absent.
type mismatch struct {
	at           string
	ours, theirs any
}

type absent struct{}

func (absent) String() string { return "nothing" }

// mismatches compares two answers. If the status differs, nothing else is looked at.
func mismatches(ours, theirs answer) (list []mismatch) {
	if ours.status != theirs.status {
		return []mismatch{{"status", ours.status, theirs.status}}
	}
	for _, name := range mattering {
		if ours.header[name] != theirs.header[name] {
			list = append(list, mismatch{name, ours.header[name], theirs.header[name]})
		}
	}
	return append(list, bodyMismatches("body", ours.body, theirs.body)...)
}

func bodyMismatches(at string, ours, theirs any) (list []mismatch) {
	switch a := ours.(type) {
	case map[string]any:
		if b, same := theirs.(map[string]any); same {
			return memberMismatches(at, a, b)
		}
	case []any:
		if b, same := theirs.([]any); same {
			return elementMismatches(at, a, b)
		}
	default:
		if ours == theirs {
			return nil
		}
	}
	return []mismatch{{at, ours, theirs}}
}

func memberMismatches(at string, ours, theirs map[string]any) (list []mismatch) {
	for key, value := range ours {
		if other, there := theirs[key]; there {
			list = append(list, bodyMismatches(at+"."+key, value, other)...)
		} else {
			list = append(list, mismatch{at + "." + key, value, absent{}})
		}
	}
	for key, value := range theirs {
		if _, here := ours[key]; !here {
			list = append(list, mismatch{at + "." + key, absent{}, value})
		}
	}
	return list
}

// lacking gives the texts of a list that another has not; nil if there are none, or it has other things than texts.
func lacking(list, other []any) (only []any) {
	for _, value := range list {
		if _, isText := value.(string); !isText {
			return nil
		}
		if !slices.Contains(other, value) {
			only = append(only, value)
		}
	}
	return only
}

// elementMismatches pairs the elements of two lists: by their ids if they are resources, or else in turn.
func elementMismatches(at string, ours, theirs []any) (list []mismatch) {
	if len(ours) != len(theirs) {
		if a, b := lacking(ours, theirs), lacking(theirs, ours); a != nil || b != nil {
			ours, theirs = a, b // as lists of which neither has what the other has
		}
	}
	for len(ours) > 0 && len(theirs) > 0 {
		a, b := identity(ours[0]), identity(theirs[0])
		switch {
		case len(ours) != len(theirs) && a != "" && b != "" && a < b:
			list, ours = append(list, mismatch{at + "[]", ours[0], absent{}}), ours[1:]
		case len(ours) != len(theirs) && a != "" && b != "" && a > b:
			list, theirs = append(list, mismatch{at + "[]", absent{}, theirs[0]}), theirs[1:]
		default:
			list = append(list, bodyMismatches(at+"[]", ours[0], theirs[0])...)
			ours, theirs = ours[1:], theirs[1:]
		}
	}
	for _, value := range ours {
		list = append(list, mismatch{at + "[]", value, absent{}})
	}
	for _, value := range theirs {
		list = append(list, mismatch{at + "[]", absent{}, value})
	}
	return list
}
