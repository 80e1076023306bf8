package config

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Variable returns the name of the environment variable of an option: GANTRY_DICOM_PORT for DicomPort.
// Keys below the option follow after two underscores: GANTRY_REGISTERED_USERS__alice.
// Orthanc's spelling ORTHANC__DICOM_PORT is read too, and where the underscores stand between words does not matter.
func Variable(option string) string {
	var b strings.Builder
	b.WriteString("GANTRY_")
	runes := []rune(option)
	for i, r := range runes {
		if i > 0 && wordBegins(runes, i) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// wordBegins tells whether a new word begins at i: DicomPort, StoreMD5ForAttachments, H265Transfer.
func wordBegins(r []rune, i int) bool {
	if !unicode.IsUpper(r[i]) {
		return false
	}
	return !unicode.IsUpper(r[i-1]) || (i+1 < len(r) && unicode.IsLower(r[i+1]))
}

// clientVariables are read by the commands that talk to a daemon; they are no options.
func clientVariables() []string {
	return []string{"URL", "USER", "PASSWORD", "PASSWORD_FILE", "PEERS"}
}

// FromEnvironment finds the options in the environment, weakest first: ORTHANC_JSON and GANTRY_JSON as whole documents
// (Path is empty), then ORTHANC__NAME, then GANTRY_NAME. Variables that look like options and are none are warned about.
func FromEnvironment(environ []string) ([]Setting, []Warning) {
	var settings []Setting
	var warnings []Warning
	for _, prefix := range []string{"ORTHANC_JSON=", "GANTRY_JSON=", "ORTHANC__", "GANTRY_"} {
		for _, entry := range sorted(environ) {
			name, value, _ := strings.Cut(entry, "=")
			rest, ok := strings.CutPrefix(name, prefix)
			switch {
			case strings.HasSuffix(prefix, "=") && name+"=" == prefix:
				settings = append(settings, Setting{Value: value, Source: name})
			case !ok || name == "GANTRY_JSON" || prefix == "GANTRY_" && slices.Contains(clientVariables(), rest):
			default:
				path, warning := variablePath(rest)
				if warning != nil {
					warning.Place = name
					warnings = append(warnings, *warning)
					continue
				}
				settings = append(settings, Setting{Path: path, Value: value, Source: name})
			}
		}
	}
	return settings, warnings
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

// variablePath turns DICOM_MODALITIES__pacs__ALLOW_ECHO into the option and the keys below it.
func variablePath(name string) ([]string, *Warning) {
	parts := strings.Split(name, "__")
	option, ok := matchName(parts[0], optionNames())
	if !ok {
		if unused, ok := matchName(parts[0], slices.Concat(unusedOptions(), pluginSections())); ok {
			return nil, &Warning{Option: unused, Message: "known from Orthanc, gantry does not use it", Unused: true}
		}
		var variables []string
		for _, o := range optionNames() {
			variables = append(variables, strings.TrimPrefix(Variable(o), "GANTRY_"))
		}
		message := "unknown option, ignored"
		if nearest := Nearest(parts[0], variables); nearest != "" {
			message += "; did you mean " + "GANTRY_" + nearest + "?"
		}
		return nil, &Warning{Message: message}
	}
	parts[0] = option
	if option == "DicomModalities" && len(parts) == 3 {
		if field, ok := matchName(parts[2], modalityFields()); ok {
			parts[2] = field
		}
	}
	return parts, nil
}

// matchName finds the name that is variable without underscores, whatever the case.
func matchName(variable string, names []string) (string, bool) {
	variable = strings.ReplaceAll(variable, "_", "")
	for _, n := range names {
		if strings.EqualFold(variable, strings.ReplaceAll(n, "_", "")) {
			return n, true
		}
	}
	return "", false
}

func optionNames() []string {
	var names []string
	for _, s := range table() {
		for _, o := range s.options {
			names = append(names, o.name)
		}
	}
	return names
}

// Scalar tells whether an option takes a single text, number or boolean.
func Scalar(option string) bool {
	field, ok := reflect.TypeFor[Config]().FieldByName(option)
	if !ok {
		return false
	}
	switch field.Type.Kind() {
	case reflect.Map, reflect.Slice:
		return false
	}
	return true
}

// Names lists the options in the order of the printed configuration.
func Names() []string { return optionNames() }
