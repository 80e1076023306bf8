package dul_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gantry/internal/dul"
	"gantry/internal/testkit"
)

// command makes a command set in implicit VR little endian (PS3.7 6.3.1) of
// group 0000 elements in order; uint16 and string values only.
func command(elements ...any) []byte {
	var b []byte
	for i := 0; i < len(elements); i += 2 {
		var value []byte
		switch v := elements[i+1].(type) {
		case int:
			value = binary.LittleEndian.AppendUint16(nil, uint16(v))
		case string:
			value = append([]byte(v), make([]byte, len(v)%2)...)
		}
		b = binary.LittleEndian.AppendUint16(b, 0)
		b = binary.LittleEndian.AppendUint16(b, uint16(elements[i].(int)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
		b = append(b, value...)
	}
	length := binary.LittleEndian.AppendUint32([]byte{0, 0, 0, 0, 4, 0, 0, 0}, uint32(len(b)))
	return append(length, b...)
}

const (
	affectedClass, commandField, messageID, respondedTo = 0x0002, 0x0100, 0x0110, 0x0120
	dataSetType, status                                 = 0x0800, 0x0900
)

func echoRQ() []byte {
	return command(affectedClass, verification, commandField, 0x0030, messageID, 1, dataSetType, 0x0101)
}

func echoRSP(id int) []byte {
	return command(affectedClass, verification, commandField, 0x8030, respondedTo, id, dataSetType, 0x0101, status, 0)
}

// serveEcho answers every message as a C-ECHO until the association ends.
func serveEcho(ctx context.Context, a *dul.Assoc) error {
	for id := 1; ; id++ {
		if _, _, err := message(ctx, a, false); err != nil {
			return err
		}
		if err := a.WriteMessage(ctx, 1, echoRSP(id), nil); err != nil {
			return err
		}
	}
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", filepath.Base(program), args, err, out)
	}
	return string(out)
}

// storescp starts DCMTK's storescp, waits until it takes connections, and
// gives its address.
func storescp(t *testing.T, args ...string) string {
	t.Helper()
	program := testkit.Program(t, "storescp")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	_ = ln.Close()
	cmd := exec.CommandContext(t.Context(), program, append(append([]string{"-od", t.TempDir()}, args...), port)...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for t.Context().Err() == nil {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			break
		}
	}
	return addr
}

func TestEchoscuCalls(t *testing.T) {
	t.Parallel()
	echoscuCalls(t, policy(), "--repeat", "3")
}

// echoscuCalls has DCMTK's echoscu call an acceptor that answers.
func echoscuCalls(t *testing.T, pol dul.Policy, options ...string) {
	t.Helper()
	echoscu := testkit.Program(t, "echoscu")
	addr, associations := listen(t, pol)
	done := make(chan error, 1)
	go func() {
		got := <-associations
		if got.err != nil {
			done <- got.err
			return
		}
		done <- serveEcho(t.Context(), got.Assoc)
	}()
	host, port, _ := net.SplitHostPort(addr)
	run(t, echoscu, append(options, host, port)...)
	if err := <-done; !errors.Is(err, io.EOF) {
		t.Errorf("association ended with %v", err)
	}
}

func TestEchoToStorescp(t *testing.T) {
	t.Parallel()
	addr := storescp(t)
	a, err := dul.Dial(t.Context(), addr, config())
	if err != nil {
		t.Fatal(err)
	}
	echo(t, a)
}

// echo asks for a C-ECHO and for the release.
func echo(t *testing.T, a *dul.Assoc) {
	t.Helper()
	if err := a.WriteMessage(t.Context(), 1, echoRQ(), nil); err != nil {
		t.Fatal(err)
	}
	answer, _, err := message(t.Context(), a, false)
	if err != nil || !bytes.Contains(answer, []byte{0, 0, 0, 1, 2, 0, 0, 0, 0x30, 0x80}) {
		t.Errorf("answer % X: %v", answer, err)
	}
	if err := a.Release(t.Context()); err != nil {
		t.Errorf("release: %v", err)
	}
}
