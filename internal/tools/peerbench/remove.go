package main

import (
	"context"
	"net/http"

	"gantry/internal/tools/phantom"
)

// benchDelete measures how long it takes to delete a study of 1,000 instances.
func benchDelete(ctx context.Context, opt *options) error {
	sizes := []struct {
		title string
		bytes int
	}{
		{"DELETE of a study of 1,000 instances of 528 kB, ms", 528_000},
		{"DELETE of a study of 1,000 instances of 36 kB, ms", 36_000},
	}
	titles := make([]string, len(sizes))
	for i, size := range sizes {
		titles[i] = size.title
	}
	return restRounds(ctx, opt, titles, func(ctx context.Context, s *server) (figures, error) {
		found := figures{}
		for _, size := range sizes {
			list, err := upload(ctx, s.base(), 1000, series(phantom.SideFor(size.bytes)))
			if err != nil {
				return nil, err
			}
			found[size.title], err = medianTime(1, func() error {
				return ask(ctx, http.MethodDelete, s.base()+"/studies/"+list[0].ParentStudy, nil, nil)
			})
			if err != nil {
				return nil, err
			}
		}
		return found, nil
	})
}
