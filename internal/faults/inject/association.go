package inject

import (
	"context"
	"fmt"

	"gantry/internal/dul"
	"gantry/internal/faults"
)

// review is the scp.Config.Review that makes the faults of associations.
func (in *Injector) review(ctx context.Context, rq *dul.Request, answer *dul.Answer) error {
	ev := &faults.Event{Service: faults.Association, CallingAET: rq.CallingAET, CalledAET: rq.CalledAET}
	for _, pc := range rq.Contexts {
		ev.Classes = append(ev.Classes, pc.AbstractSyntax)
	}
	out := in.set.Match(ev)
	in.note(ev, &out, []any{"calling", rq.CallingAET, "called", rq.CalledAET, "remote", rq.RemoteAddr})
	c := connOf(rq.Conn)
	if err := in.delay(ctx, out.Delay, c); err != nil {
		return &dul.AbortError{Err: err}
	}
	r := out.Rule
	if r == nil {
		return nil
	}
	switch r.Fault {
	case faults.Reject:
		rejection := r.Rejection
		return fmt.Errorf("%w: %w", madeError(r), &rejection)
	case faults.Abort:
		return abortError(r)
	case faults.Refuse:
		refuse(r, rq, answer)
	case faults.Drop, faults.Reset:
		if r.Point == faults.AtPDU {
			c.cutNext(r.Fault == faults.Reset)
			return nil
		}
		c.end(r.Fault == faults.Reset)
		return &dul.AbortError{Err: madeError(r)}
	}
	return nil
}

func abortError(r *faults.Rule) *dul.AbortError {
	return &dul.AbortError{Source: r.Abort.Source, Reason: r.Abort.Reason, Err: madeError(r)}
}

// refuse gives the presentation contexts that the rule is about its result.
func refuse(r *faults.Rule, rq *dul.Request, answer *dul.Answer) {
	class := make(map[uint8]string, len(rq.Contexts))
	for _, pc := range rq.Contexts {
		class[pc.ID] = pc.AbstractSyntax
	}
	for i := range answer.Contexts {
		if a := &answer.Contexts[i]; r.Class == "" || r.MeetsClass(class[a.ID]) {
			a.Result = r.Result
		}
	}
}
