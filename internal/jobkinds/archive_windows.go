package jobkinds

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isDiskFull tells a disk without room from other trouble with files.
func isDiskFull(err error) bool { return errors.Is(err, windows.ERROR_DISK_FULL) }
