package rest

import "slices"

// routes is the table of everything the API answers to.
func routes() []Route {
	return slices.Concat(
		systemRoutes(),
		resourceRoutes(),
		instanceRoutes(),
		modalityRoutes(),
		commitmentRoutes(),
		jobRoutes(),
	)
}
