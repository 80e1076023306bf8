package daemon

// Ending is what a user of the REST API has asked for (Orthanc routes /tools/shutdown and /tools/reset).
type Ending int

// The endings.
const (
	Shutdown Ending = iota // the process is to end
	Restart                // it is to begin anew, from its configuration
)

func (e Ending) String() string {
	if e == Restart {
		return "restart"
	}
	return "shutdown"
}

// EndingError is the end that Wait returns when it was asked for.
type EndingError struct{ Ending Ending }

func (e *EndingError) Error() string { return "daemon: a " + e.Ending.String() + " was asked for" }

// askToStop passes a wish on to whoever waits; the first one counts.
func (d *Daemon) askToStop(restart bool) {
	e := Shutdown
	if restart {
		e = Restart
	}
	select {
	case d.asked <- e:
		d.log.Info("asked for through the REST API: " + e.String())
	default:
	}
}
