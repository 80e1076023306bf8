package metrics

// readGauge is one of our metrics that come from a reading.
type readGauge struct {
	name, help string
	labels     []string
	rises      bool
	samples    func(r *reading, tell func(value float64, labels ...string))
}

func readGauges() []readGauge {
	one := func(name, help string, value func(r *reading) float64) readGauge {
		return readGauge{name: name, help: help,
			samples: func(r *reading, tell func(float64, ...string)) { tell(value(r)) }}
	}
	rising := func(name, help string, value func(r *reading) int64) readGauge {
		g := one(name, help, func(r *reading) float64 { return float64(value(r)) })
		g.rises = true
		return g
	}
	return []readGauge{
		one("gantry_ready", "Whether the daemon takes work, as /readyz says.", func(r *reading) float64 {
			if r.ready {
				return 1
			}
			return 0
		}),
		one("gantry_associations_open", "Associations of peers that are open.", func(r *reading) float64 { return float64(r.associations) }),
		one("gantry_associations_limit", "Associations that may be open (MaximumAssociations).", func(r *reading) float64 { return float64(r.most) }),
		one("gantry_http_requests_active", "HTTP requests being answered.", func(r *reading) float64 { return float64(r.httpRequests) }),
		{name: "gantry_jobs", help: "Jobs by type and state, those of the history included.", labels: []string{"type", "state"},
			samples: func(r *reading, tell func(float64, ...string)) {
				for _, j := range r.jobs {
					tell(float64(j.Count), j.Kind, j.State)
				}
			}},
		one("gantry_commitment_backlog", "Storage commitment requests of peers whose report is not delivered yet.",
			func(r *reading) float64 { return float64(r.backlog) }),
		one("gantry_commitment_oldest_age_seconds", "Age of the oldest of the backlog; 0 if there is none.",
			func(r *reading) float64 { return r.oldest.Seconds() }),
		{name: "gantry_stored_resources", help: "Resources stored, by level.", labels: []string{"level"},
			samples: func(r *reading, tell func(float64, ...string)) {
				tell(float64(r.store.Patients), "patient")
				tell(float64(r.store.Studies), "study")
				tell(float64(r.store.Series), "series")
				tell(float64(r.store.Instances), "instance")
			}},
		one("gantry_stored_bytes", "Size of the objects stored.", func(r *reading) float64 { return float64(r.store.Bytes) }),
		one("gantry_storage_pending_objects", "Objects that are safe on the disk and not in the index yet.", func(r *reading) float64 { return float64(r.store.Pending) }),
		one("gantry_storage_memory_bytes", "Memory held by objects being written.", func(r *reading) float64 { return float64(r.store.Memory) }),
		one("gantry_storage_memory_limit_bytes", "Memory for objects being written (MemoryBudget).", func(r *reading) float64 { return float64(r.store.MemoryMax) }),
		rising("gantry_storage_syncs_total", "Waits for the disk; one serves all objects that wait.", func(r *reading) int64 { return r.store.Syncs }),
		rising("gantry_storage_records_total", "Records written to the object log.", func(r *reading) int64 { return r.store.Records }),
		rising("gantry_storage_damaged_total", "Damaged places met in the object log; run gantry fsck if it is not 0.", func(r *reading) int64 { return r.store.Damaged }),
	}
}
