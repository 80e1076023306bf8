//go:build !linux

package disk

func (o *osFile) WriteAt(off int64, bufs ...[]byte) error { return o.writeEach(off, bufs) }

// Sync is os.File.Sync: FlushFileBuffers on Windows, F_FULLFSYNC on Darwin.
func (o *osFile) Sync() error { return o.f.Sync() }

// Allocate writes zeros where the file ends before the range does.
func (o *osFile) Allocate(off, n int64) error {
	size, err := o.Size()
	if err != nil || off+n <= size {
		return err
	}
	return o.writeZeros(max(off, size), off+n-max(off, size))
}

func (o *osFile) Flush(off, n int64) error { return nil }
func (o *osFile) Punch(off, n int64) error { return o.writeZeros(off, n) }
func (o *osFile) Used() (int64, error)     { return o.Size() }

func (o *osFile) writeEach(off int64, bufs [][]byte) error {
	for _, b := range bufs {
		if _, err := o.f.WriteAt(b, off); err != nil {
			return err
		}
		off += int64(len(b))
	}
	return nil
}
