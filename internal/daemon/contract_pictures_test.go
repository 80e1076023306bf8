package daemon_test

import (
	"strconv"
	"strings"
)

const asPAM = "Accept: image/x-portable-arbitrarymap"

// pictures and arrays are asked of every instance.
var (
	pictures = []string{"preview", "image-uint8", "image-uint16", "image-int16", "rendered", "rendered?window-center=100&window-width=300",
		"rendered?width=50&smooth=1", "rendered?width=70&height=300", "frames/0/preview", "frames/1/preview"}
	arrays = []string{"numpy", "numpy?rescale=0", "frames/0/numpy", "frames/1/numpy", "frames/99/numpy", "matlab", "frames/1/matlab"}
	// pictureArguments are asked of one of them.
	pictureArguments = []string{"rendered?smooth=x", "rendered?smooth", "rendered?width=20&smooth=true", "rendered?width=20&smooth=false", "rendered?width=x",
		"rendered?width=-1", "rendered?width=", "rendered?width=0", "rendered?height=1", "rendered?width=200&smooth=1", "rendered?window-width=0",
		"rendered?window-width=-5", "rendered?window-center=x", "rendered?window-width=", "frames/x/preview", "frames/-1/preview", "frames/x/rendered", "frames/-1/rendered"}
	arrayArguments = []string{"numpy?compress", "numpy?compress=1", "numpy?compress=false", "numpy?compress=yes", "numpy?rescale", "numpy?rescale=x",
		"frames/x/numpy", "frames/-1/numpy", "frames/x/matlab", "frames/0/numpy?compress=1&rescale=0", "frames/0", "matlab?rescale=0"}
)

// askPictures is about the pixels of frames, as pictures and as numbers. The argument "syntax", which both ignore, tells
// the list of intended differences what the instance is.
func askPictures(p *pair) {
	compared := 0
	for _, id := range p.listed("/instances") {
		syntax := p.syntaxOf(id)
		for _, view := range pictures {
			ours, _ := p.ask(question{request: "GET /instances/" + id + "/" + with(view, syntax), header: asPAM})
			if ours.status == 200 {
				compared++
			}
		}
		for _, view := range arrays {
			p.requests("GET /instances/" + id + "/" + with(view, syntax))
		}
	}
	if compared < 300 {
		p.t.Errorf("only %d pictures were compared", compared)
	}
	for _, id := range p.listed("/series") {
		var series struct{ Instances []string }
		ask(p.t, "GET", p.ours+"/series/"+id, nil, &series)
		p.requests("GET /series/" + id + "/" + with("numpy", p.syntaxOf(series.Instances[0])))
	}
	for _, view := range pictureArguments {
		p.ask(question{request: "GET {I}/" + view, header: asPAM})
	}
	for _, view := range arrayArguments {
		p.requests("GET {I}/" + view)
	}
	p.requests("GET {N}/numpy", "GET {N}/matlab", "GET {N}/frames/0/numpy", "GET {N}/frames/0/matlab", "GET {N}/preview", "GET /series/x/numpy",
		"GET /series/{n}/numpy?rescale=0")
}

// listed are the ids of all resources of a level.
func (p *pair) listed(path string) (ids []string) {
	p.t.Helper()
	ask(p.t, "GET", p.ours+path, nil, &ids)
	return ids
}

// syntaxOf is an argument with the transfer syntax of an instance.
func (p *pair) syntaxOf(id string) string {
	p.t.Helper()
	_, syntax := do(p.t, "GET", p.ours+"/instances/"+id+"/metadata/TransferSyntax", nil)
	return "syntax=" + string(syntax)
}

// with adds an argument to a path.
func with(path, argument string) string {
	if strings.Contains(path, "?") {
		return path + "&" + argument
	}
	return path + "?" + argument
}

// nearly is true of two pictures or arrays in bytes, or matrices as text, whose numbers differ by no more than four.
func nearly(ours, theirs any) bool {
	a, isText := ours.(string)
	b, alsoText := theirs.(string)
	if !isText || !alsoText {
		return false
	}
	near := func(x, y int) bool { return max(x, y)-min(x, y) <= 4 }
	if strings.HasPrefix(a, "double(") {
		x, y := strings.Fields(a), strings.Fields(b)
		for i := range min(len(x), len(y)) {
			m, err1 := strconv.Atoi(x[i])
			n, err2 := strconv.Atoi(y[i])
			if x[i] != y[i] && (err1 != nil || err2 != nil || !near(m, n)) {
				return false
			}
		}
		return len(x) == len(y)
	}
	for i := range min(len(a), len(b)) {
		if !near(int(a[i]), int(b[i])) {
			return false
		}
	}
	return len(a) == len(b)
}

// otherShape is true of matrices in color that differ, perhaps by rounding, in the order of the sides in their shape.
func otherShape(ours, theirs any) bool {
	a, _ := ours.(string)
	b, _ := theirs.(string)
	before, sides, found := strings.Cut(b, "], [ 3 ")
	text, after, closed := strings.Cut(sides, " ])")
	rows, columns, both := strings.Cut(text, " ")
	return found && closed && both && nearly(a, before+"], [ 3 "+columns+" "+rows+" ])"+after)
}
