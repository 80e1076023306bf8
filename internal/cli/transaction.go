package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
)

// transaction is one storage commitment request and what became of it.
type transaction struct {
	uid      dicom.UID
	refs     []reference
	sent     bool  // the N-ACTION was answered
	refused  error // the N-ACTION was not answered with success
	reported bool
	from     string // AE title that reported
	outcome  map[[2]dicom.UID]uint16
	extra    []reference    // reported, but not asked for
	dataset  *dicom.Dataset // the event information
}

// committed is the outcome of an instance that was committed; others are Failure Reasons (0008,1197).
const committed = 0

func newTransaction(refs []reference) *transaction {
	return &transaction{uid: dicom.NewUID(), refs: refs, outcome: make(map[[2]dicom.UID]uint16, len(refs))}
}

// information is the data set of the N-ACTION (PS3.4 J.3.2.1).
func (t *transaction) information() *dicom.Dataset {
	items := make([]*dicom.Dataset, len(t.refs))
	for i, r := range t.refs {
		items[i] = new(dicom.Dataset)
		items[i].SetUID(dicom.TagReferencedSOPClassUID, r.class)
		items[i].SetUID(dicom.TagReferencedSOPInstanceUID, r.instance)
	}
	ds := new(dicom.Dataset)
	ds.SetUID(dicom.TagTransactionUID, t.uid)
	ds.SetItems(dicom.TagReferencedSOPSequence, items...)
	return ds
}

// take notes the event information (PS3.4 J.3.3.1) and compares it with what was asked for.
func (t *transaction) take(ds *dicom.Dataset) {
	t.dataset = ds
	asked := make(map[[2]dicom.UID]bool, len(t.refs))
	for _, r := range t.refs {
		asked[[2]dicom.UID{r.class, r.instance}] = true
	}
	note := func(item *dicom.Dataset, reason uint16) {
		key := [2]dicom.UID{item.UID(dicom.TagReferencedSOPClassUID), item.UID(dicom.TagReferencedSOPInstanceUID)}
		if !asked[key] {
			t.extra = append(t.extra, reference{class: key[0], instance: key[1]})
			return
		}
		t.outcome[key] = reason
	}
	for _, item := range ds.Items(dicom.TagReferencedSOPSequence) {
		note(item, committed)
	}
	for _, item := range ds.Items(dicom.TagFailedSOPSequence) {
		reason, ok := item.Uint16(dicom.TagFailureReason)
		if !ok || reason == committed {
			reason = uint16(dimse.StatusProcessingFailure)
		}
		note(item, reason)
	}
	t.reported = true
}

// instanceResult is the fate of one object, as --json prints it.
type instanceResult struct {
	SOPClassUID, SOPInstanceUID dicom.UID
	Transaction                 dicom.UID
	Result                      string // committed, failed, not reported, pending, refused
	FailureReason               uint16 `json:",omitempty"`
	Description                 string `json:",omitempty"`
}

func (t *transaction) results() []instanceResult {
	list := make([]instanceResult, len(t.refs))
	for i, r := range t.refs {
		list[i] = instanceResult{SOPClassUID: r.class, SOPInstanceUID: r.instance, Transaction: t.uid}
		t.judge(&list[i])
	}
	return list
}

func (t *transaction) judge(r *instanceResult) {
	reason, ok := t.outcome[[2]dicom.UID{r.SOPClassUID, r.SOPInstanceUID}]
	switch {
	case t.refused != nil:
		r.Result, r.Description = "refused", strings.TrimPrefix(plain(t.refused), "status ")
	case !t.reported:
		r.Result, r.Description = "pending", "no report yet"
	case !ok:
		r.Result, r.Description = "not reported", "the report leaves it out"
	case reason == committed:
		r.Result = "committed"
	default:
		r.Result, r.FailureReason, r.Description = "failed", reason, failureReason(reason)
	}
}

// failureReason is a Failure Reason (0008,1197) in words (PS3.3 C.14.1.1).
func failureReason(reason uint16) string {
	words := map[uint16]string{
		0x0110: "processing failure", 0x0112: "not stored there", 0x0119: "stored there under another SOP class",
		0x0122: "SOP class not supported there", 0x0131: "transaction UID already in use", 0x0213: "no resources for it there",
	}
	if text, ok := words[reason]; ok {
		return fmt.Sprintf("%04XH %s", reason, text)
	}
	return dimse.Status(reason).String()
}

// transactions are all requests of one command.
type transactions []*transaction

func newTransactions(groups [][]reference) transactions {
	list := make(transactions, len(groups))
	for i, refs := range groups {
		list[i] = newTransaction(refs)
	}
	return list
}

// asked tells whether the peer has answered a request, so that there is something to show.
func (ts transactions) asked() bool {
	return slices.ContainsFunc(ts, func(t *transaction) bool { return t.sent || t.reported })
}

// results are sorted by SOP Instance UID.
func (ts transactions) results() []instanceResult {
	list := []instanceResult{}
	for _, t := range ts {
		list = append(list, t.results()...)
	}
	slices.SortStableFunc(list, func(a, b instanceResult) int { return compareUIDs(string(a.SOPInstanceUID), string(b.SOPInstanceUID)) })
	return list
}

// pending are the UIDs of the transactions without a report.
func (ts transactions) pending() []dicom.UID {
	var list []dicom.UID
	for _, t := range ts {
		if t.sent && !t.reported && t.refused == nil {
			list = append(list, t.uid)
		}
	}
	return list
}

// compareUIDs orders UIDs by the numbers they are made of: 1.2 before 1.10.
func compareUIDs(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func (ts transactions) extras() []reference {
	var list []reference
	for _, t := range ts {
		list = append(list, t.extra...)
	}
	return slices.Clip(list)
}
