package seglog

import (
	"fmt"
	"slices"

	"gantry/internal/storage/blob"
)

// lookAgain reads segments a second time that lacked something before the watermark when they were read, which is before
// the watermark was known: beside a process that writes, it has come since.
func (s *Store) lookAgain(found []*segment, contents map[*segment]*content, watermark blob.Position) error {
	for _, g := range found {
		stale, err := g.stale(contents[g], watermark)
		if err != nil {
			return fmt.Errorf("blob: read %s: %w", g.path, err)
		}
		if !stale {
			continue
		}
		if _, err := g.entries(); g.end > 0 && err != nil {
			return fmt.Errorf("blob: read %s: %w", g.path, err)
		}
		g.sealed = false
		again, err := g.scanFrom(g.file, max(g.end, blockSize))
		if err != nil {
			return fmt.Errorf("blob: read %s: %w", g.path, err)
		}
		contents[g] = again
	}
	return nil
}

// stale reports whether what was read of a segment may lack something before the watermark.
func (g *segment) stale(c *content, watermark blob.Position) (bool, error) {
	if c == nil { // complete, unless a process that has just begun adds to it
		size, err := g.file.Size()
		return size > g.end, err
	}
	end := c.start
	if n := len(c.entries); n > 0 {
		end = c.entries[n-1].offset() + c.entries[n-1].length()
	}
	return g.position(end).Less(watermark) || slices.ContainsFunc(c.gaps, func(gap [2]int64) bool {
		return g.position(gap[0]).Less(watermark)
	}), nil
}
