// Package scp is the server side of DICOM associations: it accepts them, hands the operations of their peers to a
// handler, and answers. What it offers is what the handler implements: see Storer, Actor and the others.
//
// A Server does so for a listener; Bind does so for one association that somebody else established, which is how a
// client takes an N-EVENT-REPORT on the association it opened.
package scp
