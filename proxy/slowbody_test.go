package proxy

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/rawtest"
)

// Uploads that hardly go on, of one client, leave the others what they need: with
// files nothing is refused for lack of memory, and without them the client alone is.
func TestOneClientsSlowUploadsStopNobodyElse(t *testing.T) {
	for name, dir := range map[string]string{"files": t.TempDir(), "no files": filepath.Join(t.TempDir(), "missing")} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", dir)
			c := config(&recorder{answers: []string{rawtest.OKBody}})
			c.Clients = []Client{keyed("busy", "busy-key"), keyed("other", "other-key")}
			limits := defaultLimits
			limits.MaxBody = 24 << 20
			s := serve(t, c, limits)
			g := s.proxy.door.bodies
			g.Memory.Limit = 1 << 20
			const key = "\r\nAuthorization: Bearer %s"
			head := fmt.Sprintf("POST /p HTTP/1.1\r\nHost: x"+key+"\r\nContent-Length: 14000000\r\n\r\n", "busy-key")
			for range 80 {
				s.dial(t).Send(head + string(rawtest.Noise(60_000)))
			}
			rawtest.WaitUntil(t, "the bodies", func() bool {
				return g.Memory.Taken()+g.Disk.Taken() > 40*60_000 || g.Memory.Taken() >= g.Memory.Limit/16*7 && name == "no files"
			})
			ask := func(size int, who string) rawtest.Answer {
				a := s.dial(t).Call(strings.Replace(post("/p", string(rawtest.Noise(size))), "\r\n", fmt.Sprintf(key+"\r\n", who), 1))
				return a
			}
			for _, size := range []int{100, 20_000, body.MemorySize} {
				if a := ask(size, "other-key"); a.Status() != 200 {
					t.Errorf("%d bytes: got %q %s; want an answer", size, a.Head, a.Body)
				}
			}
			if a := ask(300_000, "busy-key"); name == "files" && a.Status() != 200 {
				t.Errorf("with files: got %q %s; want an answer", a.Head, a.Body)
			}
		})
	}
}

// A body may stop for a while, but has to come to its end.
func TestBodyHasABoundAsAWhole(t *testing.T) {
	t.Parallel()
	limits := defaultLimits
	limits.BodyGrace = 300 * time.Millisecond
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), limits)
	for _, head := range []string{"Content-Length: 100000\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n186a0\r\nx"} {
		c := s.dial(t)
		c.Send("POST /p HTTP/1.1\r\nHost: x\r\n" + head)
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				if _, err := io.WriteString(c.Conn, "x"); err != nil {
					return
				}
			}
		}()
		a, err := rawtest.ReadAnswer(c.R, false)
		if err != nil || a.Status() != 400 || !strings.Contains(a.Body, "the body did not arrive in time") || !c.Ended() {
			t.Errorf("%q: got %q %s, %v; want 400 and the end", head, a.Head, a.Body, err)
		}
	}
	c := s.dial(t)
	c.Send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n")
	for range 10 {
		c.Send(string(rawtest.Noise(4000)))
		time.Sleep(60 * time.Millisecond)
	}
	if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Status() != 200 {
		t.Errorf("got %q %s, %v; want an answer to a body that is long and comes steadily", a.Head, a.Body, err)
	}
}
