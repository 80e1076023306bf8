package daemon_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gantry/internal/config"
	"gantry/internal/testkit"
)

// contract is what gantry and the newest Orthanc are asked, and how often each intended difference was met.
type contract struct {
	program string
	asked   atomic.Int64 // questions
	ran     atomic.Int64 // families
	warns   atomic.Bool  // Orthanc is of another release than the one gantry follows
	mu      sync.Mutex
	met     map[*place]int
}

// pair is a gantry and an Orthanc that hold the same objects.
type pair struct {
	*contract
	t            *testing.T
	ours, theirs string
	gantry       *server
	orthanc      *orthanc
	options      string // of Orthanc's configuration, one a line
}

// question is asked of both. The request is "METHOD PATH BODY"; it may have placeholders, see known.
type question struct {
	request string
	header  string // "Name: value"
	body    []byte // sent in place of the request's
	ordered bool   // the order of a list of resources has to be the same
}

// pair starts both, configured alike, with the modality "dead", where nobody listens.
func (c *contract) pair(t *testing.T, change func(*config.Config), options ...string) *pair {
	t.Helper()
	s := start(t, func(cfg *config.Config) {
		cfg.DicomAet, cfg.Name, cfg.LogLevel = "ORTHANC", "contract", "info"
		if change != nil {
			change(cfg)
		}
	})
	o := startOrthanc(t, c.program, s.dicomPort(), append(options, `"Name": "contract"`)...)
	p := &pair{contract: c, t: t, ours: s.url, theirs: o.url, gantry: s, orthanc: o, options: strings.Join(options, "\n")}
	if len(s.cfg.RegisteredUsers) > 0 {
		return p
	}
	var system struct{ Version string }
	ask(t, "GET", p.theirs+"/system", nil, &system)
	if !strings.HasPrefix(system.Version, "1.13.") && !c.warns.Swap(true) {
		t.Logf("WARNING: compared with Orthanc %s, not 1.13; differences do not fail", system.Version)
	}
	ask(t, "DELETE", p.theirs+"/modalities/gantry", nil, nil)
	for _, base := range []string{p.ours, p.theirs} {
		ask(t, "PUT", base+"/modalities/dead", []byte(`["DEAD", "127.0.0.1", 1]`), nil)
	}
	return p
}

// on is the same pair for another test.
func (p *pair) on(t *testing.T) *pair {
	q := *p
	q.t = t
	return &q
}

// known are the ids of some samples, by rule 4 of Orthanc's REST API.
var known = strings.NewReplacer("{I}", "/instances/"+ctInstance, "{E}", "/series/"+ctSeries, "{S}", "/studies/"+ctStudy,
	"{P}", "/patients/"+ctPatient, "{N}", "/instances/"+noInstance, "{i}", ctInstance, "{e}", ctSeries, "{s}", ctStudy, "{p}", ctPatient,
	"{n}", noInstance)

const (
	ctInstance = "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"
	ctSeries   = "93034833-163e42c3-bc9a428b-194620cf-2c5799e5"
	ctStudy    = "8a8cf898-ca27c490-d0c7058c-929d0581-2bbf104d"
	ctPatient  = "fa558bce-587a86d3-ad0da9b3-9d043d9d-4f5c5718"
	mrPatient  = "23755877-c2ffb60d-d0df4093-e1f071a3-68b19506"
	mrSeries   = "211fb9b0-46831f91-29422fb0-3d1353fd-1a2228a9"
	noInstance = "66a662ce-7430e543-bad44d47-0dc5a943-ec7a538d"
)

// plain asks with a connection for each request, sees what was sent as it was sent, and follows nobody.
var plain = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// ask asks both and complains of every difference that is not intended. It returns both answers.
func (p *pair) ask(q question) (ours, theirs answer) {
	p.t.Helper()
	p.asked.Add(1)
	q.request = known.Replace(q.request)
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		theirs, failed = q.of(p.t, p.theirs)
	}()
	ours, err := q.of(p.t, p.ours)
	<-done
	if err != nil || failed != nil {
		p.t.Errorf("%s: %v; Orthanc: %v", q.request, err, failed)
		return ours, theirs
	}
	p.compare(q, ours, theirs)
	return ours, theirs
}

// requests asks a list of questions in turn.
func (p *pair) requests(list ...string) {
	p.t.Helper()
	for _, request := range list {
		p.ask(question{request: request})
	}
}

func (p *pair) questions(list []question) {
	p.t.Helper()
	for _, q := range list {
		p.ask(q)
	}
}

func (q question) of(t *testing.T, base string) (answer, error) {
	method, rest, _ := strings.Cut(q.request, " ")
	path, text, _ := strings.Cut(rest, " ")
	if q.body != nil {
		text = string(q.body)
	}
	rq, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	if name, value, found := strings.Cut(q.header, ": "); found {
		rq.Header.Set(name, value)
	}
	response, err := plain.Do(rq)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	return readAnswer(response, q.ordered)
}

// shown is how many differences of one answer are told.
const shown = 4

func (p *pair) compare(q question, ours, theirs answer) {
	p.t.Helper()
	var told []string
	for _, m := range mismatches(ours, theirs) {
		if p.intended(q, m) {
			continue
		}
		told = append(told, fmt.Sprintf("%s: %s, Orthanc %s", m.at, brief(m.ours), brief(m.theirs)))
		if m.at == "status" {
			told = append(told, brief(ours.body), brief(theirs.body))
		}
	}
	if len(told) == 0 {
		return
	}
	if more := len(told) - shown; more > 0 {
		told = append(told[:shown], fmt.Sprintf("and %d more", more))
	}
	complain := p.t.Errorf
	if p.warns.Load() {
		complain = p.t.Logf
	}
	complain("%s %s\n\t%s", q.request, q.header, strings.Join(told, "\n\t"))
}

func brief(value any) string {
	if value == (absent{}) {
		return "nothing"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.400s", text)
}

// upload stores a file in both. What only one of them takes is deleted there.
func (p *pair) upload(name string, file []byte) (id string) {
	p.t.Helper()
	ours, theirs := p.ask(question{request: "POST /instances " + name, body: file})
	id = storedID(theirs)
	if here := storedID(ours); here != id {
		for base, stored := range map[string]string{p.ours: here, p.theirs: id} {
			if stored != "" {
				ask(p.t, "DELETE", base+"/instances/"+stored, nil, nil)
			}
		}
		return ""
	}
	return id
}

func storedID(a answer) string {
	body, _ := a.body.(map[string]any)
	if id, isText := body["ID"].(string); isText && body["Status"] == "Success" {
		return id
	}
	return ""
}

// samples stores some of the samples in both.
func (p *pair) samples(names ...string) *pair {
	p.t.Helper()
	for _, name := range names {
		file, err := os.ReadFile(filepath.Join(testkit.Samples(p.t), name))
		if err != nil {
			p.t.Fatal(err)
		}
		p.upload(name, file)
	}
	return p
}
