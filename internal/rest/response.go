package rest

import (
	"gantry/internal/dicom"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/storage/index"
)

// content says what a resource shows beside its id and type (Orthanc's ResponseContent).
type content uint16

const (
	contentMainTags content = 1 << iota
	contentMetadata
	contentChildren
	contentParent
	contentLabels
	contentAttachments
	contentStatus
	contentStable
	contentProtected
	contentSummary // what is shown unless something is asked for: some metadata and facts about the file
)

const contentDefault = contentMainTags | contentChildren | contentParent | contentLabels | contentStatus | contentStable |
	contentProtected | contentSummary

// parseContent reads the names of ResponseContent; none at all shows the id and the type alone.
func parseContent(names []string) (c content, err error) {
	for _, name := range names {
		switch name {
		case "", "RequestedTags": // these are shown wherever there are any
		case "MainDicomTags":
			c |= contentMainTags
		case "Metadata":
			c |= contentMetadata
		case "Children":
			c |= contentChildren
		case "Parent":
			c |= contentParent
		case "Labels":
			c |= contentLabels
		case "Attachments":
			c |= contentAttachments
		case "Status":
			c |= contentStatus
		case "IsStable":
			c |= contentStable
		case "IsProtected":
			c |= contentProtected
		default:
			return 0, fail(statusParameterOutOfRange, "Unrecognized value for \"ResponseContent\": %.80s", name)
		}
	}
	return c, nil
}

// shown is how resources are shown.
type shown struct {
	content content
	form    dicomjson.Format
	tags    []dicom.Tag // RequestedTags
}

// want says what has to be read of a level for it.
func (sh *shown) want(level index.Level) (w index.Want) {
	for _, p := range [...]struct {
		content content
		want    index.Want
	}{
		{contentMainTags, index.WantTags}, {contentParent, index.WantParent}, {contentMetadata, index.WantMetadata | index.WantUpdate | index.WantTags},
		{contentChildren, index.WantChildren}, {contentLabels, index.WantLabels},
		{contentAttachments, index.WantAttachments}, {contentStable | contentProtected, index.WantUpdate},
		{contentSummary, index.WantUpdate},
	} {
		if sh.content&p.content != 0 {
			w |= p.want
		}
	}
	if level == index.Series && sh.content&(contentStatus|contentSummary) != 0 {
		w |= index.WantTags | index.WantStatus
	}
	if level == index.Instance && sh.content&(contentSummary|contentAttachments|contentMetadata) != 0 {
		w |= index.WantInstance
	}
	return w
}
