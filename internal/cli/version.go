package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"gantry/internal/dicom/codec"

	"github.com/spf13/cobra"
)

// compatible is the release of Orthanc whose REST API the daemon follows.
const compatible = "1.13.0"

func newVersionCommand(env *Env) *cobra.Command {
	o := versionOptions{env: env}
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    long("Print the version of gantry, of Go, and of the Orthanc release whose REST API it follows."),
		Example: "  gantry version\n  gantry version --json",
		Args:    wants(),
		RunE:    func(*cobra.Command, []string) error { return runVersion(&o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

type versionOptions struct {
	env  *Env
	json bool
}

type versionInfo struct {
	Version                   string
	Revision                  string `json:",omitempty"`
	Go                        string
	Platform                  string
	RestAPI                   string
	ImplementationClassUID    string
	ImplementationVersionName string
}

func runVersion(o *versionOptions) error {
	v := buildInfo()
	if o.json {
		return writeJSON(o.env, v)
	}
	_, err := fmt.Fprintln(o.env.Stdout, v)
	return err
}

// String is the line `gantry version` prints.
func (v versionInfo) String() string {
	revision := ""
	if v.Revision != "" {
		revision = " " + v.Revision
	}
	return fmt.Sprintf("gantry %s%s (%s, %s), REST API of Orthanc %s", v.Version, revision, v.Go, v.Platform, v.RestAPI)
}

// version is the release, set by the linker: -X gantry/internal/cli.version=1.2.3. Empty: what the build information says.
var version string

func buildInfo() versionInfo {
	v := versionInfo{
		Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, RestAPI: compatible,
		ImplementationClassUID: string(codec.ImplementationClassUID), ImplementationVersionName: codec.ImplementationVersionName,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	if version != "" {
		v.Version = version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			v.Revision = s.Value[:12]
		}
	}
	return v
}
