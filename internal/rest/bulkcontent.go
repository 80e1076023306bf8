package rest

import (
	"encoding/json"
	"errors"

	"gantry/internal/query"
	"gantry/internal/storage/index"
)

// bulkContent answers POST /tools/bulk-content: resources of any levels at once, or what lies above or below them at
// one level, each once. What is not known is left out.
func bulkContent(s *Server, c *Call) error {
	b, err := c.findBody()
	if err != nil {
		return err
	}
	ids, sh, level, err := b.bulk()
	if err != nil {
		return err
	}
	w := c.stream()
	w.Array()
	seen := map[index.ID]struct{}{}
	for _, text := range distinct(ids) {
		q, err := s.bulkQuery(c, text, level)
		if err != nil {
			return err
		}
		if q == nil {
			continue
		}
		if at := q.Within[0]; at.Level == q.Level {
			if _, twice := seen[at.ID]; twice {
				continue // many may lie below one: it is read once
			}
		}
		s.request(q, &sh)
		r := &renderer{shown: sh, s: s, w: w, level: q.Level}
		err = s.engine().Find(c.Request.Context(), q, func(results []query.Result) error {
			for i := range results {
				if _, twice := seen[results[i].ID]; !twice {
					seen[results[i].ID] = struct{}{}
					r.resource(&results[i])
				}
			}
			return w.Err()
		})
		if err != nil {
			return err
		}
	}
	w.EndArray()
	return w.End()
}

// bulk reads the body; level is 0 if the resources are to be shown themselves.
func (b *findBody) bulk() (ids []string, sh shown, level index.Level, err error) {
	var values []*string
	if json.Unmarshal(b.fields["Resources"], &values) != nil || b.fields["Resources"] == nil {
		return nil, sh, 0, fail(statusBadFileFormat, "List of strings expected in field: Resources")
	}
	for _, v := range values {
		if v == nil {
			return nil, sh, 0, fail(statusBadFileFormat, "List of strings expected in field: Resources")
		}
		ids = append(ids, *v)
	}
	if text, given := b.fields["Level"]; given {
		name, ok := jsonText(text)
		if !ok {
			return nil, sh, 0, fail(statusBadFileFormat, "String value expected in field: Level")
		}
		if level, ok = parseLevel(name); !ok {
			return nil, sh, 0, fail(statusParameterOutOfRange, "Invalid resource type '%.40s'", name)
		}
	}
	sh.content = contentDefault
	metadata := true
	if text, given := b.fields["Metadata"]; given && json.Unmarshal(text, &metadata) != nil {
		return nil, sh, 0, fail(statusBadFileFormat, "Boolean value expected in field: Metadata")
	}
	if metadata {
		sh.content |= contentMetadata
	}
	sh.form, err = b.form()
	return ids, sh, level, err
}

// bulkQuery asks for what one of the ids stands for; nil if it is not known.
func (s *Server) bulkQuery(c *Call, text string, level index.Level) (*query.Query, error) {
	id, err := index.ParseID(text)
	if err != nil {
		return nil, nil //nolint:nilerr // it names nothing
	}
	q := &query.Query{Level: level}
	err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
		at, err := tx.Resource(id)
		if err != nil {
			return err
		}
		if level == 0 {
			q.Level = at
		}
		if q.Level < at {
			if id, err = climb(tx, at, id, q.Level); err != nil {
				return err
			}
			at = q.Level
		}
		q.Within = []index.Resource{{Level: at, ID: id}}
		return nil
	})
	if errors.Is(err, index.ErrNotFound) {
		return nil, nil
	}
	return q, err
}
