package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"gantry/internal/config"
	"gantry/internal/faults"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"
)

// settings are the flags that set options of the daemon.
type settings struct {
	cmd        *cobra.Command
	files      []string
	modalities []string
	faults     []string
	faultsOn   bool
	verbose    bool
	defaults   []config.Setting // weaker than files
}

// settingFlags maps flags to the scalar options they set.
func settingFlags() [][2]string {
	return [][2]string{
		{"storage", "StorageDirectory"}, {"dicom-port", "DicomPort"}, {"http-port", "HttpPort"}, {"aet", "DicomAet"},
		{"layout", "StorageLayout"}, {"log-level", "LogLevel"}, {"log-format", "LogFormat"}, {"sync", "SyncStorageArea"},
	}
}

func (s *settings) register(cmd *cobra.Command) {
	s.cmd = cmd
	f := cmd.Flags()
	f.StringArrayVarP(&s.files, "config", "c", nil, "configuration `file` or folder, as CONFIG; may be repeated")
	f.StringP("storage", "s", "", "folder of the stored objects (StorageDirectory)")
	f.String("dicom-port", "", "port of the DICOM server, 0 for any free one (DicomPort)")
	f.String("http-port", "", "port of the REST API, 0 for any free one (HttpPort)")
	f.String("aet", "", "our AE title (DicomAet)")
	f.String("layout", "", "log or files (StorageLayout)")
	f.String("log-level", "", "debug, info, warn or error (LogLevel)")
	f.String("log-format", "", "text or json (LogFormat)")
	f.String("sync", "", "false: answer before objects are safe on the disk (SyncStorageArea)")
	f.StringArrayVarP(&s.modalities, "modality", "m", nil, "declare a peer, `NAME=AET@HOST:PORT`; may be repeated (DicomModalities)")
	f.StringArrayVar(&s.faults, "fault", nil, "make a fault on purpose, `RULE` as \"gantry faults add --help\" explains; may be repeated (Faults)")
	f.BoolVar(&s.faultsOn, "faults", false, "let faults be made on purpose, by /faults and \"gantry faults\" (FaultsEnabled)")
	f.BoolVarP(&s.verbose, "verbose", "v", false, "log more, and name the options that are not used")
	for name, values := range map[string][]string{
		"layout": {"log", "files"}, "log-level": {"debug", "info", "warn", "error"}, "log-format": {"text", "json"},
		"sync": {"true", "false"}, "dicom-port": nil, "http-port": nil, "aet": nil, "modality": nil, "fault": nil,
	} {
		completeFlag(cmd, name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	completeFlag(cmd, "storage", completeFolder)
}

// completeFlag says how a shell completes the value of a flag of cmd.
func completeFlag(cmd *cobra.Command, name string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic("cli: " + err.Error()) // there is no such flag: a mistake in this package, found by any test
	}
}

// completeFolder leaves it to the shell, which knows folders.
func completeFolder(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// values joins the flags with the environment's scalars: viper knows both, a flag that was given wins. Options with
// structure, whose keys viper would change, are left to config.
func (s *settings) values(env *Env) ([]config.Setting, error) {
	v := viper.New()
	sources := map[string]string{}
	fromEnv, _ := config.FromEnvironment(env.Environ)
	for _, e := range fromEnv {
		if len(e.Path) == 1 && config.Scalar(e.Path[0]) {
			v.SetDefault(e.Path[0], e.Value)
			sources[e.Path[0]] = e.Source
		}
	}
	for _, pair := range settingFlags() {
		flag := s.cmd.Flags().Lookup(pair[0])
		if err := v.BindPFlag(pair[1], flag); err != nil {
			return nil, err
		}
		if flag.Changed {
			sources[pair[1]] = "--" + pair[0]
		}
	}
	var list []config.Setting
	for option, source := range sources {
		list = append(list, config.Setting{Path: []string{option}, Value: v.GetString(option), Source: source})
	}
	if s.verbose && !s.cmd.Flags().Changed("log-level") {
		list = append(list, config.Setting{Path: []string{"LogLevel"}, Value: "debug", Source: "--verbose"})
	}
	list, err := s.faultSettings(list)
	if err != nil {
		return nil, err
	}
	return s.peers(list)
}

// faultSettings adds those of --fault and --faults.
func (s *settings) faultSettings(list []config.Setting) ([]config.Setting, error) {
	if s.faultsOn || len(s.faults) > 0 {
		list = append(list, config.Setting{Path: []string{"FaultsEnabled"}, Value: "true", Source: "--faults"})
	}
	if len(s.faults) == 0 {
		return list, nil
	}
	for _, text := range s.faults {
		if _, err := faults.Parse(text); err != nil {
			return nil, faultUsage("--fault", err)
		}
	}
	rules, err := json.Marshal(s.faults)
	return append(list, config.Setting{Path: []string{"Faults"}, Value: string(rules), Source: "--fault"}), err
}

// faultUsage says where a rule is wrong.
func faultUsage(what string, err error) error {
	return &usageError{err: fmt.Errorf("%s: %w", what, err), hint: "\"gantry faults add --help\" explains the words."}
}

// peers adds those of --modality.
func (s *settings) peers(list []config.Setting) ([]config.Setting, error) {
	for _, m := range s.modalities {
		name, peer, ok := strings.Cut(m, "=")
		if !ok || name == "" {
			return nil, usagef("--modality %q: NAME=AET@HOST:PORT is expected", m)
		}
		list = append(list, config.Setting{
			Path: []string{"DicomModalities", name}, Value: peer, Source: fmt.Sprintf("--modality %s", name),
		})
	}
	return list, nil
}
