// Package config reads gantry's options: defaults, configuration files in Orthanc's JSON format, environment, flags.
package config

// Config holds the effective value of every option. A field has the name of its option.
// The meaning, unit and default of each are in the table of options (options.go), which
// `gantry config --defaults` prints.
type Config struct {
	Name               string
	StorageDirectory   string
	IndexDirectory     string // "" means StorageDirectory
	TemporaryDirectory string // "" means the system's
	StorageLayout      string // "log" or "files"
	SegmentSize        int    // MiB
	SyncStorageArea    bool
	ReadOnly           bool
	OverwriteInstances OverwriteMode
	MemoryBudget       int // MiB
	StorageCompression bool

	MaximumStorageSize  int    // MB, 0: no limit
	MaximumPatientCount int    // 0: no limit
	MaximumStorageMode  string // Recycle, Reject
	RecycleCommitted    bool

	CheckRevisions       bool
	LogExportedResources bool
	UserMetadata         map[string]int
	UserContentType      map[string]ContentType

	ConcurrentJobs         int
	JobsHistorySize        int
	LimitJobs              int // 0: no limit
	SaveJobs               bool
	LoadJobs               bool
	MediaArchiveSize       int
	SynchronousZipStream   bool
	ZipUseUtf8             bool
	StableAge              int // seconds
	ShutdownTimeout        int // seconds
	FaultsEnabled          bool
	Faults                 []string // rules
	LogLevel               string   // debug, info, warn, error
	LogFormat              string   // text, json
	DeidentifyLogs         bool
	ExecuteLuaEnabled      bool
	MetricsEnabled         bool
	DefaultEncoding        string
	Dictionary             map[string]DictionaryEntry
	ExtraMainDicomTags     map[string][]string
	LoadPrivateDictionary  bool
	StoreMD5ForAttachments bool
	StorageAccessOnFind    string // Always, Answers, Never
	CaseSensitivePN        bool

	HttpServerEnabled            bool
	HttpPort                     int
	HttpBindAddresses            []string
	HttpAllowedHosts             []string
	HttpDescribeErrors           bool
	HttpRequestTimeout           int // seconds
	HttpMaximumBodySize          int // MiB
	KeepAlive                    bool
	KeepAliveTimeout             int // seconds
	RemoteAccessAllowed          bool
	AuthenticationEnabled        *bool // nil: as RemoteAccessAllowed
	RegisteredUsers              map[string]string
	SslEnabled                   bool
	SslCertificate               string
	SslMinimumProtocolVersion    int
	SslVerifyPeers               bool
	SslTrustedClientCertificates string

	DicomServerEnabled  bool
	DicomAet            string
	DicomCheckCalledAet bool
	DicomPort           int
	DicomBindAddresses  []string // empty: all
	DicomThreadsCount   int
	MaximumAssociations int
	MaximumPduLength    int // bytes
	DicomScpTimeout     int // seconds
	DicomAcseTimeout    int // seconds
	StrictAetComparison bool

	AcceptedTransferSyntaxes           []string
	DeflatedTransferSyntaxAccepted     bool
	JpegTransferSyntaxAccepted         bool
	Jpeg2000TransferSyntaxAccepted     bool
	JpegLosslessTransferSyntaxAccepted bool
	JpipTransferSyntaxAccepted         bool
	Mpeg2TransferSyntaxAccepted        bool
	RleTransferSyntaxAccepted          bool
	Mpeg4TransferSyntaxAccepted        bool
	H265TransferSyntaxAccepted         bool
	UnknownSopClassAccepted            bool
	AcceptedSopClasses                 []string // empty: all
	RejectedSopClasses                 []string

	DicomAlwaysAllowEcho              bool
	DicomAlwaysAllowStore             bool
	DicomAlwaysAllowFind              bool
	DicomAlwaysAllowFindWorklist      bool
	DicomAlwaysAllowGet               bool
	DicomAlwaysAllowMove              bool
	DicomAlwaysAllowStorageCommitment bool
	DicomCheckModalityHost            bool

	DicomTlsEnabled                   bool
	DicomTlsCertificate               string
	DicomTlsPrivateKey                string
	DicomTlsTrustedCertificates       string
	DicomTlsRemoteCertificateRequired bool
	DicomTlsMinimumProtocolVersion    int

	DicomScuTimeout           int // seconds, 0: none
	DicomModalities           map[string]Modality
	DicomModalitiesInDatabase bool

	StorageCommitmentReportsSize       int
	StorageCommitmentDelivery          string // new, same, same-then-new
	StorageCommitmentVerify            string // index, exists, digest
	StorageCommitmentRetryFor          int    // seconds
	StorageCommitmentDeadline          int    // seconds
	StorageCommitmentMaximumReferences int
	StorageCommitmentRetryDelay        int // seconds
	StorageCommitmentRetryMaximumDelay int // seconds

	StorageCommitmentHandler               string // path of a program, or an http(s) address; "": none
	StorageCommitmentHandlerArguments      []string
	StorageCommitmentHandlerTimeout        int    // seconds
	StorageCommitmentHandlerOnFailure      string // fail, default, retry
	StorageCommitmentHandlerCommitsMissing bool
	StorageCommitmentHandlerUser           string
	StorageCommitmentHandlerPassword       string
	StorageCommitmentHandlerHeaders        map[string]string
	HttpsCACertificates                    string
}

// OverwriteMode says what happens to an instance whose SOP Instance UID is stored already.
type OverwriteMode string

// The values of OverwriteInstances.
const (
	OverwriteNever     OverwriteMode = "Never"     // the stored one is kept
	OverwriteAlways    OverwriteMode = "Always"    // the new one replaces it
	OverwriteIfChanged OverwriteMode = "IfChanged" // it replaces it if its bytes differ
)

// ContentType is one entry of the option UserContentType: a number, or [number, MIME type].
type ContentType struct {
	Number int
	MIME   string // "": application/octet-stream
}

// DictionaryEntry is one entry of the option Dictionary: [VR, name, minimum = 1, maximum = 1 (0 = any), private creator].
type DictionaryEntry struct {
	VR, Name       string
	Minimum        int
	Maximum        int // 0: any number of values
	PrivateCreator string
}
