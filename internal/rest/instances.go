package rest

import (
	"net"
	"net/http"

	"gantry/internal/storage/index"
)

// instanceRoutes are the routes that only instances have.
func instanceRoutes() []Route {
	return []Route{
		{http.MethodPost, "/instances", "Store a DICOM file, the files of a ZIP file, or those of a form; Content-Encoding gzip and deflate are undone", uploadInstance},
		{http.MethodPost, "/instances/{id}/export", "Refused: no route writes to the server's files",
			func(*Server, *Call) error { return &emptyAnswer{http.StatusForbidden} }},
	}
}

// origin says who sent this request, for the metadata of what it stores.
func (c *Call) origin() index.Origin {
	host, _, err := net.SplitHostPort(c.Request.RemoteAddr)
	if err != nil {
		host = c.Request.RemoteAddr
	}
	return index.Origin{Source: "RestApi", RemoteIP: host, HttpUsername: c.user}
}
