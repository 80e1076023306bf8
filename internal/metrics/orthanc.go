package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// orthancMetrics are what Orthanc's names need beside a reading.
type orthancMetrics struct {
	findDuration, getDuration, moveDuration      maximum
	storeDuration, restDuration, activeRequests  maximum
	createDuration, readDuration, removeDuration maximum
	writtenBytes, readBytes                      atomic.Int64
	jobsSucceeded, jobsFailed                    atomic.Int64
	loggedWarnings, loggedErrors                 atomic.Int64
	memoryPeak                                   atomic.Int64
}

// performed notes how long a query or retrieve took.
func (o *orthancMetrics) performed(service int, took time.Duration, now time.Time) {
	switch service {
	case findService:
		o.findDuration.set(milliseconds(took), now)
	case getService:
		o.getDuration.set(milliseconds(took), now)
	case moveService:
		o.moveDuration.set(milliseconds(took), now)
	}
}

// orthancName is a metric of Orthanc 1.13.0, or of an older one. Figures that only rise are no counters here: Orthanc
// gives them no type, and a counter's name would have to end in _total.
type orthancName struct {
	name, help string
	rises      bool
	value      func(o *orthancMetrics, r *reading) float64
}

const megabyte = 1 << 20

func orthancNames() []orthancName {
	gauge := func(name, help string, value func(o *orthancMetrics, r *reading) float64) orthancName {
		return orthancName{name: name, help: help, value: value}
	}
	total := func(name, help string, value func(o *orthancMetrics) *atomic.Int64) orthancName {
		return orthancName{name: name, help: help, rises: true,
			value: func(o *orthancMetrics, _ *reading) float64 { return float64(value(o).Load()) }}
	}
	longest := func(name, what string, value func(o *orthancMetrics) *maximum) orthancName {
		return gauge(name, "Longest time of "+what+" in the last seconds with any, in milliseconds.",
			func(o *orthancMetrics, _ *reading) float64 { return value(o).get() })
	}
	jobs := func(name, help string, states ...string) orthancName {
		return gauge(name, help, func(_ *orthancMetrics, r *reading) float64 { return float64(r.jobsIn(states...)) })
	}
	return append([]orthancName{
		gauge("orthanc_count_patients", "Patients stored.", func(_ *orthancMetrics, r *reading) float64 { return float64(r.store.Patients) }),
		gauge("orthanc_count_studies", "Studies stored.", func(_ *orthancMetrics, r *reading) float64 { return float64(r.store.Studies) }),
		gauge("orthanc_count_series", "Series stored.", func(_ *orthancMetrics, r *reading) float64 { return float64(r.store.Series) }),
		gauge("orthanc_count_instances", "Instances stored.", func(_ *orthancMetrics, r *reading) float64 { return float64(r.store.Instances) }),
		gauge("orthanc_disk_size_mb", "Size of the objects stored, in MiB.", func(_ *orthancMetrics, r *reading) float64 { return float64(r.store.Bytes) / megabyte }),
		gauge("orthanc_uncompressed_size_mb", "Size of the objects stored before compression, in MiB.", func(_ *orthancMetrics, r *reading) float64 { return float64(r.store.PlainBytes) / megabyte }),
		gauge("orthanc_last_change", "Number of the newest change.", func(_ *orthancMetrics, r *reading) float64 { return float64(r.store.LastChange) }),
		gauge("orthanc_up_time_s", "Seconds since the start.", func(_ *orthancMetrics, r *reading) float64 { return float64(int64(r.up.Seconds())) }),

		jobs("orthanc_jobs_pending", "Jobs that wait to run, for the first time or again (states Pending and Retry).", "Pending", "Retry"),
		jobs("orthanc_jobs_running", "Jobs that run or were paused (states Running and Paused).", "Running", "Paused"),
		jobs("orthanc_jobs_completed", "Ended jobs in the history.", "Success", "Failure"),
		jobs("orthanc_jobs_success", "Successful jobs in the history.", "Success"),
		jobs("orthanc_jobs_failed", "Failed jobs in the history.", "Failure"),
		{name: "orthanc_jobs_total_completed", help: "Jobs ended since the start.", rises: true, value: func(o *orthancMetrics, _ *reading) float64 {
			return float64(o.jobsSucceeded.Load() + o.jobsFailed.Load())
		}},
		total("orthanc_jobs_total_success", "Jobs that succeeded since the start.", func(o *orthancMetrics) *atomic.Int64 { return &o.jobsSucceeded }),
		total("orthanc_jobs_total_failed", "Jobs that failed since the start.", func(o *orthancMetrics) *atomic.Int64 { return &o.jobsFailed }),

		gauge("orthanc_rest_api_active_requests", "Most HTTP requests at once in the last seconds with any.", func(o *orthancMetrics, _ *reading) float64 { return o.activeRequests.get() }),
		longest("orthanc_rest_api_duration_ms", "an HTTP request", func(o *orthancMetrics) *maximum { return &o.restDuration }),
		longest("orthanc_find_scp_duration_ms", "a C-FIND performed", func(o *orthancMetrics) *maximum { return &o.findDuration }),
		longest("orthanc_get_scp_duration_ms", "a C-GET performed", func(o *orthancMetrics) *maximum { return &o.getDuration }),
		longest("orthanc_move_scp_duration_ms", "a C-MOVE performed", func(o *orthancMetrics) *maximum { return &o.moveDuration }),
		longest("orthanc_store_dicom_duration_ms", "the keeping of an object that has arrived", func(o *orthancMetrics) *maximum { return &o.storeDuration }),
		longest("orthanc_storage_create_duration_ms", "the writing of an object", func(o *orthancMetrics) *maximum { return &o.createDuration }),
		longest("orthanc_storage_read_duration_ms", "the reading of an object", func(o *orthancMetrics) *maximum { return &o.readDuration }),
		longest("orthanc_storage_remove_duration_ms", "a deletion", func(o *orthancMetrics) *maximum { return &o.removeDuration }),
		total("orthanc_storage_written_bytes", "Bytes of objects written since the start.", func(o *orthancMetrics) *atomic.Int64 { return &o.writtenBytes }),
		total("orthanc_storage_read_bytes", "Bytes of objects read since the start.", func(o *orthancMetrics) *atomic.Int64 { return &o.readBytes }),
		total("orthanc_logged_warnings_count", "Warnings logged since the start.", func(o *orthancMetrics) *atomic.Int64 { return &o.loggedWarnings }),
		total("orthanc_logged_errors_count", "Errors logged since the start.", func(o *orthancMetrics) *atomic.Int64 { return &o.loggedErrors }),

		gauge("orthanc_storage_memory_capacity_mb", "Memory for objects being written, in MiB (MemoryBudget).", func(_ *orthancMetrics, r *reading) float64 { return float64(r.store.MemoryMax) / megabyte }),
		gauge("orthanc_storage_memory_usage_mb", "Memory held by objects being written, in MiB.", func(_ *orthancMetrics, r *reading) float64 { return float64(r.store.Memory) / megabyte }),
		gauge("orthanc_storage_memory_max_usage_mb", "The largest orthanc_storage_memory_usage_mb that a scrape has seen.", func(o *orthancMetrics, _ *reading) float64 { return float64(o.memoryPeak.Load()) / megabyte }),
		gauge("orthanc_storage_memory_count", "Objects that are safe on the disk and not in the index yet.", func(_ *orthancMetrics, r *reading) float64 { return float64(r.store.Pending) }),
		gauge("orthanc_available_dicom_threads", "DICOM operations that could begin at once (DicomThreadsCount).", func(_ *orthancMetrics, r *reading) float64 { return float64(r.freeOperations) }),
	}, absentNames()...)
}

// absentNames are Orthanc's figures for what gantry does not have, with the values of an idle Orthanc: a panel or an
// alert made for Orthanc stays quiet.
func absentNames() []orthancName {
	constant := func(value float64, what string, names ...string) []orthancName {
		var list []orthancName
		for _, name := range names {
			list = append(list, orthancName{name: name, help: "Constant: " + what + ".",
				value: func(*orthancMetrics, *reading) float64 { return value }})
		}
		return list
	}
	var list []orthancName
	list = append(list, constant(50, "gantry has no limited number of HTTP threads", "orthanc_available_http_threads_count")...)
	list = append(list, constant(4, "gantry has no such threads to run out of", "orthanc_storage_available_threads",
		"orthanc_sequential_reader_available_threads", "orthanc_transcoder_available_threads")...)
	list = append(list, constant(2, "gantry has no such threads to run out of", "orthanc_dicom_parser_available_threads")...)
	for _, part := range []string{"storage", "dicom_parser", "transcoder"} {
		prefix := "orthanc_" + part
		list = append(list, constant(0, "gantry leaves caching to the system", prefix+"_cache_count", prefix+"_cache_hit_count",
			prefix+"_cache_miss_count", prefix+"_cache_size_mb")...)
		if part != "storage" {
			list = append(list, constant(0, "gantry holds no objects in memory for this", prefix+"_memory_count",
				prefix+"_memory_usage_mb", prefix+"_memory_max_usage_mb", prefix+"_memory_capacity_mb")...)
		}
	}
	return list
}

// orthancDescs are the descriptions of orthancNames, in their order.
func orthancDescs(names []orthancName) []*prometheus.Desc {
	descs := make([]*prometheus.Desc, len(names))
	for i, n := range names {
		descs[i] = prometheus.NewDesc(n.name, n.help, nil, nil)
	}
	return descs
}
