package rest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// The description is valid OpenAPI 3 and has every route with its parameters.
func TestDescriptionIsValidAndWhole(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(openAPI(routes(), "1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	for _, route := range routes() {
		path := doc.Paths.Value(strings.ReplaceAll(route.Pattern, "...}", "}"))
		if path == nil || path.GetOperation(route.Method) == nil {
			t.Errorf("%s %s is not described", route.Method, route.Pattern)
		}
		if route.Summary == "" {
			t.Errorf("%s %s says nothing about itself", route.Method, route.Pattern)
		}
	}
}
