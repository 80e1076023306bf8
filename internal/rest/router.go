package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Route is one entry of the route table: what it answers to, its documentation, and its handler.
type Route struct {
	Method  string // GET, POST, PUT, DELETE
	Pattern string // "/studies/{id}"; a segment in braces is a parameter, a last one {name...} is all that is left
	Summary string // one line, for the API's description
	Serve   func(*Server, *Call) error
}

// node is one segment of the tree of paths. A literal child wins over the parameter.
type node struct {
	children  map[string]*node
	parameter *node
	rest      *node             // takes one segment or more, to the end of the path
	name      string            // of the parameter that leads here
	routes    map[string]*Route // by method
}

// newTree arranges a route table for look-up. Two routes with the same method and pattern are a programming error
// that the tests find.
func newTree(routes []Route) *node {
	root := &node{}
	for i := range routes {
		n := root
		for _, segment := range segments(routes[i].Pattern) {
			n = n.descend(segment)
		}
		if n.routes == nil {
			n.routes = map[string]*Route{}
		}
		n.routes[routes[i].Method] = &routes[i]
	}
	return root
}

func (n *node) descend(segment string) *node {
	if name, found := strings.CutSuffix(segment, "...}"); found {
		n.rest = &node{name: strings.TrimPrefix(name, "{")}
		return n.rest
	}
	if strings.HasPrefix(segment, "{") {
		if n.parameter == nil {
			n.parameter = &node{name: strings.Trim(segment, "{}")}
		}
		return n.parameter
	}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	child := n.children[segment]
	if child == nil {
		child = &node{}
		n.children[segment] = child
	}
	return child
}

// match finds the node for the segments of a path and the values of its parameters.
func (n *node) match(path []string, params map[string]string) *node {
	if len(path) == 0 {
		if n.routes == nil {
			return nil
		}
		return n
	}
	if child := n.children[path[0]]; child != nil {
		if found := child.match(path[1:], params); found != nil {
			return found
		}
	}
	if n.parameter != nil {
		if found := n.parameter.match(path[1:], params); found != nil {
			params[n.parameter.name] = path[0]
			return found
		}
	}
	if n.rest != nil {
		params[n.rest.name] = strings.Join(path, "/")
	}
	return n.rest
}

// allow lists the methods of a node as the Allow header wants them.
func (n *node) allow() string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		if n.routes[method] != nil {
			methods = append(methods, method)
		}
	}
	return strings.Join(methods, ",")
}

// segments splits a path; doubled and trailing slashes count for nothing.
func segments(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
}

// pathSegments splits the path of a request before its escapes are undone, so that an escaped slash stays inside
// its segment.
func pathSegments(u *url.URL) ([]string, error) {
	parts := segments(u.EscapedPath())
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, err
		}
		parts[i] = plain
	}
	return parts, nil
}
