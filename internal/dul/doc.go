// Package dul is the DICOM upper layer (PS3.8): associations with their
// negotiation, the state table that drives them, and the streams of PDVs.
package dul
