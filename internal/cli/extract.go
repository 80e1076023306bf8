package cli

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// refusedEntry is a file of an archive that was not written.
type refusedEntry struct{ Name, Reason string }

// extraction writes the files of an archive below a folder. Whoever made the archive is not trusted: names stay inside
// the folder whatever they are, also where links lie in it, nothing is written over, and there is a limit.
type extraction struct {
	dir     string
	force   bool
	limit   int64 // bytes in all
	show    *notice
	files   int
	refused []refusedEntry
	taken   map[string]bool // names, folded
	written int64
}

// longestArchivePath bounds the name of an entry.
const longestArchivePath = 1024

func (x *extraction) run(ctx context.Context, archive string) (err error) {
	r, err := zip.OpenReader(archive)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return incomplete(err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	root, err := os.OpenRoot(x.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	x.taken = map[string]bool{}
	for _, f := range r.File {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := x.entry(ctx, root, f); err != nil {
			return err
		}
		x.show.show("%s written", count(x.files, "file"))
	}
	return nil
}

// entry writes one file. What is wrong with the entry refuses it; what is wrong with the disk ends the extraction.
func (x *extraction) entry(ctx context.Context, root *os.Root, f *zip.File) error {
	name, reason := x.judge(f)
	if reason != "" {
		x.refuse(f.Name, reason)
		return nil
	}
	if strings.HasSuffix(f.Name, "/") {
		return x.folder(root, name, f.Name)
	}
	if dir := path.Dir(name); dir != "." {
		if err := x.folder(root, dir, f.Name); err != nil || x.isRefused(f.Name) {
			return err
		}
	}
	return x.file(ctx, root, f, name)
}

func (x *extraction) refuse(name, reason string) {
	x.refused = append(x.refused, refusedEntry{name, reason})
}

func (x *extraction) isRefused(name string) bool {
	n := len(x.refused)
	return n > 0 && x.refused[n-1].Name == name
}

// judge says why an entry is not written, "" if it may be.
func (x *extraction) judge(f *zip.File) (name, reason string) {
	name = strings.TrimSuffix(f.Name, "/")
	switch {
	case len(name) > longestArchivePath:
		return name, "its name is too long"
	case !localName(name):
		return name, "its name leads out of the folder, or is not one that every system takes"
	case hasPrefixFold(name, passingName):
		return name, "downloads that are not complete are called so"
	case strings.HasSuffix(f.Name, "/") && f.Mode().IsDir():
		return name, ""
	case !f.Mode().IsRegular():
		return name, "it is neither a file nor a folder"
	case f.Flags&1 != 0:
		return name, "it is encrypted"
	}
	key := strings.ToLower(name)
	if x.taken[key] {
		return name, "another entry has the same name"
	}
	x.taken[key] = true
	if f.UncompressedSize64 > uint64(max(x.limit-x.written, 0)) {
		return name, fmt.Sprintf("more than %s would be written (--max-size)", size(x.limit))
	}
	return name, ""
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// localName tells names that stay below a folder on every system.
func localName(name string) bool {
	if name == "" || strings.ContainsAny(name, "\\:*?\"<>|") || !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.TrimRight(part, ". ") != part || deviceName(part) {
			return false
		}
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7F && r < 0xA0 || r == '\uFFFD' })
}

// deviceName tells what Windows takes for a device.
func deviceName(part string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(part), ".")
	switch base = strings.TrimRight(base, " "); base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	return len(base) > 3 && (strings.HasPrefix(base, "COM") || strings.HasPrefix(base, "LPT")) &&
		strings.Contains("0123456789¹²³", base[3:])
}

func (x *extraction) folder(root *os.Root, name, entry string) error {
	err := root.MkdirAll(filepath.FromSlash(name), 0o755)
	return x.blame(entry, err)
}

// blame refuses the entry for what its name did, and gives other errors back.
func (x *extraction) blame(entry string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		x.refuse(entry, "a file of that name is there already (--force writes over it)")
		return nil
	}
	for _, reason := range []string{"path escapes from parent", "not a directory", "is a directory", "file name too long"} {
		if strings.Contains(err.Error(), reason) { // the system has no one error for these
			x.refuse(entry, "the folder does not take that name: "+reason)
			return nil
		}
	}
	return err
}

func (x *extraction) file(ctx context.Context, root *os.Root, f *zip.File, name string) (err error) {
	in, err := f.Open()
	if err != nil {
		x.refuse(f.Name, err.Error())
		return nil
	}
	defer func() { _ = in.Close() }()
	local := filepath.FromSlash(name)
	if x.force {
		if err := root.Remove(local); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return x.blame(f.Name, err)
		}
	}
	out, err := root.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return x.blame(f.Name, err)
	}
	n, err := io.Copy(out, io.LimitReader(interruptible{ctx, in}, int64(f.UncompressedSize64)+1))
	x.written += n
	closed := out.Close()
	if context.Cause(ctx) == nil && isZipError(err) || err == nil && n > int64(f.UncompressedSize64) {
		x.refuse(f.Name, "its bytes are damaged")
		return errors.Join(closed, root.Remove(local))
	}
	if err := errors.Join(err, closed); err != nil {
		return errors.Join(err, root.Remove(local))
	}
	x.files++
	return nil
}

// interruptible reads until ctx is done.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := context.Cause(i.ctx); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// isZipError tells damage of the archive from trouble with the disk.
func isZipError(err error) bool {
	var disk *fs.PathError
	return err != nil && !errors.As(err, &disk)
}
