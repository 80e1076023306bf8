package services_test

import (
	"errors"
	"net"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/jobkinds"
	"gantry/internal/modalities"
	"gantry/internal/scp"
	"gantry/internal/services"
)

// policy returns services that have a configuration and no store.
func policy(change func(*config.Config)) *services.Services {
	cfg := config.Default()
	cfg.DicomAet = "GANTRY"
	ct := config.NewModality("CT", "10.0.0.1", 104)
	mute := config.NewModality("MUTE", "10.0.0.2", 104)
	mute.AllowEcho, mute.AllowStore = false, false
	cfg.DicomModalities = map[string]config.Modality{"ct": ct, "mute": mute, "local": config.NewModality("LOCAL", "localhost", 104)}
	if change != nil {
		change(cfg)
	}
	return services.New(services.Deps{Config: cfg, Modalities: modalities.New(cfg.DicomModalities, cfg.StrictAetComparison)})
}

func from(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 5000} }

// closed lets nobody in by default.
func closed(c *config.Config) { c.DicomAlwaysAllowEcho, c.DicomAlwaysAllowStore = false, false }

func TestAccess(t *testing.T) {
	t.Parallel()
	const admitted, badCalled, badCalling = 0, 7, 3 // reasons of PS3.8 9.3.4
	for name, x := range map[string]struct {
		change          func(*config.Config)
		calling, called string
		ip              string
		want            uint8
	}{
		"anybody by default":               {nil, "STRANGER", "WHATEVER", "10.9.9.9", admitted},
		"another called AE title":          {func(c *config.Config) { c.DicomCheckCalledAet = true }, "CT", "WHATEVER", "10.0.0.1", badCalled},
		"our AE title in lower case":       {func(c *config.Config) { c.DicomCheckCalledAet = true }, "CT", "gantry", "10.0.0.1", admitted},
		"the same, compared strictly":      {func(c *config.Config) { c.DicomCheckCalledAet, c.StrictAetComparison = true, true }, "CT", "gantry", "10.0.0.1", badCalled},
		"a stranger where all is closed":   {closed, "STRANGER", "GANTRY", "10.0.0.1", badCalling},
		"a listed one where all is closed": {closed, "ct", "GANTRY", "10.9.9.9", admitted},
		"a listed one in other letters":    {func(c *config.Config) { closed(c); c.StrictAetComparison = true }, "ct", "GANTRY", "10.0.0.1", badCalling},
		"from another host":                {func(c *config.Config) { closed(c); c.DicomCheckModalityHost = true }, "CT", "GANTRY", "10.9.9.9", badCalling},
		"from its host":                    {func(c *config.Config) { closed(c); c.DicomCheckModalityHost = true }, "CT", "GANTRY", "10.0.0.1", admitted},
		"from its host, as IPv6":           {func(c *config.Config) { closed(c); c.DicomCheckModalityHost = true }, "CT", "GANTRY", "::ffff:10.0.0.1", admitted},
		"localhost":                        {func(c *config.Config) { closed(c); c.DicomCheckModalityHost = true }, "LOCAL", "GANTRY", "127.0.0.1", admitted},
	} {
		err := policy(x.change).Access(t.Context(), &dul.Request{CallingAET: x.calling, CalledAET: x.called, RemoteAddr: from(x.ip)})
		var rejection *dul.Rejection
		got := uint8(admitted)
		if errors.As(err, &rejection) {
			got = rejection.Reason
		} else if err != nil {
			t.Fatal(err)
		}
		if got != x.want {
			t.Errorf("%s: reason %d, want %d", name, got, x.want)
		}
	}
}

func TestEchoIsAllowed(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		change  func(*config.Config)
		calling string
		want    dimse.Status
	}{
		"anybody by default":        {nil, "STRANGER", dimse.StatusSuccess},
		"forbidden, but all may":    {nil, "MUTE", dimse.StatusSuccess},
		"forbidden":                 {closed, "MUTE", dimse.StatusNotAuthorized},
		"listed":                    {closed, "CT", dimse.StatusSuccess},
		"unknown":                   {closed, "STRANGER", dimse.StatusNotAuthorized},
		"listed, from another host": {func(c *config.Config) { closed(c); c.DicomCheckModalityHost = true }, "CT", dimse.StatusNotAuthorized},
	} {
		rq := &scp.EchoRequest{Header: scp.Header{Peer: &scp.Peer{CallingAET: x.calling, RemoteAddr: from("10.9.9.9")}}}
		if got := dimse.StatusOf(policy(x.change).Echo(t.Context(), rq)); got != x.want {
			t.Errorf("%s: %s, want %s", name, got, x.want)
		}
		store := &scp.StoreRequest{Header: rq.Header}
		if x.want != dimse.StatusSuccess {
			if got := dimse.StatusOf(policy(x.change).Store(t.Context(), store)); got != x.want {
				t.Errorf("%s: C-STORE %s, want %s", name, got, x.want)
			}
		}
	}
}

// Which presentation contexts are accepted, and with what (PS3.8 9.3.3.2).
func TestAccept(t *testing.T) {
	t.Parallel()
	explicit, implicit, big, jpeg := dicom.ExplicitVRLittleEndian, dicom.ImplicitVRLittleEndian, dicom.ExplicitVRBigEndian, dicom.JPEGLosslessSV1
	for name, x := range map[string]struct {
		change   func(*config.Config)
		abstract dicom.UID
		proposed []dicom.UID
		ts       dicom.UID
		result   scp.ContextResult
	}{
		"verification":                 {nil, dicom.VerificationSOPClass, []dicom.UID{implicit, explicit}, explicit, scp.Accepted},
		"commitment":                   {nil, dicom.StorageCommitmentPushModel, []dicom.UID{big, implicit}, implicit, scp.Accepted},
		"commitment compressed":        {nil, dicom.StorageCommitmentPushModel, []dicom.UID{jpeg}, "", scp.TransferSyntaxesNotSupported},
		"storage, as its peer likes":   {nil, dicom.CTImageStorage, []dicom.UID{jpeg, explicit}, jpeg, scp.Accepted},
		"storage, the second will do":  {func(c *config.Config) { c.JpegTransferSyntaxAccepted = false }, dicom.CTImageStorage, []dicom.UID{jpeg, explicit}, explicit, scp.Accepted},
		"a private syntax":             {nil, dicom.CTImageStorage, []dicom.UID{"1.2.840.113619.5.2"}, "", scp.TransferSyntaxesNotSupported},
		"a private syntax on the list": {func(c *config.Config) { c.AcceptedTransferSyntaxes = []string{"1.2.840.113619.*"} }, dicom.CTImageStorage, []dicom.UID{"1.2.840.113619.5.2"}, "1.2.840.113619.5.2", scp.Accepted},
		"an unknown class":             {nil, "1.3.12.2.1107.5.9.1", []dicom.UID{explicit}, "", scp.AbstractSyntaxNotSupported},
		"an unknown class, let in":     {func(c *config.Config) { c.UnknownSopClassAccepted = true }, "1.3.12.2.1107.5.9.1", []dicom.UID{explicit}, explicit, scp.Accepted},
		"printing":                     {nil, "1.2.840.10008.5.1.1.9", []dicom.UID{explicit}, "", scp.AbstractSyntaxNotSupported},
		"nothing proposed":             {nil, dicom.CTImageStorage, nil, "", scp.TransferSyntaxesNotSupported},
	} {
		ts, result := policy(x.change).Accept(&scp.Peer{CallingAET: "CT"}, x.abstract, x.proposed)
		if ts != x.ts || result != x.result {
			t.Errorf("%s: %q %d, want %q %d", name, ts, result, x.ts, x.result)
		}
	}
}

// What is not the push model's well-known instance is told from it (PS3.4 J.3.2, J.3.3).
func TestWrongClassOrInstance(t *testing.T) {
	t.Parallel()
	s := policy(nil)
	s2 := jobkinds.Deps{Config: config.Default()}
	peer := scp.Header{Peer: &scp.Peer{CallingAET: "CT", RemoteAddr: from("10.0.0.1")}, AbstractSyntax: dicom.StorageCommitmentPushModel}
	for _, x := range []struct {
		class, instance dicom.UID
		want            dimse.Status
	}{
		{"1.2.840.10008.1.20.2", dicom.StorageCommitmentPushModelInstance, dimse.StatusNoSuchSOPClass},
		{"", "", dimse.StatusNoSuchSOPClass},
		{dicom.StorageCommitmentPushModel, "1.2.840.10008.1.20.1.2", dimse.StatusNoSuchSOPInstance},
		{dicom.StorageCommitmentPushModel, "", dimse.StatusNoSuchSOPInstance},
	} {
		if _, err := s.Action(t.Context(), &scp.ActionRequest{Header: peer, SOPClassUID: x.class, SOPInstanceUID: x.instance, ActionTypeID: 1}); dimse.StatusOf(err) != x.want {
			t.Errorf("N-ACTION %q %q: %v, want %s", x.class, x.instance, err, x.want)
		}
		if err := s2.EventReport(t.Context(), &scp.EventReportRequest{Header: peer, SOPClassUID: x.class, SOPInstanceUID: x.instance, EventTypeID: 1}); dimse.StatusOf(err) != x.want {
			t.Errorf("N-EVENT-REPORT %q %q: %v, want %s", x.class, x.instance, err, x.want)
		}
	}
}
