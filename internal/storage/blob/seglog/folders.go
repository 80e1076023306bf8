package seglog

import (
	"path/filepath"
	"sync"

	"gantry/internal/storage/blob"
)

// plainPerFolder is how many plain files go to one folder before the next is taken.
const plainPerFolder = 1024

// folders knows the folders plain files lie in, and shares their syncs.
//
// A folder is named by the first bytes of the keys in it. Keys that are given
// one after the other share these bytes, so that files that arrive together lie
// together and their names are made durable by one sync.
type folders struct {
	mu     sync.Mutex
	prefix [2]byte
	left   int
	made   map[string]*folder
}

type folder struct {
	syncing sync.Mutex
	next    *folderSync // not begun; guarded by folders.mu
}

type folderSync struct {
	done chan struct{}
	err  error
}

func (s *Store) filesDir() string { return filepath.Join(s.dir, "files") }

func (s *Store) partPath(k blob.Key) string {
	return filepath.Join(s.largeDir(), k.String()+partSuffix)
}

// payloadPath is where the payload of an object with flagLarge lies. It is made
// from the random key alone.
func (s *Store) payloadPath(k blob.Key, kind blob.Kind, flags uint8) string {
	name := k.String()
	if flags&flagPlain == 0 {
		return filepath.Join(s.largeDir(), name)
	}
	suffix := ".bin"
	if kind == blob.KindInstance || kind == blob.KindUpload {
		suffix = ".dcm"
	}
	return filepath.Join(s.filesDir(), name[:2], name[2:4], name+suffix)
}

// newKey returns a random key; with plain files, one of the present folder.
func (s *Store) newKey() blob.Key {
	k := blob.NewKey()
	if !s.opt.Files {
		return k
	}
	f := &s.folders
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		f.prefix, f.left = [2]byte(k[:2]), plainPerFolder
	}
	f.left--
	copy(k[:2], f.prefix[:])
	return k
}

// makeFolder makes a folder durably, unless it was made before.
func (s *Store) makeFolder(dir string) error {
	if dir == s.largeDir() {
		return nil
	}
	s.folders.mu.Lock()
	_, ok := s.folders.made[dir]
	s.folders.mu.Unlock()
	if ok {
		return nil
	}
	if err := s.fs.Mkdir(dir); err != nil {
		return err
	}
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		if err := s.fs.SyncDir(parent); err != nil {
			return err
		}
		if parent == s.dir {
			break
		}
	}
	s.folder(dir)
	return nil
}

func (s *Store) folder(dir string) *folder {
	s.folders.mu.Lock()
	defer s.folders.mu.Unlock()
	if s.folders.made == nil {
		s.folders.made = map[string]*folder{}
	}
	f := s.folders.made[dir]
	if f == nil {
		f = &folder{}
		s.folders.made[dir] = f
	}
	return f
}

// syncFolder makes the names in dir durable. Calls that come while a sync runs
// share the next one.
func (s *Store) syncFolder(dir string) error {
	f := s.folder(dir)
	s.folders.mu.Lock()
	r := f.next
	leads := r == nil
	if leads {
		r = &folderSync{done: make(chan struct{})}
		f.next = r
	}
	s.folders.mu.Unlock()
	if !leads {
		<-r.done
		return r.err
	}
	f.syncing.Lock()
	defer f.syncing.Unlock()
	s.folders.mu.Lock()
	f.next = nil
	s.folders.mu.Unlock()
	r.err = s.fs.SyncDir(dir)
	close(r.done)
	return r.err
}

// all lists the folders made.
func (f *folders) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var dirs []string
	for dir := range f.made {
		dirs = append(dirs, dir)
	}
	return dirs
}
