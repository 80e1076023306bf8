// Command gantry is a DICOM server with an Orthanc-compatible REST API, and the clients around it.
package main

import (
	"os"

	"gantry/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], cli.SystemEnv())) }
