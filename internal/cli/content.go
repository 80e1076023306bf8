package cli

import (
	"errors"
	"io"
	"os"
)

// errChanged ends the sending of a file that is not what its header was read from any more: what has arrived of it must
// not be taken for the object.
var errChanged = errors.New("the file was changed while it was being sent")

// open gives the bytes of the data set, in the transfer syntax of the file: all of them, or an error before the end. The
// caller closes it.
func (o *object) open() (io.ReadCloser, error) {
	file, err := os.Open(o.path)
	if err != nil {
		return nil, err
	}
	c := &content{file: file, o: o, data: io.NewSectionReader(file, o.offset, o.size), left: o.size}
	if err := c.unchanged(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return c, nil
}

// content is the data set of a file that is watched for changes.
type content struct {
	file *os.File
	o    *object
	data io.Reader
	left int64
}

// Read implements io.Reader. The end comes only if the file is still the one that was looked at.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.data.Read(p)
	c.left -= int64(n)
	switch {
	case !errors.Is(err, io.EOF):
		return n, err
	case c.left > 0:
		return n, errChanged
	}
	if err := c.unchanged(); err != nil {
		return n, err
	}
	return n, io.EOF
}

// Close implements io.Closer.
func (c *content) Close() error { return c.file.Close() }

// unchanged compares size and time of modification.
func (c *content) unchanged() error {
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != c.o.offset+c.o.size || !info.ModTime().Equal(c.o.modified) {
		return errChanged
	}
	return nil
}
