// Package dul is the DICOM upper layer (PS3.8): associations with their
// negotiation, and the pieces of messages that go over them. It knows bytes and
// UIDs as text, and nothing of data sets.
//
// An association is driven by the state table of PS3.8 9.2, which is data
// (table.go, actions.go): what comes from the peer (receive.go) and what is
// asked for here become events; Assoc.step looks them up and carries out the
// effects of the action. The ARTIM timer is the deadline of the read that waits
// in Sta2 and Sta13.
//
// Received values are handed on piece by piece while they arrive, pointing into
// the read buffer (inbound.go). So neither the length of a PDU nor the maximum
// length announced costs memory, longer PDUs than announced do no harm, and an
// association that waits holds a small buffer only. What is sent is read straight
// into its place behind the PDU header, and as many PDUs as fit leave in one
// write (outbound.go).
package dul
