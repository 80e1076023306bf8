package cli_test

import (
	"os"
	"sync"

	"gantry/internal/dicom"

	"github.com/rogpeppe/go-internal/testscript"
)

// running are the daemons of all scripts.
var running = daemons{m: map[string]*daemon{}}

type daemons struct {
	mu sync.Mutex
	m  map[string]*daemon // by the script's folder and name
}

func (d *daemons) put(ts *testscript.TestScript, name string, one *daemon) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.m[ts.MkAbs(name)] = one
}

// stop ends a daemon by a signal and returns its exit code; one that has been stopped gives 0.
func (d *daemons) stop(ts *testscript.TestScript, name string) int {
	d.mu.Lock()
	one := d.m[ts.MkAbs(name)]
	delete(d.m, ts.MkAbs(name))
	d.mu.Unlock()
	if one == nil {
		return 0
	}
	one.interrupt <- os.Interrupt
	code := <-one.ended
	_ = one.stderr.Close()
	return code
}

func classOf(name string) dicom.UID {
	if name == "MR" {
		return dicom.MRImageStorage
	}
	return dicom.CTImageStorage
}
