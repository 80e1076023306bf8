package config

// Default returns the configuration that holds when nothing is set: Orthanc 1.13.0's, but for what Differences lists.
func Default() *Config {
	return &Config{
		Name:               "gantry",
		StorageDirectory:   "./gantry-data",
		StorageLayout:      "log",
		SegmentSize:        256,
		SyncStorageArea:    true,
		OverwriteInstances: OverwriteNever,
		MemoryBudget:       64,

		ConcurrentJobs:         2,
		JobsHistorySize:        10,
		SaveJobs:               true,
		StableAge:              60,
		ShutdownTimeout:        10,
		LogLevel:               "info",
		LogFormat:              "text",
		DeidentifyLogs:         true,
		DefaultEncoding:        "Latin1",
		Dictionary:             map[string]DictionaryEntry{},
		ExtraMainDicomTags:     map[string][]string{},
		LoadPrivateDictionary:  true,
		StoreMD5ForAttachments: true,

		HttpServerEnabled:            true,
		HttpPort:                     8042,
		HttpBindAddresses:            []string{},
		HttpAllowedHosts:             []string{},
		HttpDescribeErrors:           true,
		HttpRequestTimeout:           30,
		HttpMaximumBodySize:          4096,
		KeepAlive:                    true,
		KeepAliveTimeout:             1,
		RegisteredUsers:              map[string]string{},
		SslCertificate:               "certificate.pem",
		SslMinimumProtocolVersion:    4,
		SslTrustedClientCertificates: "trustedClientCertificates.pem",

		DicomServerEnabled:  true,
		DicomAet:            "GANTRY",
		DicomPort:           4242,
		DicomBindAddresses:  []string{},
		DicomThreadsCount:   4,
		MaximumAssociations: 100,
		MaximumPduLength:    131072,
		DicomScpTimeout:     30,
		DicomAcseTimeout:    30,

		AcceptedTransferSyntaxes:           []string{"1.2.840.10008.1.*"},
		DeflatedTransferSyntaxAccepted:     true,
		JpegTransferSyntaxAccepted:         true,
		Jpeg2000TransferSyntaxAccepted:     true,
		JpegLosslessTransferSyntaxAccepted: true,
		JpipTransferSyntaxAccepted:         true,
		Mpeg2TransferSyntaxAccepted:        true,
		RleTransferSyntaxAccepted:          true,
		Mpeg4TransferSyntaxAccepted:        true,
		H265TransferSyntaxAccepted:         true,
		AcceptedSopClasses:                 []string{},
		RejectedSopClasses:                 []string{},

		DicomAlwaysAllowEcho:  true,
		DicomAlwaysAllowStore: true,

		DicomTlsRemoteCertificateRequired: true,

		DicomScuTimeout: 10,
		DicomModalities: map[string]Modality{},

		StorageCommitmentReportsSize:       100,
		StorageCommitmentDelivery:          "new",
		StorageCommitmentVerify:            "exists",
		StorageCommitmentRetryFor:          86400,
		StorageCommitmentMaximumReferences: 100000,
	}
}
