package faults

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
	"gantry/internal/dul"
)

const (
	defaultLate   = 10 * time.Second
	defaultReason = 0x0110
	maxCount      = 1_000_000
)

// readers read the value of each word into a rule.
func readers() map[string]func(*Rule, string) error {
	number := func(field func(*Rule) *int) func(*Rule, string) error {
		return func(r *Rule, v string) error { return positive(field(r), v) }
	}
	pattern := func(field func(*Rule) *string) func(*Rule, string) error {
		return func(r *Rule, v string) error { *field(r) = v; return nil }
	}
	title := func(field func(*Rule) *string) func(*Rule, string) error {
		return func(r *Rule, v string) error { return readTitle(field(r), v) }
	}
	point := func(r *Rule, v string) error { return oneOf(&r.Point, v, points()...) }
	return map[string]func(*Rule, string) error{
		"delay":   readDelay,
		"status":  func(r *Rule, v string) error { return readHex(&r.Status, v) },
		"comment": readComment,
		"abort":   readAbort, "reject": readReject, "refuse": readRefuse,
		"drop": point, "reset": point,
		"report": readReport,
		"reason": func(r *Rule, v string) error { return readHex(&r.Reason, v) },
		"count":  number(func(r *Rule) *int { return &r.Count }),
		"from":   title(func(r *Rule) *string { return &r.From }),
		"to":     title(func(r *Rule) *string { return &r.To }),
		"class":  readClass, "instance": pattern(func(r *Rule) *string { return &r.Instance }),
		"after": number(func(r *Rule) *int { return &r.After }),
		"every": number(func(r *Rule) *int { return &r.Every }),
		"times": number(func(r *Rule) *int { return &r.Times }),
		"once": func(r *Rule, v string) error {
			if v != "" {
				return fmt.Errorf("once has no value; for more there is times=N")
			}
			r.Times = 1
			return nil
		},
	}
}

// keys lists the words in alphabetical order.
func keys() []string { return slices.Sorted(maps.Keys(readers())) }

// example is a value that a word may have.
func example(key string) string {
	return map[string]string{
		"delay": "2s", "status": "A700", "comment": `"TEXT"`, "reject": "local-limit", "refuse": "3", "report": "partial",
		"reason": "0110", "count": "1", "from": "MODALITY1", "to": "GANTRY", "class": "CTImageStorage", "instance": "1.2.*",
		"after": "3", "every": "2", "times": "1",
	}[key]
}

func positive(into *int, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > maxCount {
		return fmt.Errorf("a number from 1 to %d is expected, not %q", maxCount, v)
	}
	*into = n
	return nil
}

func oneOf[T ~string](into *T, v string, values ...T) error {
	if v == "" {
		return nil
	}
	if !slices.Contains(values, T(v)) {
		return fmt.Errorf("%s is expected, not %q", list(values), v)
	}
	*into = T(v)
	return nil
}

func readDelay(r *Rule, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 || d > MaximumDelay {
		return fmt.Errorf("a time up to %v is expected, such as 500ms or 2s, not %q", MaximumDelay, v)
	}
	r.Delay = d
	return nil
}

// readHex reads a code as the standard writes it: A700, A700H or 0xA700.
func readHex(into *uint16, v string) error {
	digits := strings.TrimPrefix(strings.TrimPrefix(v, "0x"), "0X")
	if digits == v {
		digits = strings.TrimSuffix(strings.TrimSuffix(v, "h"), "H")
	}
	n, err := strconv.ParseUint(digits, 16, 16)
	if err != nil || len(digits) != 4 {
		return fmt.Errorf("four hexadecimal digits are expected, such as A700, not %q", v)
	}
	*into = uint16(n)
	return nil
}

// readTitle reads a pattern of AE titles. Only * stands for nothing.
func readTitle(into *string, v string) error {
	const longest = 16 // of the VR AE
	if n := len(v) - strings.Count(v, "*"); n > longest {
		return fmt.Errorf("an AE title has at most %d characters, %q would match none", longest, v)
	}
	*into = v
	return nil
}

func readComment(r *Rule, v string) error {
	const longest = 64 // of the VR LO
	if len(v) > longest {
		return fmt.Errorf("an Error Comment has at most %d characters", longest)
	}
	r.Comment = v
	return nil
}

// numbers reads "1:2:3".
func numbers(v string, n int, most uint64) ([]uint8, error) {
	parts := strings.Split(v, ":")
	if len(parts) != n {
		return nil, strconv.ErrSyntax
	}
	out := make([]uint8, n)
	for i, part := range parts {
		x, err := strconv.ParseUint(part, 10, 8)
		if err != nil || x > most {
			return nil, strconv.ErrRange
		}
		out[i] = uint8(x)
	}
	return out, nil
}

func readAbort(r *Rule, v string) error {
	if v == "" {
		return nil
	}
	n, err := numbers(v, 2, 255)
	if err != nil {
		return fmt.Errorf("SOURCE:REASON in numbers is expected (PS3.8 9.3.8), such as 2:6, not %q", v)
	}
	r.Abort = dul.AbortError{Source: n[0], Reason: n[1]}
	return nil
}

func readReject(r *Rule, v string) error {
	if named, known := rejections()[v]; known {
		r.Rejection = named
		return nil
	}
	n, err := numbers(v, 3, 255)
	if err != nil {
		return fmt.Errorf("RESULT:SOURCE:REASON in numbers is expected (PS3.8 9.3.4), such as 2:3:2, or %s, not %q",
			list(slices.Sorted(maps.Keys(rejections()))), v)
	}
	r.Rejection = dul.Rejection{Result: n[0], Source: n[1], Reason: n[2]}
	return nil
}

func readRefuse(r *Rule, v string) error {
	n, err := numbers(v, 1, 4)
	if err != nil || n[0] == 0 {
		return fmt.Errorf("a result from 1 to 4 is expected: 1 user rejection, 2 no reason, 3 abstract syntax, 4 transfer syntaxes "+
			"not supported (PS3.8 9.3.3.2), not %q", v)
	}
	r.Result = n[0]
	return nil
}

func points() []Point { return []Point{AtRequest, AtData, AtResponse, AtPDU} }

func kinds() []Kind {
	return []Kind{Failed, WrongSOP, Partial, Extra, Duplicate, Late, Forged, Missing}
}

func readReport(r *Rule, v string) error {
	if r.Reason == 0 {
		r.Reason = defaultReason
	}
	return oneOf(&r.Report, v, kinds()...)
}

// readClass takes a UID or a keyword of the dictionary, with wildcards.
func readClass(r *Rule, v string) error {
	r.Class = v
	if strings.ContainsAny(v, "?*") || strings.Trim(v, "0123456789.") == "" {
		return nil
	}
	for _, uid := range append(dict.StorageSOPClasses(), dicom.VerificationSOPClass, dicom.StorageCommitmentPushModel) {
		if keyword(uid) == v {
			return nil
		}
	}
	return fmt.Errorf("no SOP class has the name %q; use its UID, or wildcards", v)
}

func keyword(uid dicom.UID) string {
	e, _ := dict.LookupUID(uid)
	return e.Keyword
}
