package faults

import (
	"slices"
	"strings"

	"gantry/internal/dicom"
)

// meets reports whether an event is of the rule's service and under its conditions.
func (r *Rule) meets(ev *Event) bool {
	switch {
	case ev.Report != (r.Fault == Alter):
		return false
	case r.Service != ev.Service && (r.Service != Any || ev.Service == Association):
		return false
	}
	return matches(r.From, strings.Trim(ev.CallingAET, " ")) && matches(r.To, strings.Trim(ev.CalledAET, " ")) &&
		matches(r.Instance, ev.Instance) && (r.Class == "" || slices.ContainsFunc(ev.Classes, r.MeetsClass))
}

// MeetsClass reports whether a class, by its UID or its keyword, is one that the rule is about.
func (r *Rule) MeetsClass(class string) bool {
	return matches(r.Class, class) || matches(r.Class, keyword(dicom.UID(class)))
}

// matches compares with a pattern; an empty one is no condition.
func matches(pattern, s string) bool { return pattern == "" || dicom.MatchWildcards(pattern, s) }
