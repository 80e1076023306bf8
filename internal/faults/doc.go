// Package faults holds the faults that a DICOM server makes on purpose, so that the software that talks to it can be
// tested: rules in a small language, which operation or association each of them meets, and how often it has. It does
// nothing itself; package inject makes the faults.
//
// A rule is a service, a fault and conditions:
//
//	store status=A700 from=MODALITY1 times=2 after=3
//
// Parse documents the words.
package faults

import (
	"time"

	"gantry/internal/dul"
)

// Service is what a rule is about.
type Service string

// The services.
const (
	Association Service = "association" // the answer to A-ASSOCIATE-RQ
	Any         Service = "any"         // every operation
	Echo        Service = "echo"        // C-ECHO
	Store       Service = "store"       // C-STORE
	Find        Service = "find"        // C-FIND
	Move        Service = "move"        // C-MOVE
	Get         Service = "get"         // C-GET
	Commitment  Service = "commitment"  // the N-ACTION of storage commitment, and with a Report fault what it leads to
	Report      Service = "report"      // an N-EVENT-REPORT that the peer sends
)

// Fault is what a rule does.
type Fault string

// The faults. A rule may have a delay and one of the others.
const (
	Delay  Fault = "delay"  // the answer is held back
	Status Fault = "status" // the operation is not performed, and answered with this status
	Abort  Fault = "abort"  // A-ABORT in place of the answer
	Reject Fault = "reject" // A-ASSOCIATE-RJ
	Refuse Fault = "refuse" // presentation contexts are not accepted
	Drop   Fault = "drop"   // the connection is closed
	Reset  Fault = "reset"  // the connection is reset (TCP RST)
	Alter  Fault = "report" // the storage commitment report is another one than it should be
)

// Point is when a connection is dropped or reset.
type Point string

// The points.
const (
	AtRequest  Point = "request"  // when the command has come; nothing is performed
	AtData     Point = "data"     // in the middle of the data set; nothing is performed
	AtResponse Point = "response" // when the operation has been performed, in place of its answer
	AtPDU      Point = "pdu"      // as AtResponse, after the first half of the answer
)

// Kind is what is wrong with a storage commitment report.
type Kind string

// The kinds of reports.
const (
	Failed    Kind = "failed"    // instances that are committed are reported as failed
	WrongSOP  Kind = "class"     // instances are reported under another SOP class
	Partial   Kind = "partial"   // an instance is left out
	Extra     Kind = "extra"     // an instance is added that nobody asked for
	Duplicate Kind = "duplicate" // it is sent twice
	Late      Kind = "late"      // it is sent after delay= (10 s)
	Forged    Kind = "forged"    // it has another Transaction UID
	Missing   Kind = "missing"   // it is never sent
)

// MaximumDelay bounds a delay.
const MaximumDelay = 10 * time.Minute

// Rule is a parsed rule. It is not changed any more.
type Rule struct {
	Text    string // as it was written
	Service Service
	Fault   Fault // Delay if there is no other

	Delay     time.Duration
	Status    uint16
	Comment   string // Error Comment of Status
	Abort     dul.AbortError
	Rejection dul.Rejection
	Result    uint8 // of a refused presentation context, 1 to 4
	Point     Point
	Report    Kind
	Reason    uint16 // Failure Reason of Report failed
	Count     int    // instances that Report is about

	From, To, Class, Instance string // patterns; "" matches everything
	After, Every, Times       int    // 0: none, each, without end
}
