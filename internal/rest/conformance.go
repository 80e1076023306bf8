package rest

import (
	"fmt"
	"strings"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dict"
)

// conformance answers with what the DICOM server offers at this moment (in the terms of PS3.2).
func conformance(s *Server, c *Call) error {
	var b strings.Builder
	accepted := s.Peers.Accepted()
	_, _ = fmt.Fprintf(&b, "# DICOM conformance statement of gantry %s\n\nGenerated on %s from the configuration that holds now.\n",
		s.Version, time.Now().Format(time.DateOnly))
	s.conformanceOfEntity(&b)
	classes := accepted.SOPClasses()
	b.WriteString("\n## Services as SCP\n\n")
	if !s.Config.DicomServerEnabled {
		b.WriteString("None: the DICOM server is switched off (option DicomServerEnabled).\n")
	} else {
		listUIDs(&b, "Verification (C-ECHO)", dicom.VerificationSOPClass)
		listUIDs(&b, "Storage Commitment Push Model (N-ACTION; N-EVENT-REPORT, with either role)", dicom.StorageCommitmentPushModel)
		listUIDs(&b, fmt.Sprintf("Storage (C-STORE), level 2 (full), %d SOP classes", len(classes)), classes...)
		if accepted.UnknownSOPClasses() {
			b.WriteString("\nSOP classes that no dictionary knows are taken as storage SOP classes.\n")
		}
		listUIDs(&b, "Transfer syntaxes of objects that are stored; the first accepted one of a presentation context is used",
			accepted.TransferSyntaxes()...)
		b.WriteString("\nObjects are kept bit for bit as they are received. Nothing is coerced, nothing is compressed or decompressed.\n")
	}
	b.WriteString("\n## Services as SCU\n\n")
	listUIDs(&b, "Verification (C-ECHO)", dicom.VerificationSOPClass)
	listUIDs(&b, "Storage Commitment Push Model (N-ACTION; N-EVENT-REPORT on the same or a new association)", dicom.StorageCommitmentPushModel)
	b.WriteString("\nStorage (C-STORE) of every stored object, in its own transfer syntax or in another uncompressed one.\n")
	listUIDs(&b, "Transfer syntaxes of the other services", dicom.ExplicitVRLittleEndian, dicom.ImplicitVRLittleEndian, dicom.ExplicitVRBigEndian)
	b.WriteString("\n## Not offered\n\nQuery and retrieve (C-FIND, C-MOVE, C-GET), modality worklist, printing.\n")
	b.WriteString("\n## Character sets\n\nAll of PS3.3 C.12.1.1.2. Objects that name none are read as " + *s.encoding.Load() + ".\n")
	return c.text(b.String())
}

func (s *Server) conformanceOfEntity(b *strings.Builder) {
	config := s.Config
	onOff := map[bool]string{false: "no", true: "yes"}
	_, _ = fmt.Fprintf(b, "\n## Application Entity\n\n")
	for _, fact := range [][2]string{
		{"AE title", config.DicomAet}, {"Port", fmt.Sprint(s.DICOMPort())}, {"TLS", onOff[config.DicomTlsEnabled]},
		{"Called AE title is checked", onOff[config.DicomCheckCalledAet]},
		{"Implementation Class UID", string(codec.ImplementationClassUID)},
		{"Implementation Version Name", codec.ImplementationVersionName},
		{"Largest PDU received", fmt.Sprint(config.MaximumPduLength) + " bytes"},
		{"Associations at once", fmt.Sprint(config.MaximumAssociations)},
		{"Asynchronous operations window", "negotiated; none unless the peer asks"},
	} {
		_, _ = fmt.Fprintf(b, "- %s: %s\n", fact[0], fact[1])
	}
}

func listUIDs(b *strings.Builder, title string, uids ...dicom.UID) {
	_, _ = fmt.Fprintf(b, "\n### %s\n\n", title)
	for _, uid := range uids {
		name := ""
		if entry, known := dict.LookupUID(uid); known {
			name = " " + entry.Name
		}
		_, _ = fmt.Fprintf(b, "- %s%s\n", uid, name)
	}
}
