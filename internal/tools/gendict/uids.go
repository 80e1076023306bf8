package main

import (
	"cmp"
	"slices"
	"strings"
)

func emitUIDs(s *source, rows [][]string) error {
	slices.SortFunc(rows, func(a, b []string) int { return cmp.Compare(a[0], b[0]) })
	var text lines
	s.printf("\nvar uidRows = [...]uidRow{\n")
	for _, r := range rows {
		uid, kind, keyword, name, retired := r[0], r[1], r[2], r[3], r[4]
		var flags []string
		if retired != "" {
			flags = append(flags, "uidRetired")
		}
		if isStorage(uid, kind, keyword) {
			flags = append(flags, "uidStorage")
		}
		if kind == "Transfer Syntax" {
			flags = append(flags, "uidTransferSyntax")
		}
		if flags == nil {
			flags = []string{"0"}
		}
		s.printf("{%d, %s},\n", text.add(uid, kind, keyword, name), strings.Join(flags, "|"))
	}
	s.printf("{%d, 0},\n}\n", text.Len())
	return s.text("uidText", &text)
}

// isStorage tells the SOP classes whose instances C-STORE carries (PS3.4 B.5, GG.3, and the retired ones)
// from those that are about storage only.
func isStorage(uid, kind, keyword string) bool {
	switch keyword {
	case "StorageCommitmentPushModel", "StorageCommitmentPullModel", "MediaStorageDirectoryStorage":
		return false
	}
	return kind == "SOP Class" && strings.Contains(keyword, "Storage") && strings.HasPrefix(uid, "1.2.840.10008.5.1.")
}
