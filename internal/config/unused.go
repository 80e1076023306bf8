package config

import "strconv"

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
		"BuiltinDecoderTranscoderOrder", "DatabaseServerIdentifier",
		"DefaultPrivateCreator", "DeidentifyLogsDicomVersion", "DicomAssociationCloseDelay", "DicomDefaultRetrieveMethod",
		"DicomEchoChecksFind", "DicomLossyTranscodingQuality", "DicomParserCacheSize", "DicomParserMemoryCapacity",
		"DicomParserThreadsCount", "DicomScuPreferredTransferSyntax", "DicomTlsCiphersAccepted",
		"ExternalDictionaries", "HttpCompressionEnabled", "HttpProxy", "HttpThreadsCount", "HttpTimeout", "HttpVerbose",
		"HttpsVerifyPeers", "IngestTranscoding", "IngestTranscodingOfCompressed",
		"IngestTranscodingOfUncompressed", "JobsEngineThreadsCount", "LimitFindInstances", "LimitFindResults", "Locale",
		"LuaHeartBeatPeriod", "LuaScripts", "MallocArenaMax", "MaximumConcurrentDcmtkTranscoders",
		"MaximumStorageCacheSize",
		"OrthancExplorerEnabled", "OrthancPeers", "OrthancPeersInDatabase", "PermissiveStoreSopClasses", "Pkcs11", "Plugins",
		"QueryRetrieveSize", "RestApiWriteToFileSystemEnabled", "SequentialDicomReaderThreadsCount",
		"SslCiphersAccepted", "StorageLoaderThreadsCount",
		"StorageMemoryCapacity", "StoreDicom", "SynchronousCMove", "TcpNoDelay",
		"TranscodeDicomProtocol", "TranscoderCacheSize", "TranscoderMemoryCapacity", "TranscoderThreadsCount",
		"Warnings", "WebDavDeleteAllowed", "WebDavEnabled", "WebDavUploadAllowed",
		"ZipLoaderThreads",
	}
}

// orthancDefaults are the values, as JSON, that Orthanc's own default file gives to options that are not used here:
// with these nothing is expected of them. Of the other unused options empty values say as little.
func orthancDefaults() map[string]string {
	return map[string]string{
		"BuiltinDecoderTranscoderOrder": `"After"`, "DeidentifyLogsDicomVersion": `"2023b"`, "DicomDefaultRetrieveMethod": `"C-MOVE"`, "DicomEchoChecksFind": "false",
		"DicomLossyTranscodingQuality": "90", "DicomScuPreferredTransferSyntax": `"1.2.840.10008.1.2.1"`,
		"HttpThreadsCount": "50", "HttpTimeout": "60", "HttpVerbose": "false", "HttpsVerifyPeers": "true",
		"IngestTranscodingOfCompressed": "true", "IngestTranscodingOfUncompressed": "true", "LimitFindInstances": "0",
		"LimitFindResults": "0", "MaximumStorageCacheSize": "128",
		"OrthancExplorerEnabled": "true", "OrthancPeersInDatabase": "false", "QueryRetrieveSize": "100",
		"StorageLoaderThreadsCount": "4",
		"StorageMemoryCapacity":     "512", "StoreDicom": "true", "SynchronousCMove": "true",
		"TranscodeDicomProtocol": "true", "WebDavDeleteAllowed": "false", "WebDavEnabled": "true",
		"WebDavUploadAllowed": "true",
	}
}

// isOrthancDefault tells whether an unused option stands there with the value it has in Orthanc anyway.
func isOrthancDefault(name string, n *node) bool {
	switch n.kind {
	case kindNull:
		return true
	case kindArray:
		return len(n.items) == 0
	case kindObject:
		return len(n.members) == 0
	case kindString:
		return n.text == "" || orthancDefaults()[name] == strconv.Quote(n.text)
	}
	return orthancDefaults()[name] == n.text
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
