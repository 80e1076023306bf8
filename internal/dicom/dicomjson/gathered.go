package dicomjson

import (
	"encoding/base64"
	"io"
)

// flushAt is how much text is gathered before it is handed on, in bytes.
const flushAt = 32 << 10

// gathered is text on its way to a writer, handed on in larger pieces.
type gathered struct {
	w   io.Writer
	buf []byte
}

func (g *gathered) full() bool { return len(g.buf) >= flushAt }

func (g *gathered) flush() error {
	_, err := g.w.Write(g.buf)
	g.buf = g.buf[:0]
	return err
}

// base64 writes the bytes of r as text between before and after; nothing at all if there are none.
func (g *gathered) base64(r io.Reader, before, after string) error {
	var raw [3 << 10]byte
	first := true
	for {
		n, err := io.ReadFull(r, raw[:])
		if n > 0 {
			if first {
				g.buf = append(g.buf, before...)
				first = false
			}
			g.buf = base64.StdEncoding.AppendEncode(g.buf, raw[:n])
			if g.full() {
				if err := g.flush(); err != nil {
					return err
				}
			}
		}
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF: //nolint:errorlint // ReadFull returns these as they are
			if !first {
				g.buf = append(g.buf, after...)
			}
			return nil
		case err != nil:
			return err
		}
	}
}
