package rest

import (
	"net/url"
	"testing"
)

func TestRoutesAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, route := range routes() {
		key := route.Method + " " + route.Pattern
		if seen[key] {
			t.Errorf("%s stands in the table twice", key)
		}
		seen[key] = true
		if route.Summary == "" || route.Serve == nil {
			t.Errorf("%s has no summary or no handler", key)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tree := newTree([]Route{{Method: "GET", Pattern: "/studies"}, {Method: "GET", Pattern: "/studies/{id}"},
		{Method: "POST", Pattern: "/studies/{id}"}, {Method: "GET", Pattern: "/studies/{id}/series"},
		{Method: "GET", Pattern: "/studies/newest"}, {Method: "GET", Pattern: "/instances/{id}/frames/{number}"}})
	for _, test := range []struct{ path, allow, id string }{
		{"/studies", "GET", ""},
		{"//studies//", "GET", ""},
		{"/studies/a%2Fb", "GET,POST", "a/b"},
		{"/studies/newest", "GET", ""},
		{"/studies/newest/series", "GET", "newest"},
		{"/studies/x/series/", "GET", "x"},
		{"/studies/..", "GET,POST", ".."},
		{"/instances/i/frames/3", "GET", "i"},
		{"/", "", ""}, {"/study", "", ""}, {"/studies/x/y", "", ""}, {"/instances/i/frames", "", ""},
	} {
		u, err := url.Parse("http://localhost" + test.path)
		if err != nil {
			t.Fatal(err)
		}
		path, err := pathSegments(u)
		if err != nil {
			t.Fatal(err)
		}
		params := map[string]string{}
		found := tree.match(path, params)
		if found == nil {
			if test.allow != "" {
				t.Errorf("%s: not found", test.path)
			}
			continue
		}
		if allow := found.allow(); allow != test.allow || params["id"] != test.id {
			t.Errorf("%s: allows %q with id %q, want %q with %q", test.path, allow, params["id"], test.allow, test.id)
		}
	}
}
