package rest

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"gantry/internal/dicom"
	"gantry/internal/query"
	"gantry/internal/storage/index"
)

// metadatum is one value of a resource's metadata.
type metadatum struct {
	number int
	value  string
}

// ownMetadata are the metadata that the store itself notes of a resource, which has to be read with index.WantUpdate and
// index.WantMetadata, and an instance with index.WantInstance.
func ownMetadata(level index.Level, r *index.Record) []metadatum {
	signature := r.Signature
	if signature == "" {
		signature = index.Signature(index.MainTags(level))
	}
	own := []metadatum{{index.MetaMainDicomTagsSignature, signature}}
	if level < index.Instance {
		own = append(own, metadatum{index.MetaLastUpdate, isoTime(r.LastUpdate)})
	}
	if level == index.Series {
		own = append(own, metadatum{index.MetaRemoteAET, r.RemoteAET})
		if sequences := mainSequences(r.Tags); sequences != "" {
			own = append(own, metadatum{index.MetaMainDicomSequences, sequences})
		}
		if expected := index.NewSeriesStatus(r.Tags).Expected; expected > 0 {
			own = append(own, metadatum{index.MetaExpectedNumberOfInstances, strconv.FormatInt(expected, 10)})
		}
	}
	if level == index.Instance && r.Instance != nil {
		own = append(own, instanceMetadata(r.Instance)...)
	}
	return own
}

// imageIndex is Image Index (0054,1330).
const imageIndex dicom.Tag = 0x00541330

func instanceMetadata(i *index.InstanceRow) []metadatum {
	own := []metadatum{{index.MetaReceptionDate, isoTime(i.Received)},
		{index.MetaRemoteAET, i.Origin.RemoteAET}, {index.MetaOrigin, i.Origin.Source},
		{index.MetaTransferSyntax, string(i.TransferSyntax)}, {index.MetaSopClassUid, string(i.SOPClassUID)},
		{index.MetaRemoteIP, i.Origin.RemoteIP}}
	if i.Origin.Source == "RestApi" {
		own = append(own, metadatum{index.MetaHttpUsername, i.Origin.HttpUsername})
	} else {
		own = append(own, metadatum{index.MetaCalledAET, i.Origin.CalledAET})
	}
	if i.PixelDataAt > 0 {
		own = append(own, metadatum{index.MetaPixelDataOffset, strconv.FormatInt(i.PixelDataAt, 10)})
	}
	if i.PixelDataAt > 0 && i.UnusualVR {
		own = append(own, metadatum{index.MetaPixelDataVR, i.PixelDataVR.String()})
	}
	for _, t := range [...]dicom.Tag{dicom.TagInstanceNumber, imageIndex} {
		if text, ok := i.Tags.Get(t); ok {
			return append(own, metadatum{index.MetaIndexInSeries, strings.TrimSpace(text)})
		}
	}
	return own
}

// ownMetadataNames are the names of the metadata below index.FirstUserMetadata.
func ownMetadataNames() map[int]string {
	return map[int]string{index.MetaIndexInSeries: "IndexInSeries", index.MetaReceptionDate: "ReceptionDate",
		index.MetaRemoteAET: "RemoteAET", index.MetaExpectedNumberOfInstances: "ExpectedNumberOfInstances",
		index.MetaModifiedFrom: "ModifiedFrom", index.MetaAnonymizedFrom: "AnonymizedFrom",
		index.MetaLastUpdate: "LastUpdate", index.MetaOrigin: "Origin", index.MetaTransferSyntax: "TransferSyntax",
		index.MetaSopClassUid: "SopClassUid", index.MetaRemoteIP: "RemoteIP", index.MetaCalledAET: "CalledAET",
		index.MetaHttpUsername: "HttpUsername", index.MetaPixelDataOffset: "PixelDataOffset",
		index.MetaMainDicomTagsSignature: "MainDicomTagsSignature", index.MetaMainDicomSequences: "MainDicomSequences",
		index.MetaPixelDataVR: "PixelDataVR"}
}

// metadataName is the name of metadata, its number if it has none.
func (s *Server) metadataName(number int) string {
	if name, ok := ownMetadataNames()[number]; ok {
		return name
	}
	for name, user := range s.Config.UserMetadata {
		if user == number {
			return name
		}
	}
	return strconv.Itoa(number)
}

// metadataNumber reads the name of metadata, or its number.
func (s *Server) metadataNumber(name string) (int, bool) {
	for number, own := range ownMetadataNames() {
		if own == name {
			return number, true
		}
	}
	if number, ok := s.Config.UserMetadata[name]; ok {
		return number, true
	}
	n, err := strconv.Atoi(name)
	return n, err == nil && n >= 0 && n <= 65535
}

// metadata writes all metadata of a resource by name.
func (r *renderer) metadata(found *query.Result) {
	all := ownMetadata(r.level, &found.Record)
	for _, m := range found.Metadata {
		all = append(all, metadatum{m.Number, m.Value})
	}
	named := make([]namedTag, 0, len(all))
	for _, m := range all {
		named = append(named, namedTag{name: r.s.metadataName(m.number), value: m.value})
	}
	slices.SortFunc(named, func(a, b namedTag) int { return cmp.Compare(a.name, b.name) })
	r.w.Object()
	for _, m := range named {
		r.field(m.name).String(m.value)
	}
	r.w.EndObject()
}

// contentTypeDICOM is Orthanc's number for the DICOM file among the attachments.
const contentTypeDICOM = 1

// attachments writes the DICOM file and what users have attached.
func (r *renderer) attachments(found *query.Result) {
	r.w.Array()
	if r.level == index.Instance && found.Instance != nil {
		r.attachment(contentTypeDICOM, &found.Instance.Blob)
	}
	for i := range found.Attachments {
		r.attachment(found.Attachments[i].Number, &found.Attachments[i].Blob)
	}
	r.w.EndArray()
}

// attachment writes one. An MD5 that was not asked for before is left out: only reading the bytes would tell it.
func (r *renderer) attachment(number int, b *index.Blob) {
	r.w.Object()
	if b.HasMD5 && b.Size == b.PlainSize() {
		r.field("CompressedMD5").String(hex.EncodeToString(b.MD5[:]))
	}
	r.field("CompressedSize").Int(b.Size)
	r.field("ContentType").Int(int64(number))
	if b.HasMD5 {
		r.field("UncompressedMD5").String(hex.EncodeToString(b.MD5[:]))
	}
	r.field("UncompressedSize").Int(b.PlainSize())
	r.field("Uuid").String(uuid.UUID(b.Key).String())
	r.w.EndObject()
}
