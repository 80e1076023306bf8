package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/jsonout"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// tagRoutes give what is written in the headers of objects, read from the stored files.
func tagRoutes() []Route {
	table := []Route{
		{http.MethodGet, "/instances/{id}/tags", "The DICOM tags of an instance; ?short and ?simplify choose the form", instanceTags},
		{http.MethodGet, "/instances/{id}/simplified-tags", "The DICOM tags of an instance by their names", instanceTags},
		{http.MethodGet, "/instances/{id}/header", "The file meta information of an instance", instanceHeader},
	}
	for _, family := range levels[:3] {
		table = append(table,
			Route{http.MethodGet, family.path + "/{id}/shared-tags", "The DICOM tags that are the same in all instances below",
				sharedTags(family.level)},
			Route{http.MethodGet, family.path + "/{id}/instances-tags", "The DICOM tags of all instances below, by instance",
				instancesTags(family.level)})
	}
	return table
}

// tagOptions reads the arguments that choose the form of tags: short, simplify, whole, ignore-length.
func (s *Server) tagOptions(c *Call) (dicomjson.Options, error) {
	query := c.Request.URL.Query()
	o := dicomjson.Options{MaximumLength: dicomjson.MaximumLength, Charset: s.charset(), Dictionary: s.Dictionary,
		PastPixelData: query.Has("whole"), Hold: c.borrow}
	switch {
	case query.Has("simplify"), strings.HasSuffix(c.Request.URL.Path, "/simplified-tags"):
		o.Format = dicomjson.Simplified
	case query.Has("short"):
		o.Format = dicomjson.Short
	}
	for _, list := range query["ignore-length"] {
		for name := range strings.SplitSeq(list, ",") {
			tag, err := s.tag(name)
			if err != nil {
				return o, err
			}
			if o.Whole == nil {
				o.Whole = map[dicom.Tag]struct{}{}
			}
			o.Whole[tag] = struct{}{}
		}
	}
	return o, nil
}

// tagsAsked reads how tags are to be written, and the route's resource, whose instances have them.
func (s *Server) tagsAsked(c *Call, level index.Level) (options dicomjson.Options, r index.Resource, err error) {
	if options, err = s.tagOptions(c); err == nil {
		r, err = s.resourceAt(c, level)
	}
	return options, r, err
}

// noTag says what a tag has to look like.
const noTag = "%.100q is no DICOM tag: give a number such as 0010-0020, or a keyword"

// tag reads a tag as a number, with a comma or a hyphen, or as a name.
func (s *Server) tag(name string) (dicom.Tag, error) {
	if tag, err := dicom.ParseTag(strings.Replace(name, "-", ",", 1)); err == nil {
		return tag, nil
	}
	if entry, known := s.Dictionary.LookupKeyword(name); known {
		return entry.Tag, nil
	}
	return 0, fail(statusUnknownTag, noTag, name)
}

// charset is the defined term of text in objects that name no character set.
func (s *Server) charset() string {
	term, err := charset.Default(*s.encoding.Load())
	if err != nil {
		return "" // the name was checked with the configuration
	}
	return term
}

// readInstance opens a stored file and reads its file meta information.
func (s *Server) readInstance(ctx context.Context, id index.ID, read func(*codec.File) error) error {
	object, err := s.Store.OpenInstance(ctx, id)
	if err != nil {
		return err
	}
	defer object.Close()
	file, err := codec.OpenFile(object.Reader(), codec.DefaultLimits())
	if err != nil {
		return &apiError{Code: statusBadFileFormat, Details: "the stored file cannot be read", Err: err}
	}
	return read(file)
}

// whoseTags reads what instanceTags and instanceHeader are asked: the form, and of which instance.
func (s *Server) whoseTags(c *Call) (dicomjson.Options, index.ID, error) {
	options, err := s.tagOptions(c)
	if err != nil {
		return options, index.ID{}, err
	}
	id, err := c.resourceID()
	return options, id, err
}

func instanceTags(s *Server, c *Call) error {
	options, id, err := s.whoseTags(c)
	if err != nil {
		return err
	}
	return s.readInstance(c.Request.Context(), id, func(file *codec.File) error {
		c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
		return dicomjson.WriteTags(c.w, file.Reader, options)
	})
}

// tagMetaVersion is in every file, says the same everywhere, and is not in Orthanc's answers.
const tagMetaVersion dicom.Tag = 0x00020001

func instanceHeader(s *Server, c *Call) error {
	options, id, err := s.whoseTags(c)
	if err != nil {
		return err
	}
	options.Only = func(tag dicom.Tag) bool { return tag != tagMetaVersion }
	return s.readInstance(c.Request.Context(), id, func(file *codec.File) error {
		var text bytes.Buffer
		if err := dicomjson.WriteMeta(&text, file.Meta, options); err != nil {
			return err
		}
		c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, err := c.w.Write(text.Bytes())
		return err
	})
}

// eachInstance leads through the stored files below a resource, a page of the index at a time. An instance that is
// deleted meanwhile is left out.
func (s *Server) eachInstance(ctx context.Context, level index.Level, id index.ID,
	read func(instance index.ID, file *codec.File) error) error {
	if level == index.Instance {
		return s.readInstance(ctx, id, func(file *codec.File) error { return read(id, file) })
	}
	for after := int64(0); ; {
		var page []index.InstanceRow
		err := s.Store.View(ctx, func(tx index.ReadTx) (err error) {
			page, err = tx.Instances(level, id, after, pageSize)
			return err
		})
		if err != nil {
			return err
		}
		for _, row := range page {
			after = row.Key
			err := s.readInstance(ctx, row.ID, func(file *codec.File) error { return read(row.ID, file) })
			if err != nil && !isGone(err) {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

// instancesTags answers with an object that has the tags of each instance under its id. It is written while the files
// are read.
func instancesTags(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		options, r, err := s.tagsAsked(c, level)
		if err != nil {
			return err
		}
		c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
		out := jsonout.New(c.w)
		out.Object()
		var tags bytes.Buffer
		err = s.eachInstance(c.Request.Context(), level, r.ID, func(instance index.ID, file *codec.File) error {
			tags.Reset()
			if err := dicomjson.WriteTags(&tags, file.Reader, options); err != nil {
				return err
			}
			out.Key(instance.String())
			out.Raw(tags.Bytes())
			return nil
		})
		if err != nil {
			return err
		}
		out.EndObject()
		return out.End()
	}
}

// isGone reports that a resource is not there, or no more.
func isGone(err error) bool {
	return errors.Is(err, storage.ErrNotFound) || errors.Is(err, index.ErrNotFound)
}

// sharedTag is an element in the full form.
type sharedTag struct {
	Name           string
	PrivateCreator string `json:",omitempty"`
	Type           string
	Value          json.RawMessage
}

// sharedTags answers with the texts that are the same in all instances below a resource. The tags of the first one
// are held, and shrink with every other one.
func sharedTags(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		options, r, err := s.tagsAsked(c, level)
		if err != nil {
			return err
		}
		var shared map[string]sharedTag
		format := options.Format
		options.Format = dicomjson.Full
		var text bytes.Buffer
		err = s.eachInstance(c.Request.Context(), level, r.ID, func(_ index.ID, file *codec.File) error {
			text.Reset()
			if err := dicomjson.WriteTags(&text, file.Reader, options); err != nil {
				return err
			}
			tags := map[string]sharedTag{}
			if err := json.Unmarshal(text.Bytes(), &tags); err != nil {
				return err
			}
			shared = intersect(shared, tags)
			return nil
		})
		if err != nil {
			return err
		}
		return c.JSON(inFormat(shared, format))
	}
}

// intersect keeps of shared what tags has as well; nil is everything.
func intersect(shared, tags map[string]sharedTag) map[string]sharedTag {
	if shared == nil {
		for key, tag := range tags {
			if tag.Type != "String" {
				delete(tags, key)
			}
		}
		return tags
	}
	for key, tag := range shared {
		if other, there := tags[key]; !there || other.Type != "String" || !bytes.Equal(tag.Value, other.Value) {
			delete(shared, key)
		}
	}
	return shared
}

func inFormat(tags map[string]sharedTag, format dicomjson.Format) any {
	if format == dicomjson.Full {
		if tags == nil {
			tags = map[string]sharedTag{}
		}
		return tags
	}
	texts := map[string]json.RawMessage{}
	for _, key := range slices.Sorted(maps.Keys(tags)) { // of the same name the last one counts
		tag := tags[key]
		if format == dicomjson.Simplified {
			key = tag.Name
		}
		texts[key] = tag.Value
	}
	return texts
}
