package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Uploads that hardly go on, of one client, leave the others what they need: with
// files nothing is refused for lack of memory, and without them the client alone is.
func TestOneClientsSlowUploadsStopNobodyElse(t *testing.T) {
	for name, dir := range map[string]string{"files": t.TempDir(), "no files": filepath.Join(t.TempDir(), "missing")} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", dir)
			c := config(&recorder{answers: []string{okBody}})
			c.Clients = []Client{keyed("busy", "busy-key"), keyed("other", "other-key")}
			limits := defaultLimits
			limits.MaxBody = 24 << 20
			s := serve(t, c, limits)
			g := s.proxy.door.bodies
			g.memory.limit = 1 << 20
			const key = "\r\nAuthorization: Bearer %s"
			head := fmt.Sprintf("POST /p HTTP/1.1\r\nHost: x"+key+"\r\nContent-Length: 14000000\r\n\r\n", "busy-key")
			for range 80 {
				s.dial(t).send(head + string(noise(60_000)))
			}
			waitUntil(t, "the bodies", func() bool {
				return g.memory.used.Load()+g.disk.used.Load() > 40*60_000 || g.memory.used.Load() >= g.memory.limit/16*7 && name == "no files"
			})
			ask := func(size int, who string) answer {
				a := s.dial(t).call(strings.Replace(post("/p", string(noise(size))), "\r\n", fmt.Sprintf(key+"\r\n", who), 1))
				return a
			}
			for _, size := range []int{100, 20_000, memorySize} {
				if a := ask(size, "other-key"); a.status() != 200 {
					t.Errorf("%d bytes: got %q %s; want an answer", size, a.head, a.body)
				}
			}
			if a := ask(300_000, "busy-key"); name == "files" && a.status() != 200 {
				t.Errorf("with files: got %q %s; want an answer", a.head, a.body)
			}
		})
	}
}

// A body may stop for a while, but has to come to its end.
func TestBodyHasABoundAsAWhole(t *testing.T) {
	t.Parallel()
	limits := defaultLimits
	limits.BodyGrace = 300 * time.Millisecond
	s := serve(t, config(&recorder{answers: []string{okBody}}), limits)
	for _, head := range []string{"Content-Length: 100000\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n186a0\r\nx"} {
		c := s.dial(t)
		c.send("POST /p HTTP/1.1\r\nHost: x\r\n" + head)
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				if _, err := io.WriteString(c.conn, "x"); err != nil {
					return
				}
			}
		}()
		a, err := readAnswer(c.r, false)
		if err != nil || a.status() != 400 || !strings.Contains(a.body, "the body did not arrive in time") || !c.ended() {
			t.Errorf("%q: got %q %s, %v; want 400 and the end", head, a.head, a.body, err)
		}
	}
	c := s.dial(t)
	c.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n")
	for range 10 {
		c.send(string(noise(4000)))
		time.Sleep(60 * time.Millisecond)
	}
	if a, err := readAnswer(c.r, false); err != nil || a.status() != 200 {
		t.Errorf("got %q %s, %v; want an answer to a body that is long and comes steadily", a.head, a.body, err)
	}
}

// pausing sends start and then a byte every so often.
type pausing struct{ start []byte }

func (p *pausing) Read(b []byte) (int, error) {
	if n := copy(b, p.start); n > 0 {
		p.start = p.start[n:]
		return n, nil
	}
	time.Sleep(1500 * time.Millisecond)
	b[0] = 'x'
	return 1, nil
}

// Whose body takes memory that others need has to hurry; nobody else.
func TestSlowBodiesMakeRoomWhereMemoryIsScarce(t *testing.T) {
	for _, row := range []struct {
		name        string
		start, used int
		slow        bool
	}{
		{"scarce", 60_000, bodyMemory / 2, true},
		{"plenty", 60_000, 0, false},
		{"a little", 9_000, bodyMemory / 2, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newBudget(0)
			g.files.limit = 0
			g.memory.used.Store(int64(row.used))
			b, began := Body{budget: g}, time.Now()
			err := b.fill(io.MultiReader(&pausing{noise(row.start)}, bytes.NewReader(nil)), int64(row.start)+20)
			if got := errors.Is(err, errSlow); got != row.slow || !row.slow && !errors.Is(err, errBodyTooLarge) {
				t.Errorf("%s: got %v after %v; want it to end: %v", row.name, err, time.Since(began), row.slow)
			}
		})
	}
}
