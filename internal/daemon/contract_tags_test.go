package daemon_test

// tagForms are the ways to read what a file has.
var tagForms = []string{"/tags", "/tags?short", "/tags?simplify", "/simplified-tags", "/tags?whole&short", "/tags?ignore-length=0020-4000,PatientName",
	"/header", "/header?short", "/header?simplify", "/module", "/module?short", "/content", "/content/0010-0010", "/content/PatientName",
	"/content/0008-0016", "/content/0099-0099", "/content/7fe0-0010", "/content/7fe0-0010/0", "/content/7fe0-0010/1", "/content/0040-a730",
	"/content/0040-a730/0", "/content/0008-1140/0/0008-1150", "/content/300a-00b0/0", "/content/gg", "/content/5400-0100/0/003a-0200", "/pdf",
	"/frames", "/frames/0/raw", "/frames/1/raw", "/frames/99/raw", "/frames/x/raw", "/frames/-1/raw",
	"/tags?ignore-length=nonsense", "/attachments/dicom/info", "/metadata?expand", "/content/0008-0016/0"}

// askTags reads every file in every form.
func askTags(p *pair) {
	var ids []string
	ask(p.t, "GET", p.theirs+"/instances", nil, &ids)
	for i, id := range ids {
		for j, form := range tagForms {
			if j < 8 || (i+j)%3 == 0 {
				p.requests("GET /instances/" + id + form)
			}
		}
		path := "GET /instances/" + id + "/file"
		p.requests(path)
		if i%3 == 0 {
			p.ask(question{request: path, header: "Accept: application/dicom+json", ordered: true})
		}
	}
	for _, accept := range []string{"application/dicom", "application/dicom+xml", "text/html", "*/*", "application/*", "image/png", "application/dicom+json;q=0.5, */*"} {
		p.ask(question{request: "GET {I}/file", header: "Accept: " + accept, ordered: true})
	}
	p.requests("GET {I}/file?filename=a.dcm", `GET {I}/file?filename=a%22b%0Ac`, "GET {I}/file?transcode=1.2.840.10008.1.2.1", "GET {I}/file?transcode=nonsense",
		"GET {I}/file?transcode=1.2.840.10008.1.2", "GET {N}/file", "GET /instances/x/file", "GET {N}/tags", "GET {N}/content", "GET {N}/header", "GET {N}/module",
		"GET {N}/pdf", "GET {N}/simplified-tags", "GET {N}/content/0010-0010")
}

// askModules reads what the instances of a resource have in common, and one by one.
func askModules(p *pair) {
	for _, family := range []string{"patients", "studies", "series"} {
		var ids []string
		ask(p.t, "GET", p.theirs+"/"+family, nil, &ids)
		for i, id := range ids {
			path := "GET /" + family + "/" + id
			p.requests(path+"/module?short", path+"/shared-tags", path+"/shared-tags?short")
			if i%2 == 0 {
				p.requests(path+"/module", path+"/module?simplify", path+"/shared-tags?simplify", path+"/instances-tags?short")
			}
			if i%4 == 0 && family == "studies" {
				p.requests(path+"/module-patient", path+"/module-patient?short", path+"/instances-tags", path+"/instances-tags?simplify")
			}
		}
		p.requests("GET /"+family+"/x/module", "GET /"+family+"/x/shared-tags", "GET /"+family+"/x/instances-tags", "GET /"+family+"/{n}/module-patient")
	}
}
