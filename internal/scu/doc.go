// Package scu is the client side of DICOM associations: it asks for them and has operations performed on them, one
// file per service. What the peer asks for meanwhile, an N-EVENT-REPORT for example, reaches the handler of Config.
package scu
