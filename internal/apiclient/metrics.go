package apiclient

import (
	"context"
	"net/url"
)

// Metrics returns the metrics of the daemon in Prometheus' text format, those of the groups given or all; nothing if it
// collects none.
func (c *Client) Metrics(ctx context.Context, groups ...string) ([]byte, error) {
	path := "/tools/metrics-prometheus"
	if len(groups) > 0 {
		path += "?" + url.Values{"collect[]": groups}.Encode()
	}
	return c.GetText(ctx, path)
}

// EnableMetrics switches the collection on or off.
func (c *Client) EnableMetrics(ctx context.Context, on bool) error {
	text := "0"
	if on {
		text = "1"
	}
	return c.PutText(ctx, "/tools/metrics", text)
}
