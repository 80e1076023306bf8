package main

import (
	"context"
	"net/http"

	"gantry/internal/tools/phantom"
)

// benchDelete measures how long it takes to delete a study of 1,000 instances.
func benchDelete(ctx context.Context, opt *options) error {
	const title = "DELETE of a study of 1,000 instances of 36 kB, ms"
	return restRounds(ctx, opt, []string{title}, func(ctx context.Context, s *server) (figures, error) {
		list, err := upload(ctx, s.base(), 1000, series(phantom.SideFor(36_000)))
		if err != nil {
			return nil, err
		}
		took, err := medianTime(1, func() error {
			return ask(ctx, http.MethodDelete, s.base()+"/studies/"+list[0].ParentStudy, nil, nil)
		})
		return figures{title: took}, err
	})
}
