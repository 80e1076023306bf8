// Command gendocs writes the man pages and shell completions of gantry: `go run ./internal/tools/gendocs` in the module's
// root. A test checks that those in the tree are what it writes.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gantry/internal/cli"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func main() {
	root := flag.String("root", ".", "folder that gets man/ and completions/")
	flag.Parse()
	if err := generate(*root); err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

func generate(root string) error {
	env := &cli.Env{Stdout: io.Discard, Stderr: io.Discard, Now: time.Now}
	return errors.Join(manPages(cli.NewRoot(env), filepath.Join(root, "man")), completions(cli.NewRoot(env), filepath.Join(root, "completions")))
}

// day is the date of the pages: fixed, so that they change with the commands only.
var day = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

func manPages(cmd *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	disableTag(cmd)
	keepLines(cmd)
	return doc.GenManTree(cmd, &doc.GenManHeader{Section: "1", Source: "gantry", Manual: "gantry", Date: &day}, dir)
}

// disableTag leaves out the line with the day of generation.
func disableTag(cmd *cobra.Command) {
	cmd.DisableAutoGenTag = true
	for _, c := range cmd.Commands() {
		disableTag(c)
	}
}

// keepLines indents what stands in columns as Markdown wants it, so that the pages show it line by line as well.
func keepLines(cmd *cobra.Command) {
	var text strings.Builder
	columns := false
	for line := range strings.Lines(cmd.Long) {
		indented := strings.HasPrefix(line, "  ")
		if indented != columns {
			text.WriteString("\n")
		}
		if columns = indented; columns {
			text.WriteString("  ")
		}
		text.WriteString(line)
	}
	cmd.Long = text.String()
	for _, c := range cmd.Commands() {
		keepLines(c)
	}
}

func completions(cmd *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		"gantry.bash": func(w io.Writer) error { return bashCompletion(cmd, w) },
		"gantry.zsh":  cmd.GenZshCompletion,
		"gantry.fish": func(w io.Writer) error { return cmd.GenFishCompletion(w, true) },
		"gantry.ps1":  cmd.GenPowerShellCompletionWithDesc,
	} {
		if err := writeFile(filepath.Join(dir, name), write); err != nil {
			return err
		}
	}
	return nil
}

// What cobra's script takes from the package bash-completion, for shells that do not have it: words are then those of bash,
// which takes colons and equals signs for their ends.
const (
	bashWords = `    if ! declare -F _get_comp_words_by_ref >/dev/null; then
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
        return
    fi
    _get_comp_words_by_ref "$@" cur prev words cword
`
	bashFolders = `
__gantry_folders()
{
    if declare -F _filedir >/dev/null; then
        _filedir -d
        return
    fi
    local IFS=$'\n'
    COMPREPLY=($(compgen -d -- "$cur"))
    compopt -o filenames 2>/dev/null || :
}
`
)

// bashCompletion writes cobra's script so that it does without that package, too.
func bashCompletion(cmd *cobra.Command, w io.Writer) error {
	var script bytes.Buffer
	if err := cmd.GenBashCompletionV2(&script, true); err != nil {
		return err
	}
	text := script.String()
	for _, f := range []struct{ theirs, ours string }{
		{"    _get_comp_words_by_ref \"$@\" cur prev words cword\n", bashWords},
		{"_filedir -d", "__gantry_folders"},
		{"\n__gantry_debug()\n", bashFolders + "\n__gantry_debug()\n"},
	} {
		if !strings.Contains(text, f.theirs) {
			return fmt.Errorf("cobra's completion for bash has no %q any more: see bashCompletion", f.theirs)
		}
		text = strings.ReplaceAll(text, f.theirs, f.ours)
	}
	_, err := io.WriteString(w, text)
	return err
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
