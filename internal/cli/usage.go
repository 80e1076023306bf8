package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"gantry/internal/config"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// wants checks that the arguments with these names are there. The last one may be given several times if its name ends
// in "...", and none at all if it stands in brackets.
func wants(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		open := len(names) > 0 && strings.HasSuffix(strings.Trim(names[len(names)-1], "[]"), "...")
		if len(args) < len(names) && !optional(names[len(args)]) {
			return fmt.Errorf("%s is missing", strings.TrimSuffix(names[len(args)], "..."))
		}
		if len(args) > len(names) && !open {
			return fmt.Errorf("%q is one argument too many%s", args[len(names)], meant(args[len(names)], commandNames(cmd)))
		}
		return nil
	}
}

// optional tells [ID...] from [AET@]HOST:PORT.
func optional(name string) bool { return strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") }

// wantsCommand is for a command that only holds others.
func wantsCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unknown command %q%s", args[0], meant(args[0], commandNames(cmd)))
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// meant proposes the name that is nearest to what was written, if one is near.
func meant(written string, names []string) string {
	if name := config.Nearest(written, names); name != "" {
		return "; did you mean " + name + "?"
	}
	return ""
}

// bothSet reads the names out of cobra's error about options that exclude each other.
var bothSet = regexp.MustCompile(`; \[(.+)\] were all set$`)

// explainUsage puts the parser's errors into plain words.
func explainUsage(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var empty *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return fmt.Errorf("unknown option -%s", unknown.GetSpecifiedName())
	case errors.As(err, &unknown):
		return fmt.Errorf("unknown option --%s%s", unknown.GetSpecifiedName(), meantOption(cmd, unknown.GetSpecifiedName()))
	case errors.As(err, &empty):
		return fmt.Errorf("--%s needs a value", empty.GetFlag().Name)
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s %q: %s is expected", invalid.GetFlag().Name, invalid.GetValue(), kindOfValue(invalid.GetFlag()))
	}
	if found := bothSet.FindStringSubmatch(err.Error()); found != nil {
		return fmt.Errorf("--%s exclude each other", strings.ReplaceAll(found[1], " ", " and --"))
	}
	return err
}

func meantOption(cmd *cobra.Command, written string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if name := config.Nearest(written, names); name != "" {
		return "; did you mean --" + name + "?"
	}
	return ""
}

func kindOfValue(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "duration":
		return "a time such as 30s or 2m"
	case "int":
		return "a whole number"
	case "uint32":
		return "a number of bytes"
	case "bool":
		return "true or false"
	}
	return "another value"
}
