package jobkinds

import "gantry/internal/jobs"

func (d *Deps) restoreCommitment(version int, data []byte) (jobs.Job, error) { return nil, nil }
