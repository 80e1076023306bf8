package dimse

import (
	"encoding/binary"
	"fmt"

	"gantry/internal/dicom"
)

// MaxCommandLength is the number of bytes of a command set that are taken from a peer. The longest that the standard
// allows lists attributes and is far below it.
const MaxCommandLength = 64 << 10

// CommandError is a command set that cannot be understood.
type CommandError struct {
	Tag    dicom.Tag // the element at fault; 0 is the command set as a whole
	Offset int       // of that element, in bytes from the start of the command set
	Reason string
}

// Error names the element and its place.
func (e *CommandError) Error() string {
	return fmt.Sprintf("dimse: command set: element %v at offset %d: %s", e.Tag, e.Offset, e.Reason)
}

// DecodeCommand reads a command set (PS3.7 6.3.1). It is strict about what could lead astray and tolerant of the
// rest: the group length is not needed, elements that are unknown, retired or out of order are passed over, text may be
// padded by anything. UIDs are taken as they come, whatever their length: it is for the service to refuse them. The error
// is a *CommandError; what was read before it is returned too.
func DecodeCommand(b []byte) (*Command, error) {
	c := new(Command)
	return c, c.decode(b, nil)
}

// decode fills c. UIDs and texts equal to those of like, if it is given, share its strings: on an association most
// messages name the same SOP class.
func (c *Command) decode(b []byte, like *Command) error {
	if like == nil {
		like = new(Command)
	}
	var seen presence
	for pos := 0; pos < len(b); {
		tag, value, err := element(b, pos)
		if err != nil {
			return err
		}
		if reason := c.set(tag, value, like, &seen); reason != "" {
			return &CommandError{Tag: tag, Offset: pos, Reason: reason}
		}
		pos += 8 + len(value)
	}
	return c.complete(&seen, len(b))
}

// element returns the tag and the value of the element at pos.
func element(b []byte, pos int) (dicom.Tag, []byte, error) {
	rest := b[pos:]
	if len(rest) < 8 {
		return 0, nil, &CommandError{Offset: pos, Reason: fmt.Sprintf("%d bytes are left, too few for an element", len(rest))}
	}
	tag := dicom.NewTag(binary.LittleEndian.Uint16(rest), binary.LittleEndian.Uint16(rest[2:]))
	length := binary.LittleEndian.Uint32(rest[4:])
	if tag.Group() != 0 {
		return tag, nil, &CommandError{Tag: tag, Offset: pos, Reason: "not of group 0000"}
	}
	if uint64(length) > uint64(len(rest)-8) {
		return tag, nil, &CommandError{Tag: tag, Offset: pos, Reason: fmt.Sprintf(
			"length %d goes beyond the end, %d bytes are left", length, len(rest)-8)}
	}
	return tag, rest[8 : 8+length], nil
}

// presence notes the elements without which a command set has no meaning.
type presence struct {
	field, messageID, respondedTo, dataSetType, status bool

	dataSet uint16 // the value of (0000,0800)
}

// set takes over one element and returns what is wrong with it, "" for nothing.
func (c *Command) set(tag dicom.Tag, v []byte, like *Command, seen *presence) string {
	switch tag {
	case dicom.TagAffectedSOPClassUID:
		setUID(&c.AffectedSOPClassUID, v, like.AffectedSOPClassUID)
	case dicom.TagRequestedSOPClassUID:
		setUID(&c.RequestedSOPClassUID, v, like.RequestedSOPClassUID)
	case dicom.TagAffectedSOPInstanceUID:
		setUID(&c.AffectedSOPInstanceUID, v, like.AffectedSOPInstanceUID)
	case dicom.TagRequestedSOPInstanceUID:
		setUID(&c.RequestedSOPInstanceUID, v, like.RequestedSOPInstanceUID)
	case dicom.TagMoveDestination:
		c.MoveDestination = text(v, like.MoveDestination)
	case dicom.TagErrorComment:
		c.ErrorComment = text(v, like.ErrorComment)
	case dicom.TagMoveOriginatorApplicationEntityTitle:
		c.MoveOriginatorAET = text(v, like.MoveOriginatorAET)
	case dicom.TagAttributeIdentifierList:
		return setTags(&c.AttributeIdentifiers, v)
	case dicom.TagOffendingElement:
		return setTags(&c.OffendingElements, v)
	case dicom.TagNumberOfRemainingSuboperations:
		return setCount(&c.Remaining, v)
	case dicom.TagNumberOfCompletedSuboperations:
		return setCount(&c.Completed, v)
	case dicom.TagNumberOfFailedSuboperations:
		return setCount(&c.Failed, v)
	case dicom.TagNumberOfWarningSuboperations:
		return setCount(&c.Warning, v)
	default:
		return c.setNumber(tag, v, seen)
	}
	return ""
}

func (c *Command) setNumber(tag dicom.Tag, v []byte, seen *presence) string {
	target, necessary := c.number(tag, seen)
	if target == nil || len(v) == 0 && necessary == nil {
		return "" // unknown, of no use, or empty, which is the same as absent
	}
	if len(v) != 2 {
		return fmt.Sprintf("a US value of %d bytes", len(v))
	}
	*target = binary.LittleEndian.Uint16(v)
	if necessary != nil {
		*necessary = true
	}
	return ""
}

// number returns where a US element goes and, of the necessary ones, the note that it was there.
// Nil for elements that are unknown or of no use.
func (c *Command) number(tag dicom.Tag, seen *presence) (target *uint16, necessary *bool) {
	switch tag {
	case dicom.TagCommandField:
		return &c.Field, &seen.field
	case dicom.TagMessageID:
		return &c.MessageID, &seen.messageID
	case dicom.TagMessageIDBeingRespondedTo:
		return &c.MessageIDRespondedTo, &seen.respondedTo
	case dicom.TagCommandDataSetType:
		return &seen.dataSet, &seen.dataSetType
	case dicom.TagStatus:
		return (*uint16)(&c.Status), &seen.status
	case dicom.TagPriority:
		return &c.Priority, nil
	case dicom.TagErrorID:
		return &c.ErrorID, nil
	case dicom.TagEventTypeID:
		return &c.EventTypeID, nil
	case dicom.TagActionTypeID:
		return &c.ActionTypeID, nil
	case dicom.TagMoveOriginatorMessageID:
		return &c.MoveOriginatorMessageID, nil
	}
	return nil, nil
}

// setCount takes over one of the optional counts of sub-operations.
func setCount(count **uint16, v []byte) string {
	switch len(v) {
	case 0:
		return ""
	case 2:
		n := binary.LittleEndian.Uint16(v)
		*count = &n
		return ""
	}
	return fmt.Sprintf("a US value of %d bytes", len(v))
}

// complete checks that the elements are there which say what the message is and whether a data set follows.
func (c *Command) complete(seen *presence, length int) error {
	c.HasDataset = seen.dataSet != noDataset
	missing := func(tag dicom.Tag) error { return &CommandError{Tag: tag, Offset: length, Reason: "missing"} }
	switch {
	case !seen.field:
		return missing(dicom.TagCommandField)
	case !seen.dataSetType:
		return missing(dicom.TagCommandDataSetType)
	case c.IsResponse() && !seen.status:
		return missing(dicom.TagStatus)
	case (c.IsResponse() || c.Field == CCancelRQ) && !seen.respondedTo:
		return missing(dicom.TagMessageIDBeingRespondedTo)
	case !c.IsResponse() && c.Field != CCancelRQ && !seen.messageID:
		return missing(dicom.TagMessageID)
	}
	return nil
}

func setUID(uid *dicom.UID, v []byte, like dicom.UID) {
	v = trim(v)
	if string(v) == string(like) {
		*uid = like
	} else {
		*uid = dicom.UID(v)
	}
}

func setTags(tags *[]dicom.Tag, v []byte) string {
	if len(v)%4 != 0 {
		return fmt.Sprintf("an AT value of %d bytes", len(v))
	}
	*tags = make([]dicom.Tag, 0, len(v)/4)
	for ; len(v) >= 4; v = v[4:] {
		*tags = append(*tags, dicom.NewTag(binary.LittleEndian.Uint16(v), binary.LittleEndian.Uint16(v[2:])))
	}
	return ""
}

func text(v []byte, like string) string {
	v = trim(v)
	if string(v) == like {
		return like
	}
	return string(v)
}

// trim takes padding off both ends.
func trim(v []byte) []byte {
	pad := func(c byte) bool { return c == 0 || c == ' ' }
	for len(v) > 0 && pad(v[0]) {
		v = v[1:]
	}
	for len(v) > 0 && pad(v[len(v)-1]) {
		v = v[:len(v)-1]
	}
	return v
}
