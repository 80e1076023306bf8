package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
)

type archiveOptions struct {
	daemonOptions
	output, extract string
	media, extended bool
	utf8, async     bool
	force           bool
	transcode       string
	maxSize         int // GB
	timeout         time.Duration
	json, quiet     bool
	utf8Given       bool
}

func newArchiveCommand(env *Env) *cobra.Command {
	o := archiveOptions{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "archive STUDY...",
		Short: "Download studies as a ZIP file or a DICOM medium",
		Long: long(`Download studies from the running daemon as one ZIP file, with a DICOMDIR if --media is given, or as files below a folder
(--extract). STUDY is the identifier of a study in the REST API, or as much of its beginning as is needed, a Study Instance
UID, an accession number, or a Patient ID, which means all studies of that patient; identifiers of patients and series will
do as well.

The archive is sent while it is made. With --async the daemon makes it first and keeps it for a while: then a download
that was broken off goes on where it was, by itself and when the same command is given again.

--extract writes nothing outside of the folder and over no file that is there: entries with other names are refused.`),
		Example: `  gantry archive 66c8e41e
  gantry archive 1.2.840.113619.2.55.3 A0001 --output both.zip --media
  gantry archive PATIENT-7 --async --output large.zip
  gantry archive 66c8e41e --extract ./files
  gantry archive 66c8e41e --output - | ssh elsewhere 'cat > study.zip'`,
		Args: wants("STUDY..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.utf8Given = cmd.Flags().Changed("utf8")
			return runArchive(cmd.Context(), &o, args)
		},
	}
	cmd.ValidArgsFunction = completeResource(env)
	o.register(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "write to this `file`, - for standard output (default: the identifier of the first resource with .zip)")
	f.StringVarP(&o.extract, "extract", "x", "", "write the files below this `folder` instead")
	f.BoolVar(&o.media, "media", false, "a DICOM medium: IMAGES and a DICOMDIR")
	f.BoolVar(&o.extended, "extended", false, "a medium whose DICOMDIR has the descriptions of the series")
	f.BoolVar(&o.utf8, "utf8", false, "names keep characters outside ASCII (default: as the daemon is configured)")
	f.StringVar(&o.transcode, "transcode", "", "`UID` of the transfer syntax to write all objects in")
	f.BoolVar(&o.async, "async", false, "let a job make the archive first; the download can go on after a break")
	f.BoolVarP(&o.force, "force", "f", false, "write over files that are there")
	f.IntVar(&o.maxSize, "max-size", 1000, "refuse to extract more than this many `GB`")
	f.DurationVarP(&o.timeout, "timeout", "t", time.Minute, "give up when nothing arrives for this long; 0: never")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print errors only")
	cmd.MarkFlagsMutuallyExclusive("output", "extract")
	return cmd
}

// archiveResult is what --json shows.
type archiveResult struct {
	File      string               `json:",omitempty"` // "-": standard output
	Folder    string               `json:",omitempty"`
	Resources []apiclient.Resource // what is in it
	Job       string               `json:",omitempty"`
	Bytes     int64                // of the archive
	Seconds   float64
	Files     int            `json:",omitempty"` // extracted
	Refused   []refusedEntry `json:",omitempty"`
}

func runArchive(ctx context.Context, o *archiveOptions, names []string) error {
	if o.extended {
		o.media = true
	}
	if o.maxSize <= 0 {
		return usagef("--max-size %d: a positive number of GB is expected", o.maxSize)
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	resources, err := resolveAll(ctx, c, names)
	if err != nil {
		return err
	}
	if o.output == "" && o.extract == "" {
		o.output = resources[0].ID + ".zip"
	}
	if err := o.checkTarget(); err != nil {
		return err
	}
	began := o.env.Now()
	result := &archiveResult{Resources: resources}
	d := &archiveDownload{o: o, client: c, request: o.request(resources), result: result}
	if err := d.run(ctx); err != nil {
		return err
	}
	result.Seconds = o.env.Now().Sub(began).Seconds()
	return o.report(result)
}

func (o *archiveOptions) request(resources []apiclient.Resource) apiclient.ArchiveRequest {
	rq := apiclient.ArchiveRequest{Media: o.media, Extended: o.extended, Transcode: o.transcode}
	for _, r := range resources {
		rq.Resources = append(rq.Resources, r.ID)
	}
	if o.utf8Given {
		rq.Utf8 = &o.utf8
	}
	return rq
}

// checkTarget refuses before anything is asked for what could not be written.
func (o *archiveOptions) checkTarget() error {
	if o.extract != "" {
		return nil
	}
	if info, err := os.Stat(o.output); err == nil && o.output != "-" && !info.Mode().IsRegular() && !info.IsDir() {
		return &usageError{err: fmt.Errorf("%s is no file, and would be replaced by one", o.output), hint: "--output - writes to standard output."}
	}
	return mayWrite(o.output, o.force, "Name another file with --output, or write over it with --force.")
}

// shownRefusals is how many refused files are named.
const shownRefusals = 10

func (o *archiveOptions) report(r *archiveResult) error {
	var err error
	switch {
	case o.json && o.output == "-": // the archive is there
	case o.json:
		err = writeJSON(o.env, r)
	case !o.quiet && o.extract != "":
		_, err = fmt.Fprintf(o.env.Stdout, "%s: %s from an archive of %s in %.1f s\n", r.Folder, count(r.Files, "file"), size(r.Bytes), r.Seconds)
	case !o.quiet:
		out := o.env.Stdout
		if o.output == "-" {
			out = o.env.Stderr
		}
		_, err = fmt.Fprintf(out, "%s: %s in %.1f s (%s)\n", r.File, size(r.Bytes), r.Seconds, rate(r.Bytes, time.Duration(r.Seconds*float64(time.Second))))
	}
	if err != nil || len(r.Refused) == 0 {
		return err
	}
	for i, e := range r.Refused {
		if i == shownRefusals {
			_, _ = fmt.Fprintf(o.env.Stderr, "gantry: and %d more (--json tells all)\n", len(r.Refused)-i)
			break
		}
		_, _ = fmt.Fprintf(o.env.Stderr, "gantry: refused %q: %s\n", e.Name, e.Reason)
	}
	return &failuresError{text: count(len(r.Refused), "file") + " of the archive refused"}
}
