package dicom

// TransferSyntax says how a data set is encoded (PS3.5 10).
type TransferSyntax struct {
	UID          UID
	ImplicitVR   bool // elements carry no VR
	BigEndian    bool // numbers have their most significant byte first
	Deflated     bool // the data set as a whole is a deflate stream (PS3.5 A.5)
	Encapsulated bool // pixel data may be a sequence of fragments (PS3.5 A.4)
}

// LookupTransferSyntax returns the encoding that a transfer syntax UID stands for. UIDs that are unknown,
// private ones among them, are Explicit VR Little Endian with encapsulated pixel data, as all syntaxes
// that the standard added in twenty years.
func LookupTransferSyntax(uid UID) TransferSyntax {
	ts := TransferSyntax{UID: uid}
	switch uid {
	case ExplicitVRLittleEndian, JPIPReferenced, JPIPHTJ2KReferenced,
		SMPTEST211020UncompressedProgressiveActiveVideo, SMPTEST211020UncompressedInterlacedActiveVideo,
		SMPTEST211030PCMDigitalAudio:
	case ImplicitVRLittleEndian, Papyrus3ImplicitVRLittleEndian, PrivateGEImplicitVRLittleEndian:
		ts.ImplicitVR = true
	case ExplicitVRBigEndian:
		ts.BigEndian = true
	case DeflatedExplicitVRLittleEndian, JPIPReferencedDeflate, JPIPHTJ2KReferencedDeflate:
		ts.Deflated = true
	default:
		ts.Encapsulated = true
	}
	return ts
}
