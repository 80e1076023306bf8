package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/bcrypt"
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

// isPassword refuses hashes that are not bcrypt's, which would be taken for the password itself. An error does not show it.
func isPassword(s string) string {
	if !strings.HasPrefix(s, "$") {
		return ""
	}
	if _, err := bcrypt.Cost([]byte(s)); err == nil && strings.HasPrefix(s, "$2") {
		return ""
	}
	kind, _, _ := strings.Cut(s[1:], "$")
	if kind == "" || len(kind) > 8 || isWord(kind) != "" {
		kind = "?"
	}
	return fmt.Sprintf("looks like a hash ($%s$...), and only whole ones of bcrypt are understood: make one with "+
		"\"htpasswd -nB NAME\"; a password in clear text must not begin with $", kind)
}

// isWord takes what a keyword of the dictionary is made of.
func isWord(s string) string {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return fmt.Sprintf("letters and digits are expected, not %q", s)
		}
	}
	return notEmpty(s)
}

// isTag checks "gggg,eeee", also in parentheses or without the comma; short allows the "gggg,ee" of private elements.
func isTag(s string, short bool) bool {
	h := s
	if len(h) == 11 && h[0] == '(' && h[10] == ')' {
		h = h[1:10]
	}
	comma := len(h) > 4 && h[4] == ','
	if comma {
		h = h[:4] + h[5:]
	}
	for _, r := range h {
		if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return len(h) == 8 || short && comma && len(h) == 6
}

// vrs are the value representations of PS3.5 6.2.
const vrs = " AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV "

func isVR(s string) string {
	if len(s) == 2 && strings.Contains(vrs, " "+s+" ") {
		return ""
	}
	return fmt.Sprintf("a value representation of PS3.5 such as LO is expected, not %q", s)
}

// isHandler takes the full path of a program or an http(s) address.
func isHandler(s string) string {
	if s == "" || filepath.IsAbs(s) {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Sprintf("the full path of a program or an http(s) address without a login is expected, not %q", s)
	}
	return ""
}

// isHeaderValue refuses line breaks, which would begin a header of their own. An error does not show it: it may be a key.
func isHeaderValue(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) >= 0 {
		return "a header must not hold control characters"
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
