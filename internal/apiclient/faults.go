package apiclient

import (
	"context"
	"net/url"
)

// Fault is one that the daemon makes on purpose.
type Fault struct {
	ID, Rule, Service, Fault string
	Seen, Applied            int    // how often its conditions were met, and it was made
	Last                     string `json:",omitempty"`
}

// Faults lists the faults of the daemon.
func (c *Client) Faults(ctx context.Context) ([]Fault, error) {
	var list []Fault
	err := c.Get(ctx, "/faults", &list)
	return list, err
}

// AddFault adds a fault and returns its id.
func (c *Client) AddFault(ctx context.Context, rule string) (id string, err error) {
	var out struct{ ID string }
	err = c.Post(ctx, "/faults", struct{ Rule string }{rule}, &out)
	return out.ID, err
}

// RemoveFault removes a fault; "" removes all.
func (c *Client) RemoveFault(ctx context.Context, id string) error {
	if id == "" {
		return c.Delete(ctx, "/faults")
	}
	return c.Delete(ctx, "/faults/"+url.PathEscape(id))
}
