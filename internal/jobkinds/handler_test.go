package jobkinds

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"gantry/internal/storage/index"
)

// Whatever a handler answers, it is a verdict of the standard for each instance, or a *HandlerError.
func FuzzHandlerAnswer(f *testing.F) {
	refs := []index.Reference{ref("1.2.3"), ref("1.2.4")}
	for _, text := range []string{
		`{"Instances":[{"SOPInstanceUID":"1.2.3","Reason":0},{"SOPInstanceUID":"1.2.4","Reason":272}]}`,
		`{"Instances":[{"SOPInstanceUID":"1.2.3"},{"SOPInstanceUID":"1.2.4","Reason":1e3}]}`,
		`{"instances":null}`, `[]`, ``, `{"Instances":[{"SOPInstanceUID":"1.2.3","Reason":65536}]}`, `nul`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h := &handling{name: "handler"}
		verdicts, err := h.read(text, refs)
		var own *HandlerError
		switch {
		case err != nil && (!errors.As(err, &own) || verdicts != nil):
			t.Fatalf("%v, %v", verdicts, err)
		case err == nil && len(verdicts) != len(refs):
			t.Fatalf("%d verdicts", len(verdicts))
		}
		for _, v := range verdicts {
			if !slices.Contains(handlerReasons(), int(v)) {
				t.Fatalf("verdict %04XH", v)
			}
		}
	})
}

// A program gets of our environment what programs need, and none of the options.
func TestHandlerEnvironment(t *testing.T) {
	t.Parallel()
	got := handlerEnvironment([]string{"PATH=/bin", "GANTRY_REGISTERED_USERS__a=b", "ORTHANC__X=y", "AWS_SECRET_ACCESS_KEY=z",
		"LC_ALL=C", "HOME=/root", "path_of_secrets=1", "LCD=1"})
	if want := []string{"PATH=/bin", "LC_ALL=C", "HOME=/root"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// What a program writes on its standard error fits on a line of the log.
func TestPrintable(t *testing.T) {
	t.Parallel()
	if got := printable("\x1b[31mred\nblue\x00 \u202egreen"+strings.Repeat("x", 500), 40); len(got) > 50 || strings.ContainsAny(got, "\x1b\n\x00\u202e") {
		t.Errorf("%q", got)
	}
}

// The request a handler is given keeps its form: programs rely on it.
func TestHandlerRequestForm(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(handlerRequest{TransactionUID: "2.25.7", CallingAET: "CT01", CalledAET: "GANTRY", RemoteIP: "192.0.2.7",
		Instances: []handlerInstance{{SOPClassUID: "1.2", SOPInstanceUID: "1.2.3", Found: true, ID: "66a6"}, {SOPClassUID: "1.2", SOPInstanceUID: "1.2.4", Reason: 274}}})
	want := `{"TransactionUID":"2.25.7","CallingAET":"CT01","CalledAET":"GANTRY","RemoteIP":"192.0.2.7","Instances":[` +
		`{"SOPClassUID":"1.2","SOPInstanceUID":"1.2.3","Found":true,"ID":"66a6","Reason":0},` +
		`{"SOPClassUID":"1.2","SOPInstanceUID":"1.2.4","Found":false,"Reason":274}]}`
	if err != nil || string(b) != want {
		t.Errorf("%s %v", b, err)
	}
}
