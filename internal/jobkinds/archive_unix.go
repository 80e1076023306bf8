//go:build unix

package jobkinds

import (
	"errors"
	"syscall"
)

// isDiskFull tells a disk without room from other trouble with files.
func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
