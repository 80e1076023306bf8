package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"gantry/internal/tools/launch"
)

// peer is one kind of server under measurement.
type peer struct {
	name  string
	start func(ctx context.Context, opt *options, dir string) (*server, error)
}

func peers(opt *options) []peer {
	list := []peer{{"gantry", startGantry}}
	if _, err := exec.LookPath(opt.orthanc); err == nil {
		list = append(list, peer{"orthanc", startOrthanc})
	} else {
		fmt.Printf("(no Orthanc: %v)\n", err)
	}
	if _, err := exec.LookPath(opt.storescp); err == nil {
		list = append(list, peer{"storescp", startStorescp})
	} else {
		fmt.Printf("(no storescp: %v)\n", err)
	}
	return list
}

// server is a running peer.
type server struct {
	cmd        *exec.Cmd
	dicom      int
	http       int
	data       string        // folder with what it stores
	readyAfter time.Duration // from the start of the process to the first connection it took
}

// callbackAET and callbackPort are where the servers send commitment reports to.
const callbackAET = "PEERBENCH"

func startGantry(ctx context.Context, opt *options, dir string) (*server, error) {
	s := &server{dicom: launch.FreePort(), http: launch.FreePort(), data: filepath.Join(dir, "data")}
	callback := launch.FreePort()
	_ = os.WriteFile(filepath.Join(dir, "callback"), []byte(strconv.Itoa(callback)), 0o644)
	file := filepath.Join(dir, "gantry.json")
	if err := os.WriteFile(file, []byte("{"+opt.settings+"}"), 0o644); err != nil {
		return nil, err
	}
	return s, s.launch(ctx, opt.gantry, "serve", file, "--storage", s.data,
		"--dicom-port", strconv.Itoa(s.dicom), "--http-port", strconv.Itoa(s.http),
		"--modality", fmt.Sprintf("bench=%s@127.0.0.1:%d", callbackAET, callback))
}

func startOrthanc(ctx context.Context, opt *options, dir string) (*server, error) {
	s := &server{dicom: launch.FreePort(), http: launch.FreePort(), data: filepath.Join(dir, "data")}
	callback := launch.FreePort()
	_ = os.WriteFile(filepath.Join(dir, "callback"), []byte(strconv.Itoa(callback)), 0o644)
	config := fmt.Sprintf(`{"StorageDirectory":%q,"DicomPort":%d,"HttpPort":%d,"DicomModalities":{"bench":[%q,"127.0.0.1",%d]}`,
		s.data, s.dicom, s.http, callbackAET, callback)
	if opt.settings != "" {
		config += "," + opt.settings
	}
	config += "}"
	file := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	return s, s.launch(ctx, opt.orthanc, file)
}

func startStorescp(ctx context.Context, opt *options, dir string) (*server, error) {
	s := &server{dicom: launch.FreePort()}
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	return s, s.launch(ctx, opt.storescp, "--fork", "-od", data, strconv.Itoa(s.dicom))
}

// launch starts the process and waits until its DICOM port takes a connection.
func (s *server) launch(ctx context.Context, name string, args ...string) error {
	s.cmd = exec.Command(name, args...)
	s.cmd.Env = append(os.Environ(), "TCP_NODELAY=1")
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", s.address())
		if err == nil {
			s.readyAfter = time.Since(began)
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			s.stop()
			return fmt.Errorf("%s did not open its port: %w", name, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

func (s *server) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.dicom)) }

// stop ends the process: politely first.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-done
	}
}

func firstOf(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return names[len(names)-1]
}
