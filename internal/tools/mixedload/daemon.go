package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"gantry/internal/apiclient"
	"gantry/internal/tools/launch"
)

// peerAET is the AE title under which this program asks for commitment and takes reports.
const peerAET = "MIXEDLOAD"

// daemon is the gantry under load, in one process after the other on the same ports and folder.
type daemon struct {
	opt         *options
	dicom, http int
	callback    int
	api         *apiclient.Client
	log         *os.File
	cmd         *exec.Cmd
	exited      chan struct{}
	pid         atomic.Int64 // 0 while it is down
}

func newDaemon(opt *options, callback int) (*daemon, error) {
	d := &daemon{opt: opt, dicom: launch.FreePort(), http: launch.FreePort(), callback: callback}
	var err error
	if d.log, err = os.Create(filepath.Join(opt.scratch, "log")); err != nil {
		return nil, err
	}
	d.api, err = apiclient.New(apiclient.Config{URL: d.url(), Timeout: time.Minute})
	return d, err
}

func (d *daemon) url() string { return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(d.http)) }

func (d *daemon) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.dicom)) }

// start runs the next process and returns when it is ready.
func (d *daemon) start(ctx context.Context) error {
	d.cmd = exec.Command(d.opt.gantry, "serve", "--storage", filepath.Join(d.opt.scratch, "data"),
		"--dicom-port", strconv.Itoa(d.dicom), "--http-port", strconv.Itoa(d.http),
		"--modality", fmt.Sprintf("load=%s@127.0.0.1:%d", peerAET, d.callback),
		"--modality", fmt.Sprintf("self=GANTRY@127.0.0.1:%d", d.dicom))
	d.cmd.Stderr = d.log
	if err := d.cmd.Start(); err != nil {
		return err
	}
	d.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait()
		close(exited)
	}(d.cmd, d.exited)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if d.ready(ctx) {
			d.pid.Store(int64(d.cmd.Process.Pid))
			return nil
		}
		select {
		case <-d.exited:
			return fmt.Errorf("gantry serve ended by itself; its log is %s", d.log.Name())
		default:
		}
		if !pause(ctx, 10*time.Millisecond) {
			return errors.Join(errors.New("gantry serve is not ready after a minute"), ctx.Err())
		}
	}
}

func (d *daemon) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url()+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// stop ends the process by a signal and waits for its end.
func (d *daemon) stop(how syscall.Signal) {
	d.pid.Store(0)
	_ = d.cmd.Process.Signal(how)
	select {
	case <-d.exited:
	case <-time.After(time.Minute):
		_ = d.cmd.Process.Kill()
		<-d.exited
	}
}
