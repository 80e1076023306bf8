package daemon_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gantry/internal/testkit"
)

// askErrors asks for all that both serve with the wrong method, for what is not there, and with bodies that are not what
// they have to be. The routes are those that both describe.
func askErrors(t *testing.T, c *contract) {
	p := c.pair(t, nil).samples("CT_small.dcm")
	file := filepath.Join(testkit.SharedDir(t), "openapi.json")
	if out, err := exec.CommandContext(t.Context(), c.program, "--openapi="+file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	described, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, ours := do(t, http.MethodGet, p.ours+"/openapi.json", nil)
	served, all := operations(t, ours), operations(t, described)
	paths := map[string][]string{} // methods of both
	for _, operation := range all {
		method, path, _ := strings.Cut(operation, " ")
		if slices.Contains(served, operation) && path != "/tools/shutdown" && path != "/tools/reset" {
			paths[path] = append(paths[path], method)
		}
	}
	parameter := regexp.MustCompile(`\{\}`)
	for path, methods := range paths {
		unknown := strings.Replace(path, "{}", "x", 1)
		for _, name := range []string{"dicom", "0010-0010", "y"} {
			unknown = strings.Replace(unknown, "{}", name, 1)
		}
		if strings.Contains(path, "{}") {
			for _, method := range methods {
				p.requests(method + " " + unknown)
				p.requests(method + " " + strings.Replace(unknown, "/x", "/{n}", 1))
			}
		}
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			if !slices.Contains(all, method+" "+path) && !slices.Contains(served, method+" "+path) {
				p.requests(method + " " + unknown)
			}
		}
		if slices.Contains(methods, "POST") && !parameter.MatchString(path) && path != "/instances" && path != "/tools/execute-script" {
			p.requests("POST "+path+" {", "POST "+path+" 1", `POST `+path+` "x"`, "POST "+path+" null", "POST "+path+" [[]]", `POST `+path+` {"Resources": {}}`)
		}
	}
	p.requests("GET /nothing", "POST /nothing", "PUT /nothing", "DELETE /nothing", "HEAD /system", "OPTIONS /system", "PATCH /system",
		"GET /instances/%00", "GET /studies/..%2f..",
		"GET /studies/./x", "POST /tools/lookup/../find {}", "GET /system?_method=DELETE",
		`POST /tools/bulk-content {"Resources": [],}`, `POST /tools/bulk-content {"Resources": []} // none`,
		"GET /instances/a%22b", "GET /INSTANCES", "GET /system?x=%zz", "GET /instances/{i}/nothing", "GET /instances/{i}/tags/nothing")
	p.ask(question{request: "GET /system", header: "X-HTTP-Method-Override: DELETE"})
}
