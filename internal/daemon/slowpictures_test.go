package daemon_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Clients that stop reading their pictures keep nobody else from those.
func TestSlowReadersOfPictures(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	noise := make([]byte, 2*1024*2048)
	source := rand.NewChaCha8([32]byte{})
	_, _ = source.Read(noise)
	var stored struct{ ID string }
	s.post("/instances", imageFile(t, "1.2.3.77.9", "1", 1024, 2048, 1, noise, nil), &stored)
	for range 3 {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "GET /instances/%s/image-uint16 HTTP/1.1\r\nHost: localhost\r\n\r\n", stored.ID)
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") { // and not a byte more
			t.Fatalf("%q, %v", line, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/instances/"+stored.ID+"/preview", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("a picture for others: %v", err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK || answer.ContentLength <= 0 {
		t.Errorf("status %d, %d bytes, %v", answer.StatusCode, answer.ContentLength, err)
	}
}
