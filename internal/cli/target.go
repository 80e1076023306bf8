package cli

import (
	"net"
	"strconv"
	"strings"
)

// target is a peer on the command line: [AET@]HOST:PORT.
type target struct {
	aet     string
	address string
}

// anySCP is the called AE title when none is given.
const anySCP = "ANY-SCP"

func (t target) String() string { return t.aet + "@" + t.address }

func parseTarget(s string) (target, error) {
	aet, address, ok := strings.Cut(s, "@")
	if !ok {
		aet, address = anySCP, s
	}
	if err := checkAET(aet); err != nil {
		return target{}, err
	}
	host, port, err := net.SplitHostPort(address)
	n, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || host == "" || n == 0 {
		return target{}, usagef("peer %q: [AET@]HOST:PORT is expected, such as PACS@pacs.example.org:104", s)
	}
	return target{aet: aet, address: address}, nil
}

// checkAET keeps to PS3.5 6.2, VR AE.
func checkAET(aet string) error {
	bad := func(r rune) bool { return r < ' ' || r > '~' || r == '\\' }
	if strings.TrimSpace(aet) == "" || len(aet) > 16 || strings.IndexFunc(aet, bad) >= 0 {
		return usagef("AE title %q: 1 to 16 printable ASCII characters without backslash are expected", aet)
	}
	return nil
}
