package rest

import "slices"

// routes is the table of everything the API answers to.
func routes() []Route {
	return slices.Concat(
		systemRoutes(),
		metricsRoutes(),
		resourceRoutes(),
		instanceRoutes(),
		tagRoutes(),
		contentRoutes(),
		modalityRoutes(),
		commitmentRoutes(),
		outgoingRoutes(),
		archiveRoutes(),
		jobRoutes(),
		faultRoutes(),
	)
}
