package disk

import (
	"errors"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

func (o *osFile) WriteAt(off int64, bufs ...[]byte) error {
	if len(bufs) == 1 {
		_, err := o.f.WriteAt(bufs[0], off)
		return err
	}
	fd := int(o.f.Fd())
	from := off
	defer func() { o.beginWriting(from, off-from) }()
	for len(bufs) > 0 {
		n, err := unix.Pwritev(fd, bufs[:min(len(bufs), 1024)], off)
		runtime.KeepAlive(o.f)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return &os.PathError{Op: "pwritev", Path: o.f.Name(), Err: err}
		}
		if n == 0 {
			return &os.PathError{Op: "pwritev", Path: o.f.Name(), Err: io.ErrShortWrite}
		}
		off += int64(n)
		for len(bufs) > 0 && n >= len(bufs[0]) {
			n -= len(bufs[0])
			bufs = bufs[1:]
		}
		if len(bufs) > 0 {
			bufs[0] = bufs[0][n:]
		}
	}
	return nil
}

// early is from how many bytes on the disk is set to work at once, rather than when a sync comes.
const early = 128 << 10

// beginWriting has the system start to write a range out and does not wait for it. What goes wrong is told by the sync
// that follows: nothing here takes an error away from it.
func (o *osFile) beginWriting(off, n int64) {
	if n >= early {
		_ = unix.SyncFileRange(int(o.f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
		runtime.KeepAlive(o.f)
	}
}

func (o *osFile) Sync() error {
	return o.retry("fdatasync", func(fd int) error { return unix.Fdatasync(fd) })
}

func (o *osFile) Allocate(off, n int64) error {
	err := o.retry("fallocate", func(fd int) error { return unix.Fallocate(fd, 0, off, n) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		size, err := o.Size()
		if err != nil || off+n <= size {
			return err
		}
		return o.writeZeros(max(off, size), off+n-max(off, size))
	}
	return err
}

func (o *osFile) Flush(off, n int64) error {
	const flags = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	err := o.retry("sync_file_range", func(fd int) error { return unix.SyncFileRange(fd, off, n, flags) })
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ESPIPE) {
		return nil
	}
	return err
}

func (o *osFile) Punch(off, n int64) error {
	const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	err := o.retry("fallocate", func(fd int) error { return unix.Fallocate(fd, mode, off, n) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return o.writeZeros(off, n)
	}
	return err
}

func (o *osFile) Used() (int64, error) {
	fi, err := o.f.Stat()
	if err != nil {
		return 0, err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512, nil
	}
	return fi.Size(), nil
}

func (o *osFile) retry(op string, call func(fd int) error) error {
	for {
		err := call(int(o.f.Fd()))
		runtime.KeepAlive(o.f)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return &os.PathError{Op: op, Path: o.f.Name(), Err: err}
		}
		return nil
	}
}
