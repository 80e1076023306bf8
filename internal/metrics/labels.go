package metrics

import "runtime"

// What peers can say is without bounds; what becomes a label has to have some. These are all the values there are.

// otherPeer is the label of everybody who is not in DicomModalities.
const otherPeer = "other"

// maxPeers bounds the names of peers that become labels, as DicomModalities can change at run time.
const maxPeers = 1000

// services are the values of the label service; the last stands for all others.
var services = [...]string{
	"C-ECHO", "C-STORE", "C-FIND", "C-GET", "C-MOVE", "N-ACTION", "N-EVENT-REPORT", "N-GET", "N-SET", "N-CREATE", "N-DELETE", "other",
}

const (
	echoService = iota
	storeService
	findService
	getService
	moveService
)

func serviceIndex(name string) int {
	for i := range len(services) - 1 {
		if services[i] == name {
			return i
		}
	}
	return len(services) - 1
}

// statuses are the values of the label status: those that PS3.7 C and PS3.4 name, the Failure Reason that is none of
// them, and a rest.
var statuses = [...]struct {
	code  uint16
	label string
}{
	{0x0000, "0000H"}, {0x0107, "0107H"}, {0x0110, "0110H"}, {0x0111, "0111H"}, {0x0112, "0112H"}, {0x0113, "0113H"},
	{0x0114, "0114H"}, {0x0115, "0115H"}, {0x0116, "0116H"}, {0x0117, "0117H"}, {0x0118, "0118H"}, {0x0119, "0119H"},
	{0x0120, "0120H"}, {0x0121, "0121H"}, {0x0122, "0122H"}, {0x0123, "0123H"}, {0x0124, "0124H"}, {0x0131, "0131H"}, {0x0210, "0210H"},
	{0x0211, "0211H"}, {0x0212, "0212H"}, {0x0213, "0213H"}, {0xA700, "A700H"}, {0xA701, "A701H"}, {0xA702, "A702H"},
	{0xA801, "A801H"}, {0xA900, "A900H"}, {0xB000, "B000H"}, {0xB006, "B006H"}, {0xB007, "B007H"}, {0xC000, "C000H"},
	{0xFE00, "FE00H"}, {0xFF00, "FF00H"}, {0xFF01, "FF01H"},
	{1, "other"}, {1, "none"}, // not codes that anybody looks for
}

const (
	statusOther = len(statuses) - 2
	statusNone  = len(statuses) - 1 // there was no response
)

func statusIndex(code uint16) int {
	for i := range statusOther {
		if statuses[i].code == code {
			return i
		}
	}
	return statusOther
}

// httpMethod bounds the label method.
func httpMethod(method string) string {
	switch method {
	case "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS":
		return method
	}
	return "other"
}

func goVersion() string { return runtime.Version() }
