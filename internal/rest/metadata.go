package rest

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"gantry/internal/jobs"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// families are the four levels as paths.
func families(routes func(prefix, name string, level index.Level) []Route) (table []Route) {
	for level, name := range []string{index.Patient: "patients", index.Study: "studies", index.Series: "series", index.Instance: "instances"} {
		if name != "" {
			table = append(table, routes("/"+name+"/{id}", name, index.Level(level))...)
		}
	}
	return table
}

func metadataRoutes() []Route {
	return families(func(prefix, name string, level index.Level) []Route {
		return []Route{
			{http.MethodGet, prefix + "/metadata", "Names of the metadata of one of the " + name + "; ?expand with values, ?numeric by number", listMetadata(level)},
			{http.MethodGet, prefix + "/metadata/{name}", "One value of the metadata, by name or number", getMetadata(level)},
			{http.MethodPut, prefix + "/metadata/{name}", "Set metadata of a user: a name of UserMetadata, or a number from 1024", putMetadata},
			{http.MethodDelete, prefix + "/metadata/{name}", "Remove metadata of a user", deleteMetadata},
		}
	})
}

// resourceAt reads the id of a route's resource, which has to be of a level.
func (s *Server) resourceAt(c *Call, level index.Level) (index.Resource, error) {
	r, err := s.resourceOf(c)
	if err == nil && r.Level != level {
		err = &apiError{Code: jobs.CodeUnknownResource}
	}
	return r, err
}

// resourceOf reads the id of a route's resource, whatever its level.
func (s *Server) resourceOf(c *Call) (r index.Resource, err error) {
	if r.ID, err = c.resourceID(); err != nil {
		return r, err
	}
	err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) (err error) { r.Level, err = tx.Resource(r.ID); return err })
	return r, err
}

// metadataOf reads all metadata of a resource, sorted by number: those of the store itself and those of users.
func (s *Server) metadataOf(ctx context.Context, r index.Resource) (all []index.Metadata, err error) {
	err = s.Store.View(ctx, func(tx index.ReadTx) error {
		record, err := recordOf(tx, r)
		if err != nil {
			return err
		}
		for _, m := range ownMetadata(r.Level, record) {
			all = append(all, index.Metadata{Number: m.number, Value: m.value})
		}
		set, err := tx.Metadata(r.ID)
		all = append(all, set...)
		return err
	})
	slices.SortFunc(all, func(a, b index.Metadata) int { return a.Number - b.Number })
	return all, err
}

// recordOf reads what ownMetadata needs.
func recordOf(tx index.ReadTx, r index.Resource) (*index.Record, error) {
	switch r.Level {
	case index.Patient:
		row, err := tx.Patient(r.ID)
		return &index.Record{Tags: row.Tags, LastUpdate: row.LastUpdate, Signature: row.Signature}, err
	case index.Study:
		row, err := tx.Study(r.ID)
		return &index.Record{Tags: row.Tags, LastUpdate: row.LastUpdate, Signature: row.Signature}, err
	case index.Series:
		row, err := tx.Series(r.ID)
		return &index.Record{Tags: row.Tags, LastUpdate: row.LastUpdate, Signature: row.Signature, RemoteAET: row.RemoteAET}, err
	}
	row, err := tx.Instance(r.ID)
	return &index.Record{Tags: row.Tags, Signature: row.Signature, Instance: row}, err
}

func listMetadata(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		r, err := s.resourceAt(c, level)
		if err != nil {
			return err
		}
		all, err := s.metadataOf(c.Request.Context(), r)
		if err != nil {
			return err
		}
		expand, err := c.expand(false)
		if err != nil {
			return err
		}
		switch numeric := c.Request.URL.Query().Has("numeric"); {
		case expand:
			values := map[string]string{}
			for _, m := range all {
				name := s.metadataName(m.Number)
				if numeric {
					name = strconv.Itoa(m.Number)
				}
				values[name] = m.Value
			}
			return c.JSON(values)
		case numeric:
			numbers := []int{}
			for _, m := range all {
				numbers = append(numbers, m.Number)
			}
			return c.JSON(numbers)
		}
		names := []string{}
		for _, m := range all {
			names = append(names, s.metadataName(m.Number))
		}
		return c.JSON(names)
	}
}

// metadataParam reads the name or number of a route's metadata.
func (s *Server) metadataParam(c *Call) (int, error) {
	name := c.Param("name")
	if number, ok := s.metadataNumber(name); ok {
		return number, nil
	}
	if _, err := strconv.Atoi(name); err == nil {
		return -1, nil // a number that nothing has
	}
	return 0, fail(jobs.CodeInexistent, "%.80q is no metadata: give a number from 1024, or declare the name in UserMetadata", name)
}

// isUserNumber tells the numbers that are users'.
func isUserNumber(number int) bool { return number >= index.FirstUserMetadata && number <= 65535 }

// usersOnly refuses the numbers of the store's own metadata and attachments where only users' can be changed.
func usersOnly(number int, err error) (int, error) {
	if err == nil && !isUserNumber(number) {
		err = &emptyAnswer{http.StatusForbidden}
	}
	return number, err
}

func getMetadata(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		number, err := s.metadataParam(c)
		if err != nil {
			return err
		}
		r, err := s.resourceAt(c, level)
		if err != nil {
			return err
		}
		all, err := s.metadataOf(c.Request.Context(), r)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(m index.Metadata) bool { return m.Number == number })
		if i < 0 {
			return errNoAnswer
		}
		if done, err := c.unmodified(all[i].Revision, storage.MD5Of(all[i].Value)); done || err != nil {
			return err
		}
		return c.text(all[i].Value)
	}
}

func putMetadata(s *Server, c *Call) error {
	number, err := usersOnly(s.metadataParam(c))
	if err != nil {
		return err
	}
	match, err := s.precondition(c)
	if err != nil {
		return err
	}
	value, err := c.smallBody()
	if err != nil {
		return err
	}
	id, err := c.resourceID()
	if err != nil {
		return err
	}
	m, err := s.Store.SetMetadata(c.background(), id, number, string(value), func(old *index.Metadata) error {
		if old == nil {
			return nil
		}
		return match(old.Revision, storage.MD5Of(old.Value))
	})
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", revisionTag(m.Revision, storage.MD5Of(m.Value)))
	return c.Empty()
}

func deleteMetadata(s *Server, c *Call) error {
	return s.deleteUsers(c, s.metadataParam, func(ctx context.Context, id index.ID, number int, match revisionCheck) error {
		return s.Store.DeleteMetadata(ctx, id, number, func(old *index.Metadata) error {
			return match(old.Revision, storage.MD5Of(old.Value))
		})
	})
}

// userMetadata is the option UserMetadata as /system shows it: by name and by number.
func (s *Server) userMetadata() map[string]int {
	all := maps.Clone(s.Config.UserMetadata)
	if all == nil {
		all = map[string]int{}
	}
	for _, number := range s.Config.UserMetadata {
		all[strconv.Itoa(number)] = number
	}
	return all
}
