package services

import (
	"context"
	"net"
	"slices"
	"strings"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/modalities"
	"gantry/internal/scp"
)

// Access is the scp.Config.Access of the configuration: it refuses another called AE title if that is to be checked,
// and a caller that no service would be allowed to.
func (s *Services) Access(_ context.Context, rq *dul.Request) error {
	c := s.deps.Config
	if c.DicomCheckCalledAet && !s.deps.Modalities.Same(rq.CalledAET, c.DicomAet) {
		s.log.Warn("association refused: called AE title is not ours", "calling", rq.CallingAET, "called", rq.CalledAET, "remote", rq.RemoteAddr)
		return dul.RejectCalledAET()
	}
	if c.DicomAlwaysAllowEcho || c.DicomAlwaysAllowStore || c.DicomAlwaysAllowFind || c.DicomAlwaysAllowFindWorklist ||
		c.DicomAlwaysAllowGet || c.DicomAlwaysAllowMove || c.DicomAlwaysAllowStorageCommitment {
		return nil
	}
	if len(s.known(rq.CallingAET, rq.RemoteAddr)) == 0 {
		s.log.Warn("association refused: calling AE title is not in DicomModalities", "calling", rq.CallingAET, "remote", rq.RemoteAddr)
		return dul.RejectCallingAET()
	}
	return nil
}

// known returns the entries of DicomModalities a caller may be.
func (s *Services) known(aet string, remote net.Addr) []modalities.Entry {
	entries := s.deps.Modalities.FindByAET(aet)
	if !s.deps.Config.DicomCheckModalityHost {
		return entries
	}
	return slices.DeleteFunc(entries, func(e modalities.Entry) bool { return !sameHost(e.Host, remote) })
}

// sameHost compares the address a connection came from with the host of an entry: an IP address, or localhost. Other
// names are not looked up, as in Orthanc: whoever controls the name service would control the check.
func sameHost(host string, remote net.Addr) bool {
	if remote == nil {
		return false
	}
	from, _, err := net.SplitHostPort(remote.String())
	if err != nil {
		from = remote.String()
	}
	ip := net.ParseIP(from)
	if strings.EqualFold(host, "localhost") {
		return ip.IsLoopback()
	}
	listed := net.ParseIP(host)
	return listed != nil && listed.Equal(ip)
}

// allowed reports whether the caller may use a service: everybody if always is set, else those whose entry says so.
func (s *Services) allowed(p *scp.Peer, always bool, flag func(*config.Modality) bool) bool {
	if always {
		return true
	}
	return slices.ContainsFunc(s.known(p.CallingAET, p.RemoteAddr), func(e modalities.Entry) bool { return flag(&e.Modality) })
}

func (s *Services) mayEcho(p *scp.Peer) bool {
	return s.allowed(p, s.deps.Config.DicomAlwaysAllowEcho, func(m *config.Modality) bool { return m.AllowEcho })
}

func (s *Services) mayStore(p *scp.Peer) bool {
	return s.allowed(p, s.deps.Config.DicomAlwaysAllowStore, func(m *config.Modality) bool { return m.AllowStore })
}

func (s *Services) mayAskCommitment(p *scp.Peer) bool {
	return s.allowed(p, s.deps.Config.DicomAlwaysAllowStorageCommitment, func(m *config.Modality) bool { return m.AllowNAction })
}

// mayReport has no option that lets everybody in: reports come from peers that we asked, and those are listed. One that is
// not listed any more, as it was declared over REST before a restart, still owes us what it was asked for.
func (s *Services) mayReport(ctx context.Context, p *scp.Peer) bool {
	if len(s.deps.Modalities.FindByAET(p.CallingAET)) == 0 && !s.deps.Config.DicomCheckModalityHost {
		return s.deps.Peers.Asked(ctx, p.CallingAET)
	}
	return s.allowed(p, false, func(m *config.Modality) bool { return m.AllowEventReport })
}

// notAuthorised is the answer to a caller that may not use a service.
func notAuthorised(service string) error {
	err := dimse.Errorf(dimse.StatusNotAuthorized, "%s is not allowed for this AE title", service)
	err.Next = "to allow it, list the AE title and its host in DicomModalities"
	return err
}

// preferred orders the transfer syntaxes of services without pixel data.
var preferred = [...]dicom.UID{dicom.ExplicitVRLittleEndian, dicom.ImplicitVRLittleEndian, dicom.ExplicitVRBigEndian}

// Accept is the scp.Config.Accept of the configuration. Of the transfer syntaxes proposed for storage the first that
// is taken counts, as the requestor has put what it likes best there.
func (s *Services) Accept(p *scp.Peer, abstract dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
	switch abstract {
	case dicom.VerificationSOPClass, dicom.StorageCommitmentPushModel:
		for _, ts := range preferred {
			if slices.Contains(proposed, ts) {
				return ts, scp.Accepted
			}
		}
		return "", scp.TransferSyntaxesNotSupported
	}
	if !s.acceptance.SOPClass(abstract) {
		return "", scp.AbstractSyntaxNotSupported
	}
	for _, ts := range proposed {
		if s.acceptance.TransferSyntax(ts) {
			return ts, scp.Accepted
		}
	}
	return "", scp.TransferSyntaxesNotSupported
}
