package proxy

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// What time a request had to come is not what its connection has for the next one.
func TestACallerWhoseRequestCameInPartsIsAskedAgain(t *testing.T) {
	t.Parallel()
	const patience = time.Second
	limits := defaultLimits
	limits.HeaderTimeout, limits.StallTimeout = patience, patience
	u := upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		time.Sleep(2 * patience)
		resp.SetBodyString(rawtest.OKBody)
		return nil
	})
	s := serve(t, config(u), limits)
	unix := serveUnix(t, config(u), limits)
	rows := []struct {
		name  string
		parts []string
	}{
		{"a header in two segments", []string{"GET /p HTTP/1.1\r\nHo", "st: x\r\n\r\n"}},
		{"a header and a body", []string{"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", "body"}},
		{"a body above the buffer", []string{post("/p", string(rawtest.Noise(40_000)))}},
		{"a large body", []string{post("/p", string(rawtest.Noise(400_000)))}},
		{"a body in many parts", []string{"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", "b", "o", "dy"}},
		{"HTTP/1.0", []string{"GET /p HTTP/1.0\r\nConnection: keep-alive\r\n", "\r\n"}},
		{"a refused one with a body", []string{"POST /@nobody/p HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n", strings.Repeat("x", 40_000)}},
	}
	var calling sync.WaitGroup // all at once: they mostly wait
	for _, row := range rows {
		for name, s := range map[string]*service{"TCP": s, "unix": unix} {
			calling.Go(func() {
				if err := askInParts(s.dial(t), row.parts); err != nil {
					t.Errorf("%s, %s: %v", row.name, name, err)
				}
			})
		}
	}
	calling.Wait()
}

// askInParts sends a request in parts, and another one over the same connection.
func askInParts(c *rawtest.Caller, parts []string) error {
	for _, part := range parts {
		if _, err := io.WriteString(c.Conn, part); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Field("Connection") == "close" {
		return fmt.Errorf("got %q, %w; want a connection that stays", a.Head, err)
	}
	time.Sleep(20 * time.Millisecond)
	if _, err := io.WriteString(c.Conn, rawtest.Get("/p")); err != nil {
		return err
	}
	if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Status() != 200 {
		return fmt.Errorf("second request: got %q, %w; want an answer", a.Head, err)
	}
	return nil
}

func serveUnix(t *testing.T, c Config, limits front.Limits) *service {
	t.Helper()
	ln, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, ln, c, limits)
}
