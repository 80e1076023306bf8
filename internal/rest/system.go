package rest

import (
	"net/http"
	"strconv"
	"strings"

	"gantry/internal/storage/index"
)

// APIVersion is the release of Orthanc's REST API that this server follows.
const APIVersion = "1.13.0"

func systemRoutes() []Route {
	return []Route{
		{http.MethodGet, "/system", "Facts about this server", system},
		{http.MethodGet, "/statistics", "How much is stored", statistics},
		{http.MethodPost, "/tools/lookup", "Find resources by one of their DICOM identifiers", lookup},
	}
}

type systemJSON struct {
	ApiVersion                 int
	Capabilities               map[string]bool
	CheckRevisions             bool
	DatabaseBackendPlugin      *string
	DatabaseServerIdentifier   string
	DatabaseVersion            int
	DicomAet                   string
	DicomDefaultRetrieveMethod string
	DicomPort                  int
	GantryVersion              string
	HasLabels                  bool
	HttpPort                   int
	IngestTranscoding          string
	IsHttpServerSecure         bool
	MainDicomTags              map[string]string
	MaximumPatientCount        int
	MaximumStorageMode         string
	MaximumStorageSize         int
	Name                       string
	OverwriteInstances         bool
	OverwriteInstancesMode     string
	PatientLevelEnabled        bool
	PluginsEnabled             bool
	ReadOnly                   bool
	Server                     string
	StorageAreaPlugin          *string
	StorageCompression         bool
	StorageLayout              string
	StoreMD5ForAttachments     bool
	UserMetadata               map[string]int
	Version                    string
}

func system(s *Server, c *Call) error {
	mode := string(s.Config.OverwriteInstances)
	return c.JSON(systemJSON{
		ApiVersion:                 31,
		Capabilities:               map[string]bool{"HasExtendedChanges": true, "HasExtendedFind": true, "HasKeyValueStores": false, "HasQueues": false, "HasReserveQueueValue": false},
		CheckRevisions:             s.Config.CheckRevisions,
		DatabaseServerIdentifier:   s.ServerID,
		DatabaseVersion:            6,
		DicomAet:                   s.Config.DicomAet,
		DicomDefaultRetrieveMethod: "C-MOVE",
		DicomPort:                  s.DICOMPort(),
		GantryVersion:              s.Version,
		HasLabels:                  true,
		HttpPort:                   s.HTTPPort(),
		IsHttpServerSecure:         s.Config.SslEnabled || s.Config.Authentication() || !s.Config.RemoteAccessAllowed,
		MainDicomTags:              s.mainTags(),
		MaximumPatientCount:        s.Config.MaximumPatientCount,
		MaximumStorageMode:         s.Config.MaximumStorageMode,
		MaximumStorageSize:         s.Config.MaximumStorageSize,
		Name:                       s.Config.Name,
		OverwriteInstances:         mode == "Always",
		OverwriteInstancesMode:     mode,
		PatientLevelEnabled:        true,
		ReadOnly:                   s.Config.ReadOnly,
		Server:                     "gantry",
		StorageCompression:         s.Config.StorageCompression,
		StorageLayout:              s.Config.StorageLayout,
		StoreMD5ForAttachments:     s.Config.StoreMD5ForAttachments,
		UserMetadata:               s.userMetadata(),
		Version:                    APIVersion,
	})
}

// mainTags lists the main DICOM tags of each level, in the form "gggg,eeee;gggg,eeee".
func (s *Server) mainTags() map[string]string {
	lists := map[string]string{}
	for _, level := range []index.Level{index.Patient, index.Study, index.Series, index.Instance} {
		var texts []string
		for _, tag := range s.Store.MainTags(level) {
			texts = append(texts, strings.ToLower(strings.Trim(tag.String(), "()")))
		}
		lists[level.String()] = strings.Join(texts, ";")
	}
	return lists
}

type statisticsJSON struct {
	CountInstances          int64
	CountPatients           int64
	CountSeries             int64
	CountStudies            int64
	TotalDiskSize           string // bytes
	TotalDiskSizeMB         int64
	TotalUncompressedSize   string // bytes
	TotalUncompressedSizeMB int64
}

func statistics(s *Server, c *Call) error {
	st, err := s.Store.Statistics(c.Request.Context())
	if err != nil {
		return err
	}
	size, plain := st.Bytes+st.AttachedBytes, st.Plain+st.AttachedPlain
	return c.JSON(statisticsJSON{CountInstances: st.Instances, CountPatients: st.Patients, CountSeries: st.Series,
		CountStudies: st.Studies, TotalDiskSize: strconv.FormatInt(size, 10), TotalDiskSizeMB: size >> 20,
		TotalUncompressedSize: strconv.FormatInt(plain, 10), TotalUncompressedSizeMB: plain >> 20})
}
