package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
)

// median returns the middle of some figures; there is at least one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// printRates prints the median of each peer, its spread, and how gantry compares to it.
func printRates(title string, list []peer, rates map[string][]float64) {
	fmt.Println(title)
	table := tabwriter.NewWriter(os.Stdout, 2, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "peer\tmedian\tlowest\thighest\tgantry / peer\t")
	own := median(rates["gantry"])
	for _, p := range list {
		values := rates[p.name]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%.2f\t\n", p.name, number(median(values)), number(slices.Min(values)),
			number(slices.Max(values)), own/median(values))
	}
	_ = table.Flush()
	fmt.Println()
}

// number writes a figure with three digits at least.
func number(v float64) string {
	switch {
	case v < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}
