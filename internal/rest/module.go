package rest

import (
	"errors"
	"net/http"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/storage/index"
)

// moduleRoutes give the part of the tags that belongs to the level of a resource, from one of its instances.
func moduleRoutes() []Route {
	table := []Route{{http.MethodGet, "/studies/{id}/module-patient", "The tags of the patient, from one of the instances below",
		module(index.Study, index.Patient)}}
	for _, family := range levels {
		table = append(table, Route{http.MethodGet, family.path + "/{id}/module", "The tags of this level, from one of the instances",
			module(family.level, family.level)})
	}
	return table
}

// moduleTags are the tags of each level in Orthanc's answers: those of the Patient, General Study, General Series and
// SOP Common modules (PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.12.1).
var moduleTags = map[index.Level]map[dicom.Tag]bool{
	index.Patient: set(0x00081120, 0x00100010, 0x00100020, 0x00100021, 0x00100024, 0x00100030, 0x00100032, 0x00100040,
		0x00101000, 0x00101001, 0x00101002, 0x00102160, 0x00102201, 0x00102202, 0x00102292, 0x00102293, 0x00102294, 0x00102297,
		0x00102298, 0x00102299, 0x00104000, 0x00120062, 0x00120063, 0x00120064),
	index.Study: set(0x00080020, 0x00080030, 0x00080050, 0x00080051, 0x00080090, 0x00080096, 0x00081030, 0x00081032,
		0x00081048, 0x00081049, 0x00081060, 0x00081062, 0x00081110, 0x0020000d, 0x00200010, 0x00321034, 0x00401012),
	index.Series: set(0x00080021, 0x00080031, 0x00080060, 0x0008103e, 0x0008103f, 0x00081050, 0x00081052, 0x00081070,
		0x00081072, 0x00081111, 0x00081250, 0x00102210, 0x00180015, 0x00181030, 0x00185100, 0x0020000e, 0x00200011, 0x00200060,
		0x00280108, 0x00400244, 0x00400245, 0x00400253, 0x00400254, 0x00400260, 0x00400275, 0x00400280),
	index.Instance: set(0x00080005, 0x00080012, 0x00080013, 0x00080014, 0x00080016, 0x00080018, 0x0008001a, 0x0008001b,
		0x00080110, 0x00080201, 0x0018a001, 0x00200013, 0x00280303, 0x0040a390),
}

func set(tags ...dicom.Tag) map[dicom.Tag]bool {
	members := make(map[dicom.Tag]bool, len(tags))
	for _, tag := range tags {
		members[tag] = true
	}
	return members
}

// module answers with the tags of one level from the first instance below a resource.
func module(level, of index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		options, r, err := s.tagsAsked(c, level)
		if err != nil {
			return err
		}
		options.Only = func(tag dicom.Tag) bool { return moduleTags[of][tag] }
		written := errors.New("rest: one instance is enough")
		err = s.eachInstance(c.Request.Context(), level, r.ID, func(_ index.ID, file *codec.File) error {
			c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
			if err := dicomjson.WriteTags(c.w, file.Reader, options); err != nil {
				return err
			}
			return written
		})
		if errors.Is(err, written) {
			return nil
		}
		if err == nil {
			return index.ErrNotFound // it was deleted meanwhile
		}
		return err
	}
}
