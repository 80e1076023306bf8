package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"gantry/internal/config"
	"gantry/internal/storage/blob/disk"
)

// ephemeralPrefix begins the names of the folders of `serve --ephemeral`, so that one can be recognised that was left
// behind.
const ephemeralPrefix = "gantry-ephemeral-"

// staleAfter is how old a folder has to be before it may be found to belong to nobody: one that is younger may not have
// been locked yet.
const staleAfter = time.Minute

// ephemeralDefaults are the options of a server for tests, where nothing else is said.
func ephemeralDefaults() []config.Setting {
	const source = "--ephemeral"
	list := []config.Setting{
		{Path: []string{"DicomPort"}, Value: "0", Source: source},
		{Path: []string{"HttpPort"}, Value: "0", Source: source},
		{Path: []string{"DicomBindAddresses"}, Value: "127.0.0.1", Source: source},
		{Path: []string{"HttpBindAddresses"}, Value: "127.0.0.1", Source: source},
		{Path: []string{"SegmentSize"}, Value: "16", Source: source},
	}
	for _, service := range []string{"Echo", "Store", "Find", "FindWorklist", "Get", "Move", "StorageCommitment"} {
		list = append(list, config.Setting{Path: []string{"DicomAlwaysAllow" + service}, Value: "true", Source: source})
	}
	return list
}

// ephemeralFolder holds everything of one server. Its lock tells others that its process lives.
type ephemeralFolder struct {
	dir  string
	lock *disk.Lock
}

// newEphemeralFolder makes the folder and has the configuration use it for everything. What processes that were killed
// have left behind is removed.
func newEphemeralFolder(c *config.Config, log *slog.Logger) (*ephemeralFolder, error) {
	parent := first(c.TemporaryDirectory, os.TempDir())
	removeStale(parent, log)
	dir, err := os.MkdirTemp(parent, fmt.Sprintf("%s%d-", ephemeralPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	f := &ephemeralFolder{dir: dir}
	if f.lock, err = disk.LockFolder(dir); err != nil {
		return nil, errors.Join(err, f.remove())
	}
	c.StorageDirectory, c.IndexDirectory, c.TemporaryDirectory = filepath.Join(dir, "data"), "", filepath.Join(dir, "tmp")
	if err := os.Mkdir(c.TemporaryDirectory, 0o700); err != nil {
		return nil, errors.Join(err, f.remove())
	}
	return f, nil
}

// remove gives the folder back to nothing.
func (f *ephemeralFolder) remove() error {
	return errors.Join(f.lock.Unlock(), os.RemoveAll(f.dir))
}

// removeStale removes the folders whose processes are gone. A failure is no reason not to start.
func removeStale(parent string, log *slog.Logger) {
	names, err := filepath.Glob(filepath.Join(parent, ephemeralPrefix+"*"))
	if err != nil {
		return // of the pattern alone
	}
	for _, dir := range names {
		if !mayBeStale(dir) {
			continue
		}
		lock, err := disk.LockFolder(dir)
		if err != nil {
			continue // it is in use, or not ours
		}
		if err := (&ephemeralFolder{dir, lock}).remove(); err != nil {
			log.Debug("a folder that was left behind cannot be removed", "folder", dir, "err", err)
			continue
		}
		log.Info("removed the folder of a server that was killed", "folder", dir)
	}
}

// mayBeStale looks whether a folder is one that we could have made: our own alone, of some age, with a lock in it.
func mayBeStale(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || time.Since(info.ModTime()) < staleAfter {
		return false
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 { // there it says nothing, and users have folders of their own
		return false
	}
	lock, err := os.Lstat(filepath.Join(dir, "LOCK"))
	return err == nil && lock.Mode().IsRegular()
}

// whereabouts is what a server for tests says of itself. Fields may be added; none is taken away.
type whereabouts struct {
	DicomAet  string
	DicomHost string
	DicomPort int // 0: no DICOM server
	HttpPort  int // 0: no REST API
	Url       string
	Directory string // removed at the end
	Pid       int
	Version   string // of gantry
}

// announce writes one line of JSON.
func (f *ephemeralFolder) announce(env *Env, c *config.Config, d Daemon) error {
	w := whereabouts{DicomAet: c.DicomAet, Directory: f.dir, Pid: os.Getpid(), Version: buildInfo().Version}
	if tcp, ok := d.DICOMAddr().(*net.TCPAddr); ok {
		w.DicomPort = tcp.Port
		w.DicomHost, _, _ = net.SplitHostPort(reachable(tcp)) // it has a port
	}
	if tcp, ok := d.HTTPAddr().(*net.TCPAddr); ok {
		w.HttpPort = tcp.Port
		w.Url = scheme(c) + reachable(tcp)
	}
	line, err := json.Marshal(w)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, strings.TrimSpace(string(line)))
	return err
}
