package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// The checks below return "" or what is due.

func notEmpty(s string) string {
	if s == "" {
		return "must not be empty"
	}
	return ""
}

// isHost checks that a host can be one: names are looked up when they are used, but blanks and controls are in none.
func isHost(s string) string {
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f }
	if strings.IndexFunc(s, bad) >= 0 {
		return fmt.Sprintf("a host name or an IP address is expected, not %q", s)
	}
	return notEmpty(s)
}

// isAET checks PS3.5 6.2: AE, up to 16 characters of the default repertoire without backslash and controls.
func isAET(s string) string {
	bad := func(r rune) bool { return r < ' ' || r > '~' || r == '\\' }
	if strings.TrimSpace(s) == "" || len(s) > 16 || strings.IndexFunc(s, bad) >= 0 {
		return fmt.Sprintf("an AE title has 1 to 16 printable ASCII characters and no backslash, not %q", s)
	}
	return ""
}

func isAddress(s string) string {
	if _, err := netip.ParseAddr(s); err != nil && s != "localhost" {
		return fmt.Sprintf("an IP address is expected, not %q", s)
	}
	return ""
}

func isUIDPattern(s string) string {
	bad := func(r rune) bool { return (r < '0' || r > '9') && !strings.ContainsRune(".?*", r) }
	if s == "" || len(s) > 64 || strings.IndexFunc(s, bad) >= 0 {
		return fmt.Sprintf("a UID with the wildcards ? and * is expected, not %q", s)
	}
	return ""
}

func isOneOf(s string, values []string) string {
	for _, v := range values {
		if s == v {
			return ""
		}
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = `"` + v + `"`
	}
	return fmt.Sprintf("%s expected, not %q", strings.Join(quoted, " or "), s)
}

func inRange(n, low, high int) string {
	switch {
	case low == 0 && high == 0 && n < 0:
		return fmt.Sprintf("must not be negative, and is %d", n)
	case (low != 0 || high != 0) && (n < low || n > high):
		return fmt.Sprintf("must lie between %d and %d, and is %d", low, high, n)
	}
	return ""
}
