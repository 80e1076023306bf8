package rest

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gantry/internal/metrics"
)

func metricsRoutes() []Route {
	return []Route{
		{http.MethodGet, "/tools/metrics", "Whether metrics are collected: 0 or 1", metricsEnabled},
		{http.MethodPut, "/tools/metrics", "Switch the collection of metrics on or off", enableMetrics},
		{http.MethodGet, "/tools/metrics-prometheus", "The metrics in Prometheus' text format; ?collect[]= limits them to a group", scrape},
	}
}

// count tells the metrics of a request that was answered.
func (s *Server) count(w *recorder, r *http.Request, took time.Duration) {
	s.Metrics.RequestEnded(metrics.Request{Method: r.Method, Route: w.route, Status: w.status, Took: took,
		Received: w.received, Sent: w.bytes})
}

func metricsEnabled(s *Server, c *Call) error {
	text := "0"
	if s.Metrics.Enabled() {
		text = "1"
	}
	return c.text(text)
}

// enableMetrics takes 0, 1, false or true.
func enableMetrics(s *Server, c *Call) error {
	on, err := c.switchBody()
	if err != nil {
		return err
	}
	s.Metrics.SetEnabled(on)
	return c.Empty()
}

// scrape answers a scrape; it waits for nothing but the network.
func scrape(s *Server, c *Call) error {
	err := s.Metrics.Serve(c.w, c.Request, c.Request.URL.Query()["collect[]"])
	if unknown := new(metrics.GroupError); errors.As(err, &unknown) {
		return fail(statusParameterOutOfRange, "There is no group of metrics %.40q: collect[] takes %s", unknown.Group,
			strings.Join(metrics.Groups(), ", "))
	}
	return err
}

// text answers with a text.
func (c *Call) text(text string) error {
	c.w.Header().Set("Content-Type", "text/plain")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	c.w.WriteHeader(http.StatusOK)
	_, err := c.w.Write([]byte(text))
	return err
}

// digit answers with 1 or 0.
func (c *Call) digit(on bool) error {
	if on {
		return c.text("1")
	}
	return c.text("0")
}
