// Package apiclient is a small client of the REST API of a running daemon.
package apiclient
