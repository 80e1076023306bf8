// Package dicomjson gives data sets as JSON: in the three forms of Orthanc's REST API (full, short, simplified), in the
// DICOM JSON Model (PS3.18 F.2), and as the XML of the Native DICOM Model (PS3.19 A.1).
//
// All of them are written while the data set is read: a value is in memory only as long as it takes to write it, and
// pixel data never is.
package dicomjson
