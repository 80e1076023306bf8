package daemon_test

import (
	"encoding/json"
)

// askArchives is about the names in archives and media, their order, and what is in them; and about what is refused.
func askArchives(p *pair) {
	var patients []struct{ ID string }
	ask(p.t, "GET", p.theirs+"/patients?expand", nil, &patients)
	for _, utf8 := range []bool{false, true} {
		var all []string
		for _, patient := range patients {
			all = append(all, patient.ID)
		}
		body, err := json.Marshal(map[string]any{"Resources": all, "Utf8": utf8, "Filename": "all of it.zip"})
		if err != nil {
			p.t.Fatal(err)
		}
		p.requests("POST /tools/create-archive " + string(body))
	}
	for _, level := range []string{"{S}", "{E}", "{P}", "/series/" + mrSeries} {
		p.requests("GET "+level+"/archive", "GET "+level+"/media", "POST "+level+"/archive {}", "POST "+level+`/media {"Extended": true, "Filename": "a\"b/c.zip"}`,
			"GET "+level+"/archive?filename=x.zip", "GET "+level+"/media?extended")
	}
	p.requests("GET /tools/create-archive?resources={s},"+mrSeries, "GET /tools/create-media?resources={s}&filename=y.zip",
		`POST /tools/create-archive ["{i}", "{s}"]`, `POST /tools/create-media-extended ["{i}"]`,
		"GET /studies/abc/archive", "GET /series/{p}/archive", "POST /studies/abc/media {}", "POST {P}/archive", "GET {P}/archive?transcode=1.2.3",
		"GET /instances/{p}/archive", "GET /tools/create-archive", "GET /tools/create-media", "GET /tools/create-archive?resources=",
		"GET /tools/create-archive?resources=abc", "GET /tools/create-archive?resources={p},", "POST /tools/create-archive {}",
		`POST /tools/create-archive {"Resources":"x"}`, `POST /tools/create-archive {"Resources":["x"]}`, "POST /tools/create-archive []",
		`POST /tools/create-archive ["{p}",5]`, "POST /tools/create-archive", "POST /tools/create-media-extended {p}", "PUT /tools/create-archive {}")
}
