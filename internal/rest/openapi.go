package rest

import (
	"net/http"
	"regexp"
	"strings"
)

func openAPIRoutes() []Route {
	return []Route{{http.MethodGet, "/openapi.json", "The description of this API in OpenAPI 3", describeAPI}}
}

func describeAPI(s *Server, c *Call) error { return c.JSON(openAPI(routes(), s.Version)) }

// The parts of an OpenAPI 3 description that are used here.
type (
	apiDocument struct {
		OpenAPI    string                             `json:"openapi"`
		Info       apiInfo                            `json:"info"`
		Paths      map[string]map[string]apiOperation `json:"paths"`
		Tags       []apiTag                           `json:"tags"`
		Security   []map[string][]string              `json:"security"`
		Components apiComponents                      `json:"components"`
	}
	apiInfo struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		Version     string `json:"version"`
	}
	apiTag struct {
		Name string `json:"name"`
	}
	apiOperation struct {
		OperationID string                 `json:"operationId"`
		Summary     string                 `json:"summary"`
		Tags        []string               `json:"tags"`
		Parameters  []apiParameter         `json:"parameters,omitempty"`
		RequestBody *apiBody               `json:"requestBody,omitempty"`
		Responses   map[string]apiResponse `json:"responses"`
	}
	apiParameter struct {
		Name     string    `json:"name"`
		In       string    `json:"in"`
		Required bool      `json:"required,omitempty"`
		Schema   apiSchema `json:"schema"`
	}
	apiBody struct {
		Content map[string]apiContent `json:"content"`
	}
	apiResponse struct {
		Description string                `json:"description"`
		Content     map[string]apiContent `json:"content,omitempty"`
	}
	apiContent struct {
		Schema apiSchema `json:"schema"`
	}
	apiSchema struct {
		Reference  string               `json:"$ref,omitempty"`
		Type       string               `json:"type,omitempty"`
		Properties map[string]apiSchema `json:"properties,omitempty"`
	}
	apiComponents struct {
		Schemas         map[string]apiSchema         `json:"schemas"`
		SecuritySchemes map[string]map[string]string `json:"securitySchemes"`
	}
)

// openAPI describes a route table (OpenAPI 3.0.3). What a summary calls "?name" is an argument of the query.
func openAPI(table []Route, version string) *apiDocument {
	text := apiSchema{Type: "string"}
	number := apiSchema{Type: "integer"}
	doc := &apiDocument{
		OpenAPI: "3.0.3",
		Info: apiInfo{Title: "gantry", Version: version,
			Description: "The REST API of gantry, which follows that of Orthanc " + APIVersion + "."},
		Paths:    map[string]map[string]apiOperation{},
		Tags:     []apiTag{},
		Security: []map[string][]string{{}, {"basic": {}}},
		Components: apiComponents{
			Schemas: map[string]apiSchema{"Error": {Type: "object", Properties: map[string]apiSchema{"Details": text,
				"ErrorPayload": {Type: "object"},
				"HttpError":    text, "HttpStatus": number, "Message": text, "Method": text, "OrthancError": text, "OrthancStatus": number,
				"Uri": text}}},
			SecuritySchemes: map[string]map[string]string{"basic": {"type": "http", "scheme": "basic"}},
		},
	}
	seen := map[string]bool{}
	for _, route := range table {
		path := strings.ReplaceAll(route.Pattern, "...}", "}")
		if doc.Paths[path] == nil {
			doc.Paths[path] = map[string]apiOperation{}
		}
		operation := describeRoute(route)
		doc.Paths[path][strings.ToLower(route.Method)] = operation
		if family := operation.Tags[0]; !seen[family] {
			seen[family] = true
			doc.Tags = append(doc.Tags, apiTag{family})
		}
	}
	return doc
}

func describeRoute(route Route) apiOperation {
	operation := apiOperation{Summary: route.Summary, Tags: []string{familyOf(route.Pattern)},
		OperationID: operationID(route),
		Responses: map[string]apiResponse{
			"200": {Description: "Done"},
			"default": {Description: "Not done", Content: map[string]apiContent{
				"application/json": {apiSchema{Reference: "#/components/schemas/Error"}}}},
		}}
	for _, segment := range segments(route.Pattern) {
		if name, found := strings.CutPrefix(segment, "{"); found {
			name = strings.TrimSuffix(strings.TrimSuffix(name, "}"), "...")
			operation.Parameters = append(operation.Parameters,
				apiParameter{Name: name, In: "path", Required: true, Schema: apiSchema{Type: "string"}})
		}
	}
	for _, argument := range argumentsIn(route.Summary) {
		operation.Parameters = append(operation.Parameters,
			apiParameter{Name: argument, In: "query", Schema: apiSchema{Type: "string"}})
	}
	if route.Method == http.MethodPost || route.Method == http.MethodPut {
		operation.RequestBody = &apiBody{Content: map[string]apiContent{"application/json": {}, "text/plain": {},
			"application/octet-stream": {}}}
	}
	return operation
}

// familyOf is the first segment of a path, under which the description groups its routes.
func familyOf(pattern string) string {
	if list := segments(pattern); len(list) > 0 {
		return list[0]
	}
	return "root"
}

// operationID names a route, as in "get-studies-id-archive".
func operationID(route Route) string {
	words := strings.FieldsFunc(route.Pattern, func(r rune) bool { return strings.ContainsRune("/{}.", r) })
	return strings.Join(append([]string{strings.ToLower(route.Method)}, words...), "-")
}

// argumentsIn finds the arguments of the query that a summary names.
func argumentsIn(summary string) (names []string) {
	argument := regexp.MustCompile(`\?([a-zA-Z][a-zA-Z-]*)`)
	seen := map[string]bool{}
	for _, match := range argument.FindAllStringSubmatch(summary, -1) {
		if name := match[1]; !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
