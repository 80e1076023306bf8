package metrics_test

import (
	"testing"
	"time"

	"gantry/internal/metrics"
)

// cstore tells what the metrics hear of one C-STORE.
func cstore(m *metrics.Metrics, p *metrics.Peer) {
	m.ObjectKept(time.Millisecond, time.Millisecond, 1<<19)
	m.ObjectCame(metrics.ObjectStored)
	p.Performed("C-STORE", 0, 3*time.Millisecond, 1<<19)
}

// Not parallel: allocations of others would count.
func TestStoringAllocatesNothing(t *testing.T) {
	m := enabled()
	p := m.Peer("ct")
	cstore(m, p)
	if n := testing.AllocsPerRun(1000, func() { cstore(m, p) }); n != 0 {
		t.Errorf("%v allocations for each C-STORE", n)
	}
	if n := testing.AllocsPerRun(1000, func() { m.Peer("ct") }); n != 0 {
		t.Errorf("%v allocations for each look-up of a peer", n)
	}
}

func BenchmarkStore(b *testing.B) {
	for name, on := range map[string]bool{"on": true, "off": false} {
		b.Run(name, func(b *testing.B) {
			m := metrics.New(metrics.Options{Enabled: on})
			p := m.Peer("ct")
			b.ReportAllocs()
			for b.Loop() {
				cstore(m, p)
			}
		})
	}
}
