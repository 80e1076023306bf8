package dimse

import "gantry/internal/dicom"

// Command fields (0000,0100) (PS3.7 E.1). A response has the field of its request with the highest bit set.
const (
	CStoreRQ       uint16 = 0x0001
	CGetRQ         uint16 = 0x0010
	CFindRQ        uint16 = 0x0020
	CMoveRQ        uint16 = 0x0021
	CEchoRQ        uint16 = 0x0030
	NEventReportRQ uint16 = 0x0100
	NGetRQ         uint16 = 0x0110
	NSetRQ         uint16 = 0x0120
	NActionRQ      uint16 = 0x0130
	NCreateRQ      uint16 = 0x0140
	NDeleteRQ      uint16 = 0x0150
	CCancelRQ      uint16 = 0x0FFF

	responseBit uint16 = 0x8000
)

// Priorities (0000,0700) (PS3.7 9.1).
const (
	PriorityMedium uint16 = 0x0000
	PriorityHigh   uint16 = 0x0001
	PriorityLow    uint16 = 0x0002
)

// Command is a command set (PS3.7 6.3.1, E). Which of its fields are sent is decided by Field; the zero value
// of a conditional one means that it is absent.
type Command struct {
	Field                   uint16 // (0000,0100)
	MessageID               uint16 // (0000,0110), of requests
	MessageIDRespondedTo    uint16 // (0000,0120), of responses and C-CANCEL
	AffectedSOPClassUID     dicom.UID
	RequestedSOPClassUID    dicom.UID
	AffectedSOPInstanceUID  dicom.UID
	RequestedSOPInstanceUID dicom.UID
	Priority                uint16
	HasDataset              bool // (0000,0800): a data set follows
	Status                  Status

	MoveDestination         string // AE title, of C-MOVE
	MoveOriginatorAET       string // of a C-STORE that a C-MOVE caused
	MoveOriginatorMessageID uint16

	EventTypeID          uint16
	ActionTypeID         uint16
	AttributeIdentifiers []dicom.Tag // (0000,1005), of N-GET and some failures

	ErrorComment      string
	ErrorID           uint16
	OffendingElements []dicom.Tag

	// Sub-operations of C-GET and C-MOVE; nil is absent, which is not the same as zero.
	Remaining, Completed, Failed, Warning *uint16
}

// IsResponse reports whether the command answers a request.
func (c *Command) IsResponse() bool { return c.Field&responseBit != 0 }

// Service returns the name of the DIMSE service, "C-STORE" for its request and its response,
// "unknown" for a field that the standard does not list.
func (c *Command) Service() string {
	if c.Field == CCancelRQ {
		return "C-CANCEL"
	}
	switch c.Field &^ responseBit {
	case CStoreRQ:
		return "C-STORE"
	case CGetRQ:
		return "C-GET"
	case CFindRQ:
		return "C-FIND"
	case CMoveRQ:
		return "C-MOVE"
	case CEchoRQ:
		return "C-ECHO"
	case NEventReportRQ:
		return "N-EVENT-REPORT"
	case NGetRQ:
		return "N-GET"
	case NSetRQ:
		return "N-SET"
	case NActionRQ:
		return "N-ACTION"
	case NCreateRQ:
		return "N-CREATE"
	case NDeleteRQ:
		return "N-DELETE"
	}
	return "unknown"
}

// Response returns the response to the request c: same message id, SOP class and instance echoed (those of an
// N-service request are its Requested ones, those of the response its Affected ones, PS3.7 10.3), and no data set.
// A UID that is too long to be sent is not echoed: in a response both are optional.
func (c *Command) Response(s Status) *Command {
	r := &Command{
		Field:                  c.Field | responseBit,
		MessageIDRespondedTo:   c.MessageID,
		AffectedSOPClassUID:    c.AffectedSOPClassUID,
		AffectedSOPInstanceUID: c.AffectedSOPInstanceUID,
		EventTypeID:            c.EventTypeID,
		ActionTypeID:           c.ActionTypeID,
		Status:                 s,
	}
	if r.AffectedSOPClassUID == "" {
		r.AffectedSOPClassUID = c.RequestedSOPClassUID
	}
	if r.AffectedSOPInstanceUID == "" {
		r.AffectedSOPInstanceUID = c.RequestedSOPInstanceUID
	}
	for _, uid := range [...]*dicom.UID{&r.AffectedSOPClassUID, &r.AffectedSOPInstanceUID} {
		if len(*uid) > dicom.MaxUIDLength {
			*uid = ""
		}
	}
	return r
}

// Fail turns the response c into one of a failed operation: the status of err and its comment.
func (c *Command) Fail(err error) {
	c.Status = StatusOf(err)
	c.ErrorComment = CommentOf(err)
}

// Err returns nil when the response c tells of success or a warning, else a StatusError.
func (c *Command) Err() error {
	if c.Status.OK() {
		return nil
	}
	return &StatusError{Status: c.Status, Comment: c.ErrorComment}
}
