package rest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Names of temporary files, with a star for what makes each one's own.
const (
	temporaryArchive = "gantry-archive-*.zip"
	temporaryUpload  = "gantry-upload-*"
)

// temporaryNames are the names that files of those patterns have.
var temporaryNames = regexp.MustCompile(`^gantry-(archive-[0-9]+\.zip|upload-[0-9]+)$`)

// temporary makes a temporary file, whose name is gone at once where the system lets it: whatever happens nothing is left.
func (s *Server) temporary(pattern string) (spooled, error) {
	file, err := os.CreateTemp(s.Config.TemporaryDirectory, pattern)
	if err != nil {
		return spooled{}, err
	}
	_ = os.Remove(file.Name()) // elsewhere at the end
	return spooled{file}, nil
}

// SweepTemporary deletes the temporary files that servers which were killed have left in a folder, "" for the system's, and
// returns how many. Those in use are left alone where they have names at all: where a file that is open can be deleted,
// nobody looks for it by its name.
func SweepTemporary(dir string) (int, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	swept := 0
	for _, entry := range entries {
		if entry.Type().IsRegular() && temporaryNames.MatchString(entry.Name()) && os.Remove(filepath.Join(dir, entry.Name())) == nil {
			swept++
		}
	}
	return swept, nil
}
