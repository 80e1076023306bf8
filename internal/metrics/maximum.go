package metrics

import (
	"sync"
	"time"
)

// maximum is a figure of Orthanc's that shows the largest value of some ten seconds: a larger one counts at once, a
// smaller one when the last is older than that. Without new values it stays as it is.
type maximum struct {
	mu    sync.Mutex
	value float64
	at    time.Time
}

const maximumLasts = 10 * time.Second

func (m *maximum) set(value float64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value >= m.value || now.Sub(m.at) >= maximumLasts {
		m.value, m.at = value, now
	}
}

func (m *maximum) get() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.value
}

// milliseconds are whole ones, as Orthanc counts.
func milliseconds(d time.Duration) float64 { return float64(d.Milliseconds()) }
