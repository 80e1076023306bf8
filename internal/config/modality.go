package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
)

// Modality is one entry of DicomModalities: a peer and what it may do.
type Modality struct {
	AET, Host    string
	Port         int
	Manufacturer string // Generic, GenericNoWildcardInDates, GenericNoUniversalWildcard, Vitrea, GE, SiemensSyngoCT

	AllowEcho, AllowFind, AllowFindWorklist, AllowGet, AllowMove, AllowStore bool
	AllowNAction, AllowEventReport                                           bool // the two halves of AllowStorageCommitment
	AllowTranscoding                                                         bool

	UseDicomTls               bool
	LocalAet                  string // "": DicomAet
	Timeout                   int    // seconds; 0: DicomScuTimeout
	RetrieveMethod            string // "SystemDefault", "C-MOVE", "C-GET"
	StorageCommitmentDelivery string // "": the option StorageCommitmentDelivery
}

// NewModality returns a peer that may do everything.
func NewModality(aet, host string, port int) Modality {
	return Modality{
		AET: aet, Host: host, Port: port, Manufacturer: "Generic", RetrieveMethod: "SystemDefault",
		AllowEcho: true, AllowFind: true, AllowFindWorklist: true, AllowGet: true, AllowMove: true, AllowStore: true,
		AllowNAction: true, AllowEventReport: true, AllowTranscoding: true,
	}
}

// Address returns host:port, fit for net.Dial.
func (m Modality) Address() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }

// Array returns Orthanc's short form: [AET, host, port, manufacturer].
func (m Modality) Array() []any { return []any{m.AET, m.Host, m.Port, m.Manufacturer} }

// MarshalJSON writes the object form, as Orthanc's GET /modalities?expand does.
func (m Modality) MarshalJSON() ([]byte, error) {
	type plain Modality
	return json.Marshal(struct {
		plain
		StorageCommitmentDelivery string `json:",omitempty"`
	}{plain(m), m.StorageCommitmentDelivery})
}

// UnmarshalJSON reads the array or the object form; what is not named gets the values of NewModality. A value that is not
// allowed is a *RangeError, another form than these an *Error.
func (m *Modality) UnmarshalJSON(b []byte) error {
	var d decoder
	p := parser{source: "modality", text: b, warnings: &d.warnings}
	n, err := p.parse()
	if err != nil {
		return err
	}
	*m = d.modality(n, "")
	return errors.Join(d.errs...)
}

func manufacturers() []string {
	return []string{"Generic", "GenericNoWildcardInDates", "GenericNoUniversalWildcard", "Vitrea", "GE", "SiemensSyngoCT"}
}

// modality decodes one peer in either of Orthanc's forms, or AET@HOST:PORT from a flag or a variable.
func (d *decoder) modality(n *node, path string) Modality {
	switch {
	case n.kind == kindArray && (len(n.items) == 3 || len(n.items) == 4):
		return d.modalityArray(n, path)
	case n.kind == kindObject:
		return d.modalityObject(n, path)
	case n.kind == kindLoose:
		return d.modalityText(n, path)
	}
	d.mismatch(n, path, "[AET, host, port] or an object with AET, Host and Port")
	return Modality{}
}

func (d *decoder) modalityArray(n *node, path string) Modality {
	fields := []string{"AET", "Host", "Port", "Manufacturer"}
	m := NewModality("", "", 0)
	for i, e := range n.items {
		d.modalityField(e, fmt.Sprintf("%s[%d]", path, i), fields[i], &m)
	}
	return m
}

func (d *decoder) modalityObject(n *node, path string) Modality {
	m := NewModality("", "", 0)
	for _, field := range []string{"AET", "Host", "Port"} {
		if n.get(field) == nil {
			d.fail(n, path, "%s is missing", field)
		}
	}
	for _, e := range n.members {
		if e.value.kind != kindNull && !d.modalityField(e.value, path+"."+e.key, e.key, &m) {
			d.warn(e.value, path+"."+e.key, unknownMessage("entry of a modality", e.key, modalityFields()))
		}
	}
	return m
}

func (d *decoder) modalityText(n *node, path string) Modality {
	aet, address, _ := strings.Cut(n.text, "@")
	host, port, err := net.SplitHostPort(address)
	number, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || isHost(host) != "" || isAET(aet) != "" || number < 1 || number > 65535 {
		d.fail(n, path, "AET@HOST:PORT is expected, not %q", n.text)
	}
	return NewModality(aet, host, number)
}

func modalityFields() []string {
	return []string{
		"AET", "Host", "Port", "Manufacturer", "AllowEcho", "AllowFind", "AllowFindWorklist", "AllowGet", "AllowMove",
		"AllowStore", "AllowStorageCommitment", "AllowNAction", "AllowEventReport", "AllowTranscoding", "UseDicomTls",
		"LocalAet", "Timeout", "RetrieveMethod", "StorageCommitmentDelivery",
	}
}

// modalityField decodes one entry into m and says whether there is one of that name.
func (d *decoder) modalityField(n *node, path, field string, m *Modality) bool {
	flags := map[string]*bool{
		"AllowEcho": &m.AllowEcho, "AllowFind": &m.AllowFind, "AllowFindWorklist": &m.AllowFindWorklist,
		"AllowGet": &m.AllowGet, "AllowMove": &m.AllowMove, "AllowStore": &m.AllowStore,
		"AllowNAction": &m.AllowNAction, "AllowEventReport": &m.AllowEventReport,
		"AllowTranscoding": &m.AllowTranscoding, "UseDicomTls": &m.UseDicomTls,
	}
	if flag := flags[field]; flag != nil {
		*flag = d.boolean(n, path)
		return true
	}
	switch field {
	case "AET":
		m.AET = d.text(n, path, option{check: isAET})
	case "Host":
		m.Host = d.text(n, path, option{check: isHost})
	case "Port":
		m.Port = d.port(n, path)
	case "Manufacturer":
		m.Manufacturer = d.text(n, path, option{oneOf: manufacturers()})
	case "AllowStorageCommitment":
		m.AllowNAction = d.boolean(n, path)
		m.AllowEventReport = m.AllowNAction
	case "LocalAet":
		m.LocalAet = d.optional(n, path, option{check: isAET})
	case "Timeout":
		m.Timeout = d.integer(n, path)
		d.check(n, path, inRange(m.Timeout, 0, math.MaxInt32))
	case "RetrieveMethod":
		m.RetrieveMethod = d.text(n, path, option{oneOf: []string{"SystemDefault", "C-MOVE", "C-GET"}})
	case "StorageCommitmentDelivery":
		m.StorageCommitmentDelivery = d.optional(n, path, option{oneOf: deliveries()})
	default:
		return false
	}
	return true
}

// optional decodes a string that may be empty, unchecked then.
func (d *decoder) optional(n *node, path string, o option) string {
	if n.text == "" {
		o = option{}
	}
	return d.text(n, path, o)
}

// port decodes a port number; Orthanc takes it as a string too.
func (d *decoder) port(n *node, path string) int {
	loose := *n
	if loose.kind == kindString {
		loose.kind = kindLoose
	}
	before := len(d.errs)
	port := d.integer(&loose, path)
	if len(d.errs) == before {
		d.check(n, path, inRange(port, 1, 65535))
	}
	return port
}
