package config

// Modality is one entry of DicomModalities: a peer and what it may do.
type Modality struct {
	AET, Host    string
	Port         int
	Manufacturer string // Generic, GenericNoWildcardInDates, GenericNoUniversalWildcard, Vitrea, GE, SiemensSyngoCT

	AllowEcho, AllowFind, AllowFindWorklist, AllowGet, AllowMove, AllowStore bool
	AllowStorageCommitment                                                   bool // N-ACTION and N-EVENT-REPORT
	AllowTranscoding                                                         bool

	UseDicomTls               bool
	LocalAet                  string // "": DicomAet
	Timeout                   int    // seconds; 0: DicomScuTimeout
	RetrieveMethod            string // "": DicomDefaultRetrieveMethod
	StorageCommitmentDelivery string // "": the option StorageCommitmentDelivery
}

// NewModality returns a peer that may do everything.
func NewModality(aet, host string, port int) Modality {
	return Modality{
		AET: aet, Host: host, Port: port, Manufacturer: "Generic",
		AllowEcho: true, AllowFind: true, AllowFindWorklist: true, AllowGet: true, AllowMove: true, AllowStore: true,
		AllowStorageCommitment: true, AllowTranscoding: true,
	}
}
