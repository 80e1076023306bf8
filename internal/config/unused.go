package config

// renamed maps older spellings to today's option.
func renamed(name string) string {
	if name == "RejectSopClasses" { // Orthanc 1.12.6 and 1.12.7
		return "RejectedSopClasses"
	}
	return name
}

// unusedOptions are Orthanc's options that gantry knows and does not use.
func unusedOptions() []string {
	return []string{
		"BuiltinDecoderTranscoderOrder", "CaseSensitivePN", "CheckRevisions", "DatabaseServerIdentifier",
		"DefaultPrivateCreator", "DeidentifyLogsDicomVersion", "DicomAssociationCloseDelay", "DicomDefaultRetrieveMethod",
		"DicomEchoChecksFind", "DicomLossyTranscodingQuality", "DicomParserCacheSize", "DicomParserMemoryCapacity",
		"DicomParserThreadsCount", "DicomScuPreferredTransferSyntax", "DicomTlsCiphersAccepted", "ExecuteLuaEnabled",
		"ExternalDictionaries", "HttpCompressionEnabled", "HttpProxy", "HttpThreadsCount", "HttpTimeout", "HttpVerbose",
		"HttpsCACertificates", "HttpsVerifyPeers", "IngestTranscoding", "IngestTranscodingOfCompressed",
		"IngestTranscodingOfUncompressed", "JobsEngineThreadsCount", "LimitFindInstances", "LimitFindResults", "Locale",
		"LogExportedResources", "LuaHeartBeatPeriod", "LuaScripts", "MallocArenaMax", "MaximumConcurrentDcmtkTranscoders",
		"MaximumPatientCount", "MaximumStorageCacheSize", "MaximumStorageMode", "MaximumStorageSize", "MediaArchiveSize", "MetricsEnabled",
		"OrthancExplorerEnabled", "OrthancPeers", "OrthancPeersInDatabase", "PermissiveStoreSopClasses", "Pkcs11", "Plugins",
		"QueryRetrieveSize", "RestApiWriteToFileSystemEnabled", "SequentialDicomReaderThreadsCount",
		"SslCiphersAccepted", "StorageAccessOnFind", "StorageCompression", "StorageLoaderThreadsCount",
		"StorageMemoryCapacity", "StoreDicom", "SynchronousCMove", "SynchronousZipStream", "TcpNoDelay",
		"TranscodeDicomProtocol", "TranscoderCacheSize", "TranscoderMemoryCapacity", "TranscoderThreadsCount",
		"UserContentType", "UserMetadata", "Warnings", "WebDavDeleteAllowed", "WebDavEnabled", "WebDavUploadAllowed",
		"ZipLoaderThreads", "ZipUseUtf8",
	}
}

// pluginSections are the documents of Orthanc's plugins that may stand in its configuration file.
func pluginSections() []string {
	return []string{
		"AdvancedStorage", "Authentication", "Authorization", "AwsS3Storage", "AzureBlobStorage", "DelayedDeletion",
		"DicomWeb", "Gdcm", "GoogleCloudStorage", "Housekeeper", "Indexer", "MultitenantDicom", "MySQL", "OHIF", "Odbc",
		"OrthancExplorer2", "PostgreSQL", "Python", "ServeFolders", "StlViewer", "StoneWebViewer", "TcpStorage",
		"Transfers", "VolView", "WSI", "WebViewer", "Worklists",
	}
}
