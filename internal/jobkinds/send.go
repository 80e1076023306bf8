package jobkinds

import (
	"context"

	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// SendOptions describe a C-STORE of stored resources to a peer (POST /modalities/{id}/store).
type SendOptions struct {
	Modality          string   // its name in the table
	Resources         []string // public ids of any level
	LocalAET          string   // "": that of the peer, else DicomAet
	CalledAET         string   // "": that of the peer
	Host              string   // "": that of the peer
	Port              int      // 0: that of the peer
	Timeout           int      // seconds; 0: that of the peer
	MoveOriginatorAET string
	MoveOriginatorID  uint16
	Permissive        bool // instances that cannot be sent are counted and skipped
	StorageCommitment bool // ask for commitment of what was sent
	Description       string
}

// NewSend returns the job that sends; *UnknownModalityError, *UnknownResourceError.
func (d *Deps) NewSend(ctx context.Context, o SendOptions) (jobs.Job, error) { return nil, nil }

func (d *Deps) restoreSend(version int, data []byte) (jobs.Job, error) { return nil, nil }

// References returns the instances of resources of any level, each once, in order of arrival;
// *UnknownResourceError for an id that is not in the store.
func (d *Deps) References(ctx context.Context, resources []string) ([]index.Reference, error) {
	return nil, nil
}
