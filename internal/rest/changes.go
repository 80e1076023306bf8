package rest

import (
	"net/http"
	"strconv"
	"strings"

	"gantry/internal/storage/index"
)

func changeRoutes() []Route {
	return []Route{
		{http.MethodGet, "/changes", "What has come and changed, in order: ?since, ?to, ?limit, ?type=A;B, or ?last alone", listChanges},
		{http.MethodDelete, "/changes", "Empty that log", clearChanges},
		{http.MethodGet, "/exports", "What was sent to peers, in order (option LogExportedResources): ?since, ?limit, or ?last alone", listExports},
		{http.MethodDelete, "/exports", "Empty that log", clearExports},
	}
}

const (
	defaultLogLimit = 100
	// maximumLogLimit bounds the entries of one answer: Done tells that there are more.
	maximumLogLimit = 100_000
)

var changeNames = map[string]index.ChangeType{
	"NewInstance": index.ChangeNewInstance, "NewSeries": index.ChangeNewSeries, "NewStudy": index.ChangeNewStudy,
	"NewPatient": index.ChangeNewPatient, "StablePatient": index.ChangeStablePatient,
	"StableStudy": index.ChangeStableStudy, "StableSeries": index.ChangeStableSeries, "Deleted": index.ChangeDeleted,
	"UpdatedMetadata": index.ChangeUpdatedMetadata, "UpdatedAttachment": index.ChangeUpdatedAttachment,
	"NewChildInstance": index.ChangeNewChildInstance, "CompletedSeries": index.ChangeCompletedSeries,
	"AnonymizedPatient": index.ChangeAnonymizedPatient, "AnonymizedSeries": index.ChangeAnonymizedSeries,
	"AnonymizedStudy": index.ChangeAnonymizedStudy, "ModifiedPatient": index.ChangeModifiedPatient,
	"ModifiedSeries": index.ChangeModifiedSeries, "ModifiedStudy": index.ChangeModifiedStudy,
}

func changeName(c index.ChangeType) string {
	for name, number := range changeNames {
		if number == c {
			return name
		}
	}
	return strconv.Itoa(int(c))
}

type changeJSON struct {
	ChangeType   string
	Date         string
	ID           index.ID
	Path         string
	ResourceType string
	Seq          int64
}

type changesJSON struct {
	Changes []changeJSON
	Done    bool
	First   *int64 `json:",omitempty"`
	Last    int64
}

// logNumber reads an argument of the logs; one that is no number counts as absent.
func (c *Call) logNumber(name string, absent int64) int64 {
	n, err := strconv.ParseInt(c.Request.URL.Query().Get(name), 10, 64)
	if err != nil {
		return absent
	}
	return n
}

func (c *Call) logLimit() int {
	n := c.logNumber("limit", defaultLogLimit)
	if n < 0 || n > maximumLogLimit {
		n = maximumLogLimit
	}
	return int(n)
}

// changeQuery reads the arguments of /changes.
func (c *Call) changeQuery() (q index.ChangeQuery, err error) {
	if c.Request.URL.Query().Has("last") {
		return index.ChangeQuery{To: -1, Limit: 1, Newest: true}, nil
	}
	q = index.ChangeQuery{Since: max(c.logNumber("since", 0), 0), To: c.logNumber("to", -1), Limit: c.logLimit()}
	q.Newest = q.To >= 0 && q.Since == 0 // what lies before a number, rather than behind one
	if q.To < -1 {
		q.To = 0
	}
	for name := range strings.SplitSeq(c.Request.URL.Query().Get("type"), ";") {
		number, known := changeNames[name]
		switch {
		case name == "All":
			q.Types = nil
			return q, nil
		case known:
			q.Types = append(q.Types, number)
		case name != "":
			return q, fail(statusParameterOutOfRange, "Invalid value for a change: %.80s", name)
		}
	}
	return q, nil
}

func listChanges(s *Server, c *Call) error {
	q, err := c.changeQuery()
	if err != nil {
		return err
	}
	found, more, last, err := s.Store.ChangesLike(c.Request.Context(), q)
	if err != nil {
		return err
	}
	answer := changesJSON{Changes: []changeJSON{}, Done: !more || c.Request.URL.Query().Has("last"), Last: last}
	for _, ch := range found {
		answer.Changes = append(answer.Changes, changeJSON{ChangeType: changeName(ch.Type), Date: isoTime(ch.Time), ID: ch.ID,
			Path: resourcePath(ch.Resource), ResourceType: ch.Level.String(), Seq: ch.Seq})
	}
	if len(found) > 0 {
		answer.First, answer.Last = &found[0].Seq, found[len(found)-1].Seq
	}
	return c.JSON(answer)
}

func clearChanges(s *Server, c *Call) error {
	if err := s.Store.ClearChanges(c.background()); err != nil {
		return err
	}
	return c.Empty()
}
