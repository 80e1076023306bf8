package dul

import "fmt"

// Rejection is an A-ASSOCIATE-RJ, sent or received (PS3.8 9.3.4).
type Rejection struct{ Result, Source, Reason uint8 }

// Results and sources of a Rejection.
const (
	RejectedPermanent uint8 = 1
	RejectedTransient uint8 = 2

	RejectSourceUser         uint8 = 1
	RejectSourceACSE         uint8 = 2
	RejectSourcePresentation uint8 = 3
)

// RejectNoReason refuses without a reason.
func RejectNoReason() *Rejection { return &Rejection{RejectedPermanent, RejectSourceUser, 1} }

// RejectApplicationContext refuses an application context name that is not DICOM's.
func RejectApplicationContext() *Rejection {
	return &Rejection{RejectedPermanent, RejectSourceUser, 2}
}

// RejectCallingAET refuses an unknown calling AE title.
func RejectCallingAET() *Rejection { return &Rejection{RejectedPermanent, RejectSourceUser, 3} }

// RejectCalledAET refuses a called AE title that is not this one.
func RejectCalledAET() *Rejection { return &Rejection{RejectedPermanent, RejectSourceUser, 7} }

// RejectProtocolVersion refuses a peer that does not speak version 1.
func RejectProtocolVersion() *Rejection { return &Rejection{RejectedPermanent, RejectSourceACSE, 2} }

// RejectCongestion refuses for the moment: too much to do.
func RejectCongestion() *Rejection { return &Rejection{RejectedTransient, RejectSourcePresentation, 1} }

// RejectLocalLimit refuses for the moment: too many associations.
func RejectLocalLimit() *Rejection { return &Rejection{RejectedTransient, RejectSourcePresentation, 2} }

func (r *Rejection) Error() string {
	kind := "permanently"
	if r.Result == RejectedTransient {
		kind = "for the moment"
	}
	return fmt.Sprintf("dul: association rejected %s: %s", kind, r.reason())
}

// Transient reports whether trying again later makes sense.
func (r *Rejection) Transient() bool { return r.Result == RejectedTransient }

func (r *Rejection) reason() string {
	reasons := map[[2]uint8]string{
		{1, 1}: "no reason given", {1, 2}: "application context name not supported",
		{1, 3}: "calling AE title not recognized", {1, 7}: "called AE title not recognized",
		{2, 1}: "no reason given by ACSE", {2, 2}: "protocol version not supported",
		{3, 1}: "temporary congestion", {3, 2}: "local limit exceeded",
	}
	if text, ok := reasons[[2]uint8{r.Source, r.Reason}]; ok {
		return text
	}
	return fmt.Sprintf("source %d, reason %d", r.Source, r.Reason)
}
