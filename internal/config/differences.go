package config

import (
	"fmt"
	"strings"
)

// Difference is a default that is meant to differ from Orthanc 1.13.0's.
type Difference struct{ Option, Orthanc, Gantry, Why string }

// Differences lists them all, and the options Orthanc has not (Orthanc is "-").
func Differences() []Difference {
	return []Difference{
		{"Name", `"MyOrthanc"`, `"gantry"`, "the label is ours"},
		{"StorageDirectory", `"OrthancStorage"`, `"./gantry-data"`, "another format, never to be mistaken for Orthanc's folder"},
		{"DicomAet", `"ORTHANC"`, `"GANTRY"`, "two servers on one network need two names"},
		{"HttpBindAddresses", "all", "loopback unless RemoteAccessAllowed", "what is not meant to be reached is not listened on"},
		{"MaximumPduLength", "16384", "131072", "large objects arrive faster; the peer's limit is kept in any case"},
		{"RegisteredUsers", "clear text", "clear text or bcrypt", "a file with hashes gives no password away"},
		{"KeepAliveTimeout", "1", "30", "a client that asks every second does not meet a connection that is just being closed"},
		{"DicomAlwaysAllowStorageCommitment", "-", "false", "unknown AE titles get 0124H unless it is true"},
		{"DicomBindAddresses", "-", "all", "the DICOM port on chosen addresses"},
		{"DicomAcseTimeout", "-", "30", "a peer that connects has to ask for an association within this many seconds"},
		{"FaultsEnabled", "-", "false", "faults on purpose, for tests of a server's peers"},
		{"Faults", "-", "none", "which ones, from the start"},
		{"HttpAllowedHosts", "-", "none", "names under which a browser may reach the server, against pages that rebind theirs"},
		{"HttpMaximumBodySize", "-", "4096", "a request body has a limit, in MiB"},
		{"LogFormat", "-", `"text"`, "or json"},
		{"LogLevel", "-", `"info"`, "Orthanc has command line flags for it"},
		{"MaximumAssociations", "-", "100", "more are refused with local limit exceeded"},
		{"LimitJobs", "-", "0", "the queue of jobs can have a limit"},
		{"LoadJobs", "-", "true", "false is Orthanc's flag --no-jobs"},
		{"MediaArchiveSize", "1", "10", "a second archive does not take the first one away before it was fetched"},
		{"MemoryBudget", "-", "64", "memory of all objects in flight has a limit, in MiB"},
		{"RecycleCommitted", "-", "false", "patients with an instance we promised to keep are not recycled"},
		{"SegmentSize", "-", "256", "size of a segment of the object log, in MiB"},
		{"ShutdownTimeout", "-", "10", "seconds for running operations when the daemon stops"},
		{"StorageCommitmentDeadline", "-", "86400", "a request of ours whose report has not come within this many seconds says Timeout; 0: Pending for ever"},
		{"StorageCommitmentDelivery", "-", `"new"`, "reports can go out on the same association"},
		{"StorageCommitmentHandler", "-", "none", "a program or an HTTP(S) endpoint has a say in what is committed (in Orthanc a plugin)"},
		{"StorageCommitmentHandlerArguments", "-", "none", "of the program"},
		{"StorageCommitmentHandlerCommitsMissing", "-", "false", "it may not commit to what gantry has not, unless this says so"},
		{"StorageCommitmentHandlerHeaders", "-", "none", "of the request to the endpoint"},
		{"StorageCommitmentHandlerOnFailure", "-", `"fail"`, "or default, or retry: what follows when it gives no answer"},
		{"StorageCommitmentHandlerPassword", "-", "none", "login at the endpoint"},
		{"StorageCommitmentHandlerTimeout", "-", "60", "seconds it has for up to 5000 instances"},
		{"StorageCommitmentHandlerUser", "-", "none", "login at the endpoint"},
		{"StorageCommitmentMaximumReferences", "-", "100000", "one request has a limit"},
		{"StorageCommitmentRetryFor", "-", "86400", "reports are sent again, for this many seconds"},
		{"StorageCommitmentRetryDelay", "-", "2", "seconds before the second attempt, doubled each time"},
		{"StorageCommitmentRetryMaximumDelay", "-", "300", "seconds between two attempts at most"},
		{"StorageCommitmentVerify", "-", `"exists"`, "or index, or digest: how closely an object is looked at before it is committed"},
		{"StorageLayout", "-", `"log"`, "or files: one file per instance, as Orthanc does"},
	}
}

// DifferencesTable returns Differences as the table the README shows.
func DifferencesTable() string {
	var b strings.Builder
	b.WriteString("| option | Orthanc 1.13.0 | gantry | why |\n|---|---|---|---|\n")
	for _, d := range Differences() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Option, d.Orthanc, d.Gantry, d.Why)
	}
	return b.String()
}
