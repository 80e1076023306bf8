package config

// option describes one field of Config.
type option struct {
	name     string
	doc      string
	min, max int                 // of numbers; both 0: not negative
	oneOf    []string            // of strings
	check    func(string) string // of strings and of each element of a list; "" or what is due
}

type section struct {
	title   string
	options []option
}

// table lists every option in the order in which `gantry config` prints them.
func table() []section {
	return []section{
		{"Storage", storageOptions()},
		{"The daemon", daemonOptions()},
		{"HTTP server", httpOptions()},
		{"Who may use the HTTP server", httpSecurityOptions()},
		{"DICOM server", dicomOptions()},
		{"What C-STORE accepts", acceptOptions()},
		{"Who may use the DICOM server", dicomSecurityOptions()},
		{"Peers", peerOptions()},
		{"Storage commitment", commitmentOptions()},
	}
}

func storageOptions() []option {
	return []option{
		{name: "Name", doc: "Label of this server, shown in /system."},
		{name: "StorageDirectory", doc: "Folder of the stored objects. It is created if it is missing.", check: notEmpty},
		{name: "IndexDirectory", doc: "Folder of the SQLite index; empty: StorageDirectory."},
		{name: "TemporaryDirectory", doc: "Folder for temporary files; empty: the system's."},
		{name: "StorageLayout", doc: "Where new objects go: \"log\" (append-only log, fast) or \"files\" (one file per instance).\nObjects of both kinds stay readable when it changes.", oneOf: []string{"log", "files"}},
		{name: "SegmentSize", doc: "Size of one segment of the log, in MiB.", min: 1, max: 1 << 20},
		{name: "SyncStorageArea", doc: "Whether success is answered only when the object would survive a power cut."},
		{name: "ReadOnly", doc: "Whether nothing may be stored, changed or deleted."},
		{name: "OverwriteInstances", doc: "What happens to an instance that is stored already: \"Never\" keeps the old one, \"Always\" takes the new one,\n\"IfChanged\" takes it if its bytes differ. false is Never, true is Always.", oneOf: []string{"Never", "Always", "IfChanged"}},
		{name: "StoreMD5ForAttachments", doc: "Whether the MD5 of an object is kept once it was computed."},
		{name: "MemoryBudget", doc: "Memory for objects on their way to the disk, of all associations and requests together, in MiB.", min: 8, max: 1 << 20},
		{name: "StorageCompression", doc: "Whether new objects are compressed on the disk, but those whose transfer syntax is compressed already."},
		{name: "MaximumStorageSize", doc: "Most that is kept on the disk, of objects and attachments together, in MB; 0: no limit.", max: 1 << 40},
		{name: "MaximumPatientCount", doc: "Most patients that are kept; 0: no limit."},
		{name: "MaximumStorageMode", doc: "What happens at these limits: \"Recycle\" deletes the patients that nothing was stored to for longest, but for\nprotected ones, \"Reject\" refuses what comes.", oneOf: []string{"Recycle", "Reject"}},
		{name: "RecycleCommitted", doc: "Whether patients may be recycled of whom we have promised to keep an instance (storage commitment)."},
		{name: "CheckRevisions", doc: "Whether a change to metadata or an attachment that is there must name, in If-Match, the revision it is meant for."},
		{name: "LogExportedResources", doc: "Whether what is sent to peers is noted in /exports."},
		{name: "UserMetadata", doc: "Names for metadata of users: {\"Comment\": 1024}; numbers from 1024 to 65535.", min: 1024, max: 65535},
		{name: "UserContentType", doc: "Names for attachments of users: {\"Report\": 1024, \"Letter\": [1025, \"application/pdf\"]}; numbers from 1024 to 65535.", min: 1024, max: 65535},
		{name: "DefaultEncoding", doc: "Character set of objects that name none.", oneOf: Encodings()},
		{name: "ExtraMainDicomTags", doc: "Tags that are kept in the index besides the usual ones: {\"Instance\": [\"Rows\"], \"Series\": [], ...}."},
		{name: "StorageAccessOnFind", doc: "Whether searches read stored files for tags that are not in the index: \"Always\", or \"Never\", when nothing\nmatches a condition on such a tag. \"Answers\" is as \"Always\".", oneOf: []string{"Always", "Answers", "Never"}},
		{name: "CaseSensitivePN", doc: "Whether searches tell capitals and accents apart unless they say so themselves."},
		{name: "Dictionary", doc: "More tags: \"gggg,eeee\": [VR, name, minimum = 1, maximum = 1 (0: any), private creator].\nA private tag is written with the low 8 bits of its element."},
		{name: "LoadPrivateDictionary", doc: "Whether the built-in dictionary of private tags is used."},
	}
}

// Encodings lists the character sets of DefaultEncoding.
func Encodings() []string {
	return []string{
		"Ascii", "Utf8", "Latin1", "Latin2", "Latin3", "Latin4", "Latin5", "Cyrillic", "Windows1251", "Arabic", "Greek",
		"Hebrew", "Thai", "Japanese", "JapaneseKanji", "Chinese", "Korean", "SimplifiedChinese",
	}
}

func daemonOptions() []option {
	return []option{
		{name: "ConcurrentJobs", doc: "Jobs that run at the same time; 0: one per processor core. Storage commitment reports come on top.", max: 1024},
		{name: "JobsHistorySize", doc: "Finished jobs that are kept for /jobs."},
		{name: "LimitJobs", doc: "Jobs that may wait or run; 0: no limit. Beyond it an asynchronous request is refused,\na synchronous one waits until another job has ended."},
		{name: "SaveJobs", doc: "Whether jobs are kept over a restart."},
		{name: "LoadJobs", doc: "Whether the jobs that were kept go on. false (serve --no-jobs) leaves them in the database for a later start."},
		{name: "MediaArchiveSize", doc: "Finished jobs whose archives are kept for a download; the least recently used goes first.", min: 1, max: 1 << 20},
		{name: "SynchronousZipStream", doc: "Whether an archive that a client waits for is sent while it is made; false: when it is complete, with its size."},
		{name: "ZipUseUtf8", doc: "Whether names in archives keep characters outside ASCII, unless a request says so itself (field Utf8)."},
		{name: "StableAge", doc: "Seconds without a new instance after which a patient, study or series is stable."},
		{name: "ShutdownTimeout", doc: "Seconds that running operations get to finish when the daemon is stopped."},
		{name: "FaultsEnabled", doc: "Whether faults can be made on purpose, to test the peers of this server: by the option Faults, and at any time by\nwhoever may use the REST API (/faults). Never where the objects count."},
		{name: "Faults", doc: "The faults that are made from the start, one text each: \"store status=A700 from=MODALITY1 times=2\".\n\"gantry faults add --help\" explains them."},
		{name: "LogLevel", doc: "The least important messages that are logged.", oneOf: []string{"debug", "info", "warn", "error"}},
		{name: "LogFormat", doc: "Form of the log on standard error.", oneOf: []string{"text", "json"}},
		{name: "DeidentifyLogs", doc: "Whether names and ids of patients are masked in the log."},
		{name: "ExecuteLuaEnabled", doc: "Whether whoever may use the REST API may have Lua programs run (/tools/execute-script). They see nothing of the system."},
		{name: "MetricsEnabled", doc: "Whether metrics are collected for /tools/metrics-prometheus."},
	}
}

func httpOptions() []option {
	return []option{
		{name: "HttpServerEnabled", doc: "Whether the REST API is served."},
		{name: "HttpPort", doc: "Its port; 0: any free one.", max: 65535},
		{name: "HttpBindAddresses", doc: "Addresses it listens on. Empty: all, if RemoteAccessAllowed is true, else those of this computer.", check: isAddress},
		{name: "HttpAllowedHosts", doc: "Names under which browsers may reach the server, besides localhost and the loopback addresses."},
		{name: "HttpDescribeErrors", doc: "Whether errors carry a JSON description."},
		{name: "HttpRequestTimeout", doc: "Seconds without progress after which a request is given up; 0: never."},
		{name: "HttpMaximumBodySize", doc: "Largest request body, in MiB.", min: 1, max: 1 << 30},
		{name: "KeepAlive", doc: "Whether connections are kept open between requests."},
		{name: "KeepAliveTimeout", doc: "Seconds an idle connection is kept."},
		{name: "SslEnabled", doc: "Whether the REST API is served by HTTPS."},
		{name: "SslCertificate", doc: "PEM file with the certificate and its private key."},
		{name: "SslMinimumProtocolVersion", doc: "Oldest TLS version: 4 is TLS 1.2, 5 is TLS 1.3; lower values mean 4.", max: 5},
		{name: "SslVerifyPeers", doc: "Whether clients must show a certificate."},
		{name: "SslTrustedClientCertificates", doc: "PEM file with the certificates clients are checked with."},
	}
}

func httpSecurityOptions() []option {
	return []option{
		{name: "RemoteAccessAllowed", doc: "Whether other computers may use the REST API."},
		{name: "AuthenticationEnabled", doc: "Whether a login is needed; unset: as RemoteAccessAllowed."},
		{name: "RegisteredUsers", doc: "user: password, in clear text or hashed with bcrypt.", check: isPassword},
	}
}

func dicomOptions() []option {
	return []option{
		{name: "DicomServerEnabled", doc: "Whether DICOM associations are accepted."},
		{name: "DicomAet", doc: "Our AE title, also the calling AE title towards peers.", check: isAET},
		{name: "DicomCheckCalledAet", doc: "Whether associations to another called AE title are refused."},
		{name: "DicomPort", doc: "Port of the DICOM server; 0: any free one.", max: 65535},
		{name: "DicomBindAddresses", doc: "Addresses it listens on. Empty: all.", check: isAddress},
		{name: "DicomThreadsCount", doc: "DICOM operations that run at the same time.", min: 1, max: 1 << 16},
		{name: "MaximumAssociations", doc: "Associations that may be open; more are refused with local limit exceeded.", min: 1, max: 1 << 20},
		{name: "MaximumPduLength", doc: "Largest PDU we receive, in bytes.", min: 4096, max: 131072},
		{name: "DicomScpTimeout", doc: "Seconds without a message after which an association is closed; 0: never."},
		{name: "DicomAcseTimeout", doc: "Seconds a peer has for the association request after it connected (ARTIM timer).", min: 1, max: 86400},
		{name: "StrictAetComparison", doc: "Whether upper and lower case differ in AE titles."},
		{name: "DicomTlsEnabled", doc: "Whether the DICOM port speaks TLS."},
		{name: "DicomTlsCertificate", doc: "PEM file with our certificate, as server and as client."},
		{name: "DicomTlsPrivateKey", doc: "PEM file with its private key."},
		{name: "DicomTlsTrustedCertificates", doc: "PEM file with the certificates peers are checked with."},
		{name: "DicomTlsRemoteCertificateRequired", doc: "Whether peers must show a certificate."},
		{name: "DicomTlsMinimumProtocolVersion", doc: "Oldest TLS version: 4 is TLS 1.2, 5 is TLS 1.3; lower values mean 4.", max: 5},
	}
}

func acceptOptions() []option {
	return []option{
		{name: "AcceptedTransferSyntaxes", doc: "Transfer syntaxes, with the wildcards ? and *.", check: isUIDPattern},
		{name: "DeflatedTransferSyntaxAccepted", doc: "Groups of transfer syntaxes that can be switched off."},
		{name: "JpegTransferSyntaxAccepted"},
		{name: "Jpeg2000TransferSyntaxAccepted"},
		{name: "JpegLosslessTransferSyntaxAccepted"},
		{name: "JpipTransferSyntaxAccepted"},
		{name: "Mpeg2TransferSyntaxAccepted"},
		{name: "RleTransferSyntaxAccepted"},
		{name: "Mpeg4TransferSyntaxAccepted"},
		{name: "H265TransferSyntaxAccepted"},
		{name: "UnknownSopClassAccepted", doc: "Whether SOP classes are taken that no dictionary knows."},
		{name: "AcceptedSopClasses", doc: "Storage SOP classes, with the wildcards ? and *; empty: all.", check: isUIDPattern},
		{name: "RejectedSopClasses", doc: "Storage SOP classes taken out of these.", check: isUIDPattern},
	}
}

func dicomSecurityOptions() []option {
	return []option{
		{name: "DicomAlwaysAllowEcho", doc: "Whether AE titles that DicomModalities does not list may use C-ECHO, and so on."},
		{name: "DicomAlwaysAllowStore"},
		{name: "DicomAlwaysAllowFind"},
		{name: "DicomAlwaysAllowFindWorklist"},
		{name: "DicomAlwaysAllowGet"},
		{name: "DicomAlwaysAllowMove"},
		{name: "DicomAlwaysAllowStorageCommitment"},
		{name: "DicomCheckModalityHost", doc: "Whether a listed AE title must also come from its listed host."},
	}
}

func peerOptions() []option {
	return []option{
		{name: "DicomModalities", doc: "The peers: name: [AET, host, port], or an object {\"AET\", \"Host\", \"Port\", \"Manufacturer\", \"AllowEcho\", \"AllowFind\",\n\"AllowFindWorklist\", \"AllowGet\", \"AllowMove\", \"AllowStore\", \"AllowStorageCommitment\", \"AllowTranscoding\", \"UseDicomTls\",\n\"LocalAet\", \"Timeout\", \"RetrieveMethod\", \"StorageCommitmentDelivery\"}. AE title, host and port are needed."},
		{name: "DicomModalitiesInDatabase", doc: "Whether the peers are kept in the database and edited through REST; the list above is not read then."},
		{name: "DicomScuTimeout", doc: "Seconds to connect to a peer, to agree on an association, and to wait for an answer; 0: no limit."},
	}
}

func commitmentOptions() []option {
	return []option{
		{name: "StorageCommitmentDelivery", doc: "How reports reach the requester: on a \"new\" association, on the \"same\" one, or \"same-then-new\".\nA modality can say it for itself.", oneOf: deliveries()},
		{name: "StorageCommitmentVerify", doc: "What is looked at before an object is committed: the \"index\", that it \"exists\" on the disk with a readable header, or the\n\"digest\" of all its stored bytes.", oneOf: []string{"index", "exists", "digest"}},
		{name: "StorageCommitmentRetryFor", doc: "Seconds during which a report is sent again to a requester that cannot be reached."},
		{name: "StorageCommitmentRetryDelay", doc: "Seconds before the second attempt; they double with each further one.", min: 1, max: 86400},
		{name: "StorageCommitmentRetryMaximumDelay", doc: "Seconds between two attempts at most.", min: 1, max: 604800},
		{name: "StorageCommitmentDeadline", doc: "Seconds after which a request of ours says Timeout if no report has come, 0: it stays Pending. A late report is still taken."},
		{name: "StorageCommitmentMaximumReferences", doc: "Instances one request may name; more are refused with 0213H.", min: 1, max: 1 << 30},
		{name: "StorageCommitmentHandler", doc: "Who decides, with gantry, whether instances are committed: the full path of a program (JSON on its standard input and\noutput), or an http(s) address (JSON in the body of a POST and of the answer); empty: gantry alone. See the README.", check: isHandler},
		{name: "StorageCommitmentHandlerArguments", doc: "Arguments of the program."},
		{name: "StorageCommitmentHandlerTimeout", doc: "Seconds the handler has for a batch of up to 5000 instances; then the program is killed with all it has started.", min: 1, max: 86400},
		{name: "StorageCommitmentHandlerOnFailure", doc: "What follows when it gives no usable answer: \"fail\" (0110H for the instances), \"default\" (as without a handler), or\n\"retry\" (asked again later, within StorageCommitmentRetryFor, then as fail).", oneOf: []string{"fail", "default", "retry"}},
		{name: "StorageCommitmentHandlerCommitsMissing", doc: "Whether it may commit to instances that gantry has not, or cannot read: it has them somewhere else."},
		{name: "StorageCommitmentHandlerUser", doc: "Login at the http(s) address."},
		{name: "StorageCommitmentHandlerPassword"},
		{name: "StorageCommitmentHandlerHeaders", doc: "More headers of the request: name: value.", check: isHeaderValue},
		{name: "HttpsCACertificates", doc: "PEM file with the certificates that https addresses are checked with; empty: those of the system."},
		{name: "StorageCommitmentReportsSize", doc: "Finished reports of peers that are kept."},
	}
}

func deliveries() []string { return []string{"new", "same", "same-then-new"} }
