package metrics

// Faults makes the counter of faults made on purpose, which only a server has where they are enabled, and returns what
// counts one. It is called once at most.
func (m *Metrics) Faults() func(service, fault string) {
	if m == nil {
		return func(string, string) {}
	}
	vec := m.counters("gantry_faults_total", "Faults made on purpose (FaultsEnabled), by what was asked for and what was done.",
		"service", "fault")
	return func(service, fault string) {
		if m.Enabled() {
			vec.WithLabelValues(service, fault).Inc()
		}
	}
}
