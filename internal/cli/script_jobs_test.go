package cli_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

func scriptHung(ts *testscript.TestScript, _ bool, args []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	var held []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			held = append(held, conn)
		}
	}()
	ts.Defer(func() {
		_ = ln.Close()
		<-done
		for _, conn := range held {
			_ = conn.Close()
		}
	})
	ts.Setenv(args[0], ln.Addr().String())
}

func scriptJob(ts *testscript.TestScript, _ bool, args []string) {
	name, url, modality := args[0], args[1], args[2]
	var instances []string
	answer, err := http.Get(url + "/instances")
	ts.Check(err)
	ts.Check(json.NewDecoder(answer.Body).Decode(&instances))
	ts.Check(answer.Body.Close())
	body := fmt.Sprintf(`{"Resources": [%q], "Asynchronous": true}`, instances[0])
	answer, err = http.Post(url+"/modalities/"+modality+"/store", "application/json", strings.NewReader(body))
	ts.Check(err)
	var job struct{ ID string }
	ts.Check(json.NewDecoder(answer.Body).Decode(&job))
	ts.Check(answer.Body.Close())
	ts.Setenv(name, job.ID)
}
