package main

import (
	"fmt"
	"os"
	"slices"
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
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.0f\t%.2f\t\n", p.name, median(values), slices.Min(values), slices.Max(values),
			own/median(values))
	}
	_ = table.Flush()
	fmt.Println()
}
