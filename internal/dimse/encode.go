package dimse

import (
	"encoding/binary"
	"fmt"

	"gantry/internal/dicom"
)

// noDataset is the value of (0000,0800) that says that no data set follows; every other value says that one does.
const noDataset = 0x0101

// Lengths that PS3.5 6.2 sets for the VRs of command elements.
const (
	maxAET     = 16
	maxComment = 64
)

// Encode returns the command set in Implicit VR Little Endian with its group length (PS3.7 6.3.1).
// An error means that a value cannot be sent: it is too long for its VR.
func (c *Command) Encode() ([]byte, error) { return c.AppendEncoded(nil) }

// AppendEncoded appends what Encode returns to b.
func (c *Command) AppendEncoded(b []byte) ([]byte, error) {
	if err := c.check(); err != nil {
		return b, err
	}
	start := len(b)
	b = appendUint32(b, dicom.TagCommandGroupLength, 0)
	b = appendUID(b, dicom.TagAffectedSOPClassUID, c.AffectedSOPClassUID)
	b = appendUID(b, dicom.TagRequestedSOPClassUID, c.RequestedSOPClassUID)
	b = appendUint16(b, dicom.TagCommandField, c.Field)
	b = c.appendMessageIDs(b)
	b = appendText(b, dicom.TagMoveDestination, c.MoveDestination)
	if c.hasPriority() {
		b = appendUint16(b, dicom.TagPriority, c.Priority)
	}
	b = appendUint16(b, dicom.TagCommandDataSetType, c.dataSetType())
	if c.IsResponse() {
		b = c.appendStatus(b)
	}
	b = appendUID(b, dicom.TagAffectedSOPInstanceUID, c.AffectedSOPInstanceUID)
	b = appendUID(b, dicom.TagRequestedSOPInstanceUID, c.RequestedSOPInstanceUID)
	b = appendNonZero(b, dicom.TagEventTypeID, c.EventTypeID, c.Field == NEventReportRQ)
	b = appendTags(b, dicom.TagAttributeIdentifierList, c.AttributeIdentifiers)
	b = appendNonZero(b, dicom.TagActionTypeID, c.ActionTypeID, c.Field == NActionRQ)
	b = c.appendSuboperations(b)
	b = appendText(b, dicom.TagMoveOriginatorApplicationEntityTitle, c.MoveOriginatorAET)
	b = appendNonZero(b, dicom.TagMoveOriginatorMessageID, c.MoveOriginatorMessageID, c.MoveOriginatorAET != "")
	binary.LittleEndian.PutUint32(b[start+8:], uint32(len(b)-start-12))
	return b, nil
}

func (c *Command) appendMessageIDs(b []byte) []byte {
	if c.IsResponse() || c.Field == CCancelRQ {
		return appendUint16(b, dicom.TagMessageIDBeingRespondedTo, c.MessageIDRespondedTo)
	}
	return appendUint16(b, dicom.TagMessageID, c.MessageID)
}

func (c *Command) appendStatus(b []byte) []byte {
	b = appendUint16(b, dicom.TagStatus, uint16(c.Status))
	b = appendTags(b, dicom.TagOffendingElement, c.OffendingElements)
	b = appendText(b, dicom.TagErrorComment, comment(c.ErrorComment))
	return appendNonZero(b, dicom.TagErrorID, c.ErrorID, false)
}

func (c *Command) appendSuboperations(b []byte) []byte {
	b = appendOptional(b, dicom.TagNumberOfRemainingSuboperations, c.Remaining)
	b = appendOptional(b, dicom.TagNumberOfCompletedSuboperations, c.Completed)
	b = appendOptional(b, dicom.TagNumberOfFailedSuboperations, c.Failed)
	return appendOptional(b, dicom.TagNumberOfWarningSuboperations, c.Warning)
}

func (c *Command) hasPriority() bool {
	switch c.Field {
	case CStoreRQ, CFindRQ, CMoveRQ, CGetRQ:
		return true
	}
	return false
}

func (c *Command) dataSetType() uint16 {
	if c.HasDataset {
		return 0x0001
	}
	return noDataset
}

func (c *Command) check() error {
	for _, uid := range [...]dicom.UID{
		c.AffectedSOPClassUID, c.RequestedSOPClassUID, c.AffectedSOPInstanceUID, c.RequestedSOPInstanceUID,
	} {
		if len(uid) > dicom.MaxUIDLength {
			return fmt.Errorf("dimse: encode %s: UID %.80q is longer than %d characters", c.Service(), uid, dicom.MaxUIDLength)
		}
	}
	for _, aet := range [...]string{c.MoveDestination, c.MoveOriginatorAET} {
		if len(aet) > maxAET {
			return fmt.Errorf("dimse: encode %s: AE title %.40q is longer than %d characters", c.Service(), aet, maxAET)
		}
	}
	return nil
}

// comment makes text fit for an LO value that any peer can show: ASCII, one value, 64 characters.
func comment(text string) string {
	fits := len(text) <= maxComment
	for i := 0; fits && i < len(text); i++ {
		fits = text[i] >= ' ' && text[i] < 0x7F && text[i] != '\\'
	}
	if fits {
		return text
	}
	b := make([]byte, 0, maxComment)
	for _, r := range text {
		if len(b) == maxComment {
			break
		}
		if r < ' ' || r >= 0x7F || r == '\\' {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return string(b)
}

func appendHead(b []byte, tag dicom.Tag, length int) []byte {
	b = binary.LittleEndian.AppendUint16(b, tag.Group())
	b = binary.LittleEndian.AppendUint16(b, tag.Element())
	return binary.LittleEndian.AppendUint32(b, uint32(length))
}

func appendUint32(b []byte, tag dicom.Tag, v uint32) []byte {
	return binary.LittleEndian.AppendUint32(appendHead(b, tag, 4), v)
}

func appendUint16(b []byte, tag dicom.Tag, v uint16) []byte {
	return binary.LittleEndian.AppendUint16(appendHead(b, tag, 2), v)
}

func appendNonZero(b []byte, tag dicom.Tag, v uint16, always bool) []byte {
	if v == 0 && !always {
		return b
	}
	return appendUint16(b, tag, v)
}

func appendOptional(b []byte, tag dicom.Tag, v *uint16) []byte {
	if v == nil {
		return b
	}
	return appendUint16(b, tag, *v)
}

func appendUID(b []byte, tag dicom.Tag, uid dicom.UID) []byte {
	return appendPadded(b, tag, string(uid), 0)
}

func appendText(b []byte, tag dicom.Tag, text string) []byte { return appendPadded(b, tag, text, ' ') }

// appendPadded leaves an empty value out: in a command set that is the same as an absent element.
func appendPadded(b []byte, tag dicom.Tag, value string, pad byte) []byte {
	if value == "" {
		return b
	}
	odd := len(value) % 2
	b = append(appendHead(b, tag, len(value)+odd), value...)
	if odd == 1 {
		b = append(b, pad)
	}
	return b
}

func appendTags(b []byte, tag dicom.Tag, tags []dicom.Tag) []byte {
	if len(tags) == 0 {
		return b
	}
	b = appendHead(b, tag, 4*len(tags))
	for _, t := range tags {
		b = binary.LittleEndian.AppendUint16(b, t.Group())
		b = binary.LittleEndian.AppendUint16(b, t.Element())
	}
	return b
}
