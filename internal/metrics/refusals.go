package metrics

import "github.com/prometheus/client_golang/prometheus"

// Limit is why something was refused.
type Limit string

// The limits, in the order in which the documentation lists them.
const (
	LimitAssociations  Limit = "maximum_associations" // MaximumAssociations
	LimitConnections   Limit = "connections"          // connections that ask for nothing
	LimitCalledAET     Limit = "called_aet"           // DicomCheckCalledAet
	LimitCallingAET    Limit = "calling_aet"          // DicomModalities
	LimitTLS           Limit = "tls"                  // no TLS, or not the right one
	LimitACSETimeout   Limit = "acse_timeout"         // DicomAcseTimeout
	LimitMalformed     Limit = "malformed_pdu"        // PDUs that are none, or are too long
	LimitNegotiation   Limit = "negotiation"          // any other reason not to associate
	LimitNotAuthorized Limit = "not_authorized"       // 0124H
	LimitSOPClass      Limit = "sop_class"            // 0122H
	LimitDataset       Limit = "dataset_limits"       // lengths and depths that no sane data set has
	LimitStoreFull     Limit = "out_of_resources"     // A700H
	LimitResource      Limit = "resource_limitation"  // 0213H, StorageCommitmentMaximumReferences for one
	LimitJobs          Limit = "jobs"                 // LimitJobs
	LimitLogin         Limit = "login_failed"         // wrong user or password
	LimitLoginMissing  Limit = "login_missing"        // none given
	LimitThrottled     Limit = "login_throttled"      // too many failures from one address
	LimitRemote        Limit = "remote_access"        // RemoteAccessAllowed
	LimitOrigin        Limit = "http_origin"          // HttpAllowedHosts, other web sites
	LimitBody          Limit = "http_body_size"       // HttpMaximumBodySize
	LimitBadRequest    Limit = "http_bad_request"     // 400
	LimitBusy          Limit = "http_busy"            // 503: too much at once
	LimitFault         Limit = "fault"                // none: made on purpose (FaultsEnabled)
)

// Limits lists all of them.
func Limits() []Limit {
	return []Limit{
		LimitAssociations, LimitConnections, LimitCalledAET, LimitCallingAET, LimitTLS, LimitACSETimeout, LimitMalformed,
		LimitNegotiation, LimitNotAuthorized, LimitSOPClass, LimitDataset, LimitStoreFull, LimitResource, LimitJobs,
		LimitLogin, LimitLoginMissing, LimitThrottled, LimitRemote, LimitOrigin, LimitBody, LimitBadRequest, LimitBusy,
		LimitFault,
	}
}

func (m *Metrics) buildRefusals() {
	vec := m.counters("gantry_refusals_total", "What was refused, by the limit or rule that stood in the way.", "limit")
	m.refused = map[Limit]prometheus.Counter{}
	for _, limit := range Limits() {
		m.refused[limit] = vec.WithLabelValues(string(limit))
	}
}

// Refused counts a refusal. A limit that is not one of Limits counts nothing.
func (m *Metrics) Refused(limit Limit) {
	if !m.Enabled() {
		return
	}
	if c := m.refused[limit]; c != nil {
		c.Inc()
	}
}

// RefusedByStatus counts what a DIMSE status says was refused; of one made on purpose it is no limit's doing.
func (m *Metrics) RefusedByStatus(status uint16, onPurpose bool) {
	var limit Limit
	switch status {
	case 0x0124:
		limit = LimitNotAuthorized
	case 0x0122:
		limit = LimitSOPClass
	case 0x0213:
		limit = LimitResource
	case 0xA700:
		limit = LimitStoreFull
	}
	if limit != "" && onPurpose {
		limit = LimitFault
	}
	m.Refused(limit)
}
