package rest

import "slices"

// routes is the table of everything the API answers to.
func routes() []Route {
	return slices.Concat(
		systemRoutes(),
		metricsRoutes(),
		resourceRoutes(),
		metadataRoutes(),
		attachmentRoutes(),
		labelRoutes(),
		protectedRoutes(),
		changeRoutes(),
		findRoutes(),
		instanceRoutes(),
		tagRoutes(),
		contentRoutes(),
		moduleRoutes(),
		fileRoutes(),
		modalityRoutes(),
		commitmentRoutes(),
		outgoingRoutes(),
		archiveRoutes(),
		jobRoutes(),
		toolRoutes(),
		logLevelRoutes(),
		scriptRoutes(),
		frameRoutes(),
		imageRoutes(),
		arrayRoutes(),
		openAPIRoutes(),
		faultRoutes(),
	)
}
