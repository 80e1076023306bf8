package cli

import (
	"fmt"
	"slices"
	"strings"

	"gantry/internal/config"
	"gantry/internal/dicom/dict"

	"github.com/spf13/cobra"
)

func newConfigCommand(env *Env) *cobra.Command {
	o := configOptions{env: env}
	cmd := &cobra.Command{
		Use:   "config [CONFIG...]",
		Short: "Print the effective configuration",
		Long: long(`Print the configuration that "gantry serve" would run with, given the same files, environment and flags, as JSON.
Passwords are masked. With --defaults a commented file with every option is printed instead, a start for one's own.`),
		Example: "  gantry config --defaults > gantry.json\n  gantry config gantry.json\n  GANTRY_DICOM_PORT=104 gantry config /etc/gantry.d\n" +
			"  gantry config --variables",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.files = args
			return runConfig(&o)
		},
	}
	o.settings.register(cmd)
	cmd.Flags().BoolVar(&o.defaults, "defaults", false, "print a commented file with all defaults")
	cmd.Flags().BoolVar(&o.variables, "variables", false, "print the environment variable of each option")
	cmd.MarkFlagsMutuallyExclusive("defaults", "variables")
	return cmd
}

type configOptions struct {
	env                 *Env
	settings            settings
	files               []string
	defaults, variables bool
}

func runConfig(o *configOptions) error {
	switch {
	case o.defaults:
		return config.WriteDefaults(o.env.Stdout)
	case o.variables:
		return writeVariables(o.env)
	}
	c, err := o.settings.load(o.env, o.files)
	if err != nil {
		return err
	}
	return config.WriteEffective(o.env.Stdout, c)
}

func writeVariables(env *Env) error {
	var rows [][]string
	for _, name := range config.Names() {
		rows = append(rows, []string{name, config.Variable(name)})
	}
	return writeTable(env.Stdout, []string{"OPTION", "VARIABLE"}, rows)
}

// load reads the configuration and tells about what is odd in it.
func (s *settings) load(env *Env, files []string) (*config.Config, error) {
	flags, err := s.values(env)
	if err != nil {
		return nil, err
	}
	c, warnings, err := config.Load(config.Options{Defaults: s.defaults, Files: slices.Concat(s.files, files), Env: env.Environ, Settings: flags, Keyword: keywordOfTag})
	s.warn(env, warnings)
	return c, err
}

// keywordOfTag tells whether the standard has a data element with this keyword.
func keywordOfTag(s string) bool {
	_, ok := dict.LookupKeyword(s)
	return ok
}

// warn names what is odd, and in one line what is not used.
func (s *settings) warn(env *Env, warnings []config.Warning) {
	var unused []string
	for _, w := range warnings {
		if w.Unused && !s.verbose {
			unused = append(unused, w.Option)
			continue
		}
		_, _ = fmt.Fprintf(env.Stderr, "gantry: warning: %s\n", w)
	}
	if unused != nil {
		_, _ = fmt.Fprintf(env.Stderr, "gantry: known from Orthanc and not used here (--verbose says where): %s\n", strings.Join(unused, ", "))
	}
}
