package rest

import (
	"errors"
	"net/http"
	"time"

	"gantry/internal/script"
)

// maximumScript is the longest program that is run, in bytes.
const maximumScript = 1 << 20

func scriptRoutes() []Route {
	return []Route{
		{http.MethodPost, "/tools/execute-script", "Run a program in Lua and answer with what it prints (option ExecuteLuaEnabled)", executeScript},
		{http.MethodGet, "/tools/dicom-conformance", "The DICOM conformance statement of this server, as it is configured", conformance},
	}
}

// waitForScript is how long a program waits for the one before it, which may be longer in ending than in being answered.
const waitForScript = 15 * time.Second

// executeScript runs one program at a time. It sees nothing of the server. One that was given up inside a long call of a
// library keeps its place until that call returns: otherwise each such program would take a processor from the server.
func executeScript(s *Server, c *Call) error {
	if !s.Config.ExecuteLuaEnabled {
		return &emptyAnswer{http.StatusForbidden}
	}
	body, err := c.smallBody()
	if err != nil {
		return err
	}
	if len(body) > maximumScript {
		return bodyError(&http.MaxBytesError{Limit: maximumScript})
	}
	ctx := c.Request.Context()
	select {
	case s.scripts <- struct{}{}:
	case <-time.After(waitForScript):
		return &apiError{HTTP: http.StatusServiceUnavailable, Code: statusLua,
			Details: "A script before this one has not ended yet: send this one again later"}
	case <-ctx.Done():
		return ctx.Err()
	}
	out, err := script.Run(ctx, string(body), script.Limits{Ended: func() { <-s.scripts }})
	if s.LuaLogger != nil {
		s.LuaLogger.Info("script", "user", c.user, "remote", c.Request.RemoteAddr, "bytes", len(body), "error", err)
	}
	var own *script.Error
	if errors.As(err, &own) {
		return fail(statusLua, "%s", own.Text)
	}
	if err != nil {
		return err
	}
	return c.text(out)
}
