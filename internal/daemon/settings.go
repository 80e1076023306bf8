package daemon

import (
	"crypto/sha1" //nolint:gosec // a name, not a secret
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
	"gantry/internal/dicom/dict"
	"gantry/internal/storage"
)

// StorageOptions turns the configuration into the store's own terms.
func StorageOptions(cfg *config.Config, log *slog.Logger) storage.Options {
	extra := func(level string) []dicom.Tag { return tags(dictionary(cfg), cfg.ExtraMainDicomTags[level]) }
	o := storage.Options{
		Dir: cfg.StorageDirectory, IndexDir: cfg.IndexDirectory, Layout: cfg.StorageLayout, NoSync: !cfg.SyncStorageArea,
		SegmentSize: int64(cfg.SegmentSize) << 20, MemoryBudget: int64(cfg.MemoryBudget) << 20, Logger: log,
		ExtraMainTags: storage.ExtraTags{
			Patient: extra("Patient"), Study: extra("Study"), Series: extra("Series"), Instance: extra("Instance")},
	}
	o.Compress = cfg.StorageCompression
	switch cfg.OverwriteInstances {
	case config.OverwriteAlways:
		o.Overwrite = storage.OverwriteAlways
	case config.OverwriteIfChanged:
		o.Overwrite = storage.OverwriteIfChanged
	default:
		o.Overwrite = storage.OverwriteNever
	}
	if term, err := charset.Default(cfg.DefaultEncoding); err == nil { // the name was checked with the configuration
		o.DefaultCharset = term
	}
	return o
}

// rules adds what holds while the daemon serves, not for the commands that work on the folder.
func rules(o storage.Options, cfg *config.Config) storage.Options {
	o.Quota = storage.Quota{Bytes: int64(cfg.MaximumStorageSize) << 20, Patients: cfg.MaximumPatientCount,
		Reject: cfg.MaximumStorageMode == "Reject", RecycleCommitted: cfg.RecycleCommitted}
	o.StableAge, o.Frozen = max(seconds(cfg.StableAge), 1), cfg.ReadOnly
	return o
}

// dictionary returns the standard's dictionary with the entries of the option Dictionary, which were checked with the
// configuration.
func dictionary(cfg *config.Config) *dict.Dictionary {
	var entries []dict.UserEntry
	for key, e := range cfg.Dictionary {
		if tag, err := dict.ParseUserTag(key); err == nil && len(e.VR) == 2 {
			entries = append(entries, dict.UserEntry{Tag: tag, VR: dicom.ParseVR(e.VR[0], e.VR[1]), Name: e.Name,
				MinVM: e.Minimum, MaxVM: e.Maximum, PrivateCreator: e.PrivateCreator})
		}
	}
	d, err := dict.New(entries)
	if err != nil {
		d = nil // the standard's
	}
	if !cfg.LoadPrivateDictionary {
		d = d.WithoutPrivate()
	}
	return d
}

// tags reads the tags of ExtraMainDicomTags, numbers or keywords, which were checked with the configuration.
func tags(d *dict.Dictionary, names []string) []dicom.Tag {
	var list []dicom.Tag
	for _, name := range names {
		if tag, err := dicom.ParseTag(name); err == nil {
			list = append(list, tag)
		} else if entry, known := d.LookupKeyword(name); known {
			list = append(list, entry.Tag)
		}
	}
	return list
}

// jobFolder is where the files lie that jobs leave behind. In TemporaryDirectory, which several servers may share, its
// name tells whose it is; without SaveJobs another one holds what no later run will know.
func jobFolder(cfg *config.Config) (string, error) {
	name := savedOutputs
	if !cfg.SaveJobs {
		name = savedOutputs + "-unsaved"
	}
	if cfg.TemporaryDirectory == "" {
		return filepath.Join(cfg.StorageDirectory, name), nil
	}
	data, err := filepath.Abs(cfg.StorageDirectory)
	if err != nil {
		return "", fmt.Errorf("daemon: folder of the jobs: %w", err)
	}
	sum := sha1.Sum([]byte(data)) //nolint:gosec // a name
	return filepath.Join(cfg.TemporaryDirectory, "gantry-"+name+"-"+hex.EncodeToString(sum[:8])), nil
}

// serverID names this server in the form of a public id: the same for the same machine, AE title and ports.
func (d *Daemon) serverID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	sum := sha1.Sum([]byte(host + "|" + d.cfg.DicomAet + "|" + strings.Join(d.cfg.DICOMAddresses(), ",") + "|" + //nolint:gosec // a name
		strings.Join(d.cfg.HTTPAddresses(), ",")))
	text := hex.EncodeToString(sum[:])
	return strings.Join([]string{text[:8], text[8:16], text[16:24], text[24:32], text[32:]}, "-")
}
