package cli

import (
	"context"
	"fmt"
	"time"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
)

type metricsOptions struct {
	daemonOptions
	all, raw, json, watch bool
	interval              time.Duration
}

func newMetricsCommand(env *Env) *cobra.Command {
	o := metricsOptions{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "metrics",
		Short: "Show what a running daemon counts and times",
		Long: long(`Show the metrics of the running daemon in groups, with units. What is zero is left out unless --all asks for it.
--watch shows them again and again, with rates per second, until it is interrupted. The figures are those that
Prometheus gets from /tools/metrics-prometheus; --raw prints them as it does.`),
		Example: "  gantry metrics\n  gantry metrics --watch --interval 1s\n  gantry metrics --raw | promtool check metrics\n  gantry metrics off",
		Args:    wants(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runMetrics(cmd.Context(), &o) },
	}
	o.register(cmd)
	f := cmd.Flags()
	f.BoolVarP(&o.all, "all", "a", false, "show what is zero, too, and the figures under Orthanc's names and of the Go runtime")
	f.BoolVarP(&o.watch, "watch", "w", false, "show them again and again, with rates per second")
	f.DurationVar(&o.interval, "interval", 2*time.Second, "time between two looks of --watch")
	f.BoolVar(&o.raw, "raw", false, "print Prometheus' text format")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	cmd.MarkFlagsMutuallyExclusive("raw", "json", "watch")
	cmd.AddCommand(newMetricsSwitch(env, "on", true), newMetricsSwitch(env, "off", false))
	return cmd
}

// newMetricsSwitch is `metrics on` or `metrics off`.
func newMetricsSwitch(env *Env, name string, on bool) *cobra.Command {
	o := daemonCommand{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:     name,
		Short:   "Switch the collection " + name,
		Long:    long("Switch the collection of metrics " + name + ", until the daemon ends; then the option MetricsEnabled counts again."),
		Example: "  gantry metrics " + name,
		Args:    wants(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			if err := c.EnableMetrics(cmd.Context(), on); err != nil {
				return err
			}
			if o.json {
				return writeJSON(env, struct {
					URL     string
					Enabled bool
				}{c.URL(), on})
			}
			_, err = fmt.Fprintf(env.Stdout, "metrics of %s are %s\n", c.URL(), name)
			return err
		},
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

func runMetrics(ctx context.Context, o *metricsOptions) error {
	if o.interval <= 0 {
		return usagef("--interval has to be more than 0, found %v", o.interval)
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	if o.watch {
		return watchMetrics(ctx, o, c)
	}
	text, err := c.Metrics(ctx)
	if err != nil {
		return err
	}
	if o.raw {
		_, err := o.env.Stdout.Write(text)
		return err
	}
	now, err := readFigures(text, o.env.Now())
	switch {
	case err != nil:
		return err
	case o.json:
		return writeJSON(o.env, now.families)
	}
	return printFigures(o, c.URL(), now, nil)
}

// clearScreen moves to the top of a terminal and erases what stands there.
const clearScreen = "\x1b[H\x1b[2J"

// watchMetrics shows the figures until it is interrupted.
func watchMetrics(ctx context.Context, o *metricsOptions, c *apiclient.Client) error {
	_, terminal := o.env.Terminal(o.env.Stdout)
	tick := time.NewTicker(o.interval)
	defer tick.Stop()
	for before := (*figures)(nil); ; {
		text, err := c.Metrics(ctx)
		if err != nil {
			return err
		}
		now, err := readFigures(text, o.env.Now())
		if err != nil {
			return err
		}
		head := "\n"
		if terminal {
			head = clearScreen
		} else if before == nil {
			head = ""
		}
		if _, err := fmt.Fprintf(o.env.Stdout, "%s%s at %s\n\n", head, c.URL(), now.at.Format(time.TimeOnly)); err != nil {
			return err
		}
		if err := printFigures(o, c.URL(), now, before); err != nil {
			return err
		}
		before = now
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
