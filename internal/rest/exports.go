package rest

import (
	"context"

	"gantry/internal/storage/index"
)

type exportJSON struct {
	Date              string
	ID                index.ID
	Path              string
	PatientID         string
	RemoteModality    string
	ResourceType      string
	SOPInstanceUID    string `json:",omitempty"`
	Seq               int64
	SeriesInstanceUID string `json:",omitempty"`
	StudyInstanceUID  string `json:",omitempty"`
}

type exportsJSON struct {
	Done    bool
	Exports []exportJSON
	First   *int64 `json:",omitempty"`
	Last    int64
}

func listExports(s *Server, c *Call) error {
	newest := c.Request.URL.Query().Has("last")
	since, limit := max(c.logNumber("since", 0), 0), c.logLimit()
	if newest {
		since, limit = 0, 1
	}
	found, more, err := s.Store.Exports(c.Request.Context(), since, limit, newest)
	if err != nil {
		return err
	}
	answer := exportsJSON{Done: !more || newest, Exports: []exportJSON{}, Last: since}
	for _, e := range found {
		answer.Exports = append(answer.Exports, exportJSON{Date: isoTime(e.Time), ID: e.ID, Path: resourcePath(e.Resource),
			PatientID: e.PatientID, RemoteModality: e.Modality, ResourceType: e.Level.String(), SOPInstanceUID: e.SOPInstanceUID,
			Seq: e.Seq, SeriesInstanceUID: e.SeriesUID, StudyInstanceUID: e.StudyUID})
	}
	if len(found) > 0 {
		answer.First, answer.Last = &found[0].Seq, found[len(found)-1].Seq
	}
	return c.JSON(answer)
}

func clearExports(s *Server, c *Call) error {
	if err := s.Store.ClearExports(c.background()); err != nil {
		return err
	}
	return c.Empty()
}

// logExports notes what is going to be sent to a peer, if that is wanted.
func (s *Server) logExports(ctx context.Context, modality string, resources []string) error {
	ids := make([]index.ID, len(resources))
	for i, text := range resources {
		id, err := index.ParseID(text)
		if err != nil {
			return err
		}
		ids[i] = id
	}
	if !s.Peers.NotesExports() {
		return nil
	}
	return s.Store.Update(ctx, func(tx index.Tx) error { return s.Peers.NoteExports(tx, modality, ids) })
}
