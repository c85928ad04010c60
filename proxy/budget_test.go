package proxy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// nothingTaken waits until the budget has everything back.
func nothingTaken(t *testing.T, g *budget) {
	t.Helper()
	waitUntil(t, "everything to be given back", func() bool {
		return g.memory.used.Load() == 0 && g.disk.used.Load() == 0 && g.files.used.Load() == 0
	})
}

// The pieces of a body may be in a file and in memory, as the bounds have it. It is
// the same body wherever it is.
func TestBodyIsTheSameWhereverThereIsRoomForIt(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, firstMemory, modestBody, modestBody + 1, memorySize, memorySize + 1, 300_000, 1 << 20} {
		for _, memory := range []int64{0, firstMemory, modestBody, memorySize, 4 * memorySize, 8 << 20} {
			for _, disk := range []int64{0, firstMemory, 100_000, 8 << 20} {
				for _, files := range []int64{0, 1} {
					g := newBudget(0)
					g.memory.limit, g.disk.limit, g.files.limit = memory, disk, files
					b, want := Body{budget: g}, noise(size)
					err := b.fill(bytes.NewReader(want), 2<<20)
					where := fmt.Sprintf("%d bytes, %d of memory, %d of the disk, %d files", size, memory, disk, files)
					if got, _ := io.ReadAll(b.Reader()); err == nil && !bytes.Equal(got, want) || err != nil && !bytes.HasPrefix(want, got) {
						t.Errorf("%s: got %d other bytes; want what came", where, len(got))
					}
					need := int64(size) + 2*memorySize
					enough := memory/4*3 >= need || files > 0 && memory >= firstMemory && disk/4*3 >= need
					if err != nil && (!errors.Is(err, errNoRoom) || enough) {
						t.Errorf("%s: got %v; want the body", where, err)
					}
					if m, d := g.memory.used.Load(), g.disk.used.Load(); m > memory || d > disk || m+d < b.Len() {
						t.Errorf("%s: got %d and %d bytes taken; want no more", where, m, d)
					}
					b.release()
					if m, d, f := g.memory.used.Load(), g.disk.used.Load(), g.files.used.Load(); m != 0 || d != 0 || f != 0 {
						t.Errorf("%s: got %d and %d bytes and %d files after the release; want none", where, m, d, f)
					}
				}
			}
		}
	}
}

func TestMemoryLimitBoundsTheBudget(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int64][2]int64{
		0: {bodyMemory, bodyDisk}, 1: {leastBodyMemory, leastBodyMemory}, 128 << 20: {16 << 20, 16 << 20},
		1 << 30: {bodyMemory, 128 << 20}, 1 << 40: {bodyMemory, bodyDisk},
	} {
		if g := newBudget(limit); g.memory.limit != want[0] || g.diskInMemory != want[1] {
			t.Errorf("limit %d: got %d, %d; want %d", limit, g.memory.limit, g.diskInMemory, want)
		}
	}
}

// Uploads that never end take what there is for them and no more; what is small is
// served meanwhile, and what is large again when they have gone.
func TestHalfSentUploadsLeaveRoomForSmallRequests(t *testing.T) {
	var log lockedBuffer
	for _, row := range []struct {
		name, dir string
		memory    int64
		disk      int64
	}{
		{"in memory", filepath.Join(t.TempDir(), "missing"), 1 << 20, 0},
		{"on the disk", t.TempDir(), 1 << 20, 2 << 20},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv("TMPDIR", row.dir)
			c := config(&recorder{answers: []string{okBody}})
			c.Log = slog.New(slog.NewTextHandler(&log, nil))
			s := serve(t, c, defaultLimits)
			g := s.proxy.door.bodies
			g.memory.limit, g.disk.limit = row.memory, row.disk
			uploads := make([]*caller, 30)
			var refused sync.WaitGroup
			for i := range uploads {
				up := s.dial(t)
				uploads[i] = up
				refused.Go(func() { // some are refused and closed meanwhile
					fmt.Fprintf(up.conn, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n%s", noise(300_000))
				})
			}
			refused.Wait()
			large := post("/p", string(noise(2_500_000)))
			waitUntil(t, "no room", func() bool {
				a := s.dial(t).call(large)
				return a.status() == 503 && a.field("Wxproxy-Error") == "upstream_busy" && a.field("Retry-After") == "1" &&
					strings.Contains(a.body, "take all the room")
			})
			if m, d := g.memory.used.Load(), g.disk.used.Load(); m > row.memory || d > row.disk {
				t.Errorf("got %d bytes of memory and %d of the disk; want no more than %d and %d", m, d, row.memory, row.disk)
			}
			small := s.dial(t)
			for range 3 {
				if a := small.call(post("/p", "{}")); a.status() != 200 {
					t.Errorf("got %q %q; want an answer", a.head, a.body)
				}
				small.send(post("/p", string(noise(modestBody)))[:5000])
				time.Sleep(5 * time.Millisecond)
				if a := small.call(post("/p", string(noise(modestBody)))[5000:]); a.status() != 200 {
					t.Errorf("in parts: got %q %q; want an answer", a.head, a.body)
				}
			}
			for _, up := range uploads {
				up.conn.Close()
			}
			nothingTaken(t, g)
			if a := s.dial(t).call(post("/p", string(noise(300_000)))); a.status() != 200 {
				t.Errorf("afterwards: got %q; want an answer", a.head)
			}
			nothingTaken(t, g)
		})
	}
	if got := strings.Count(log.String(), "requests are refused: the bodies"); got != 2 {
		t.Errorf("got %d lines about it in %q; want one of each proxy", got, log.String())
	}
}

// lockedBuffer is a buffer that several may write to.
type lockedBuffer struct {
	mu     sync.Mutex // guards buffer
	buffer bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// A body under way is a request under way.
func TestBodiesUnderWayCountInMaxInFlight(t *testing.T) {
	t.Parallel()
	c := config(&recorder{answers: []string{okBody}})
	busy := keyed("busy", "busy-key")
	busy.MaxInFlight = 2
	c.Clients = []Client{busy, keyed("other", "other-key")}
	s := serve(t, c, defaultLimits)
	const half = "POST /p HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer busy-key\r\nContent-Length: 40000\r\n\r\nhalf of it"
	first, second := s.dial(t), s.dial(t)
	first.send(half)
	second.send(half)
	whole := get("/p", "Authorization: Bearer busy-key")
	waitUntil(t, "a refusal", func() bool { return s.dial(t).call(whole).status() == 429 })
	if a := s.dial(t).call(get("/p", "Authorization: Bearer other-key")); a.status() != 200 {
		t.Errorf("another client: got %q; want an answer", a.head)
	}
	first.conn.Close() // who gives up gives the place back
	waitUntil(t, "a place", func() bool { return s.dial(t).call(whole).status() == 200 })
	second.send(strings.Repeat("x", 40_000-len("half of it")))
	if a, err := readAnswer(second.r, false); err != nil || a.status() != 200 {
		t.Errorf("got %q, %v; want an answer", a.head, err)
	}
	for range 2 * busy.MaxInFlight {
		if a := s.dial(t).call(whole); a.status() != 200 {
			t.Errorf("afterwards: got %q; want an answer", a.head)
		}
	}
}

// An answer without a length, of which HTTP/1.0 wants to know it, takes no more
// than there is room for: beyond, it ends with the connection.
func TestLongAnswerForHTTP10EndsWithTheConnection(t *testing.T) {
	t.Parallel()
	long := noise(maxLearned + 3<<20)
	w := startRaw(t, nil)
	w.script = func(conn net.Conn, request string) bool {
		body := long
		if strings.Contains(request, "/short") {
			body = long[:300_000]
		}
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nX-Kept: 1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(body), body)
		if strings.Contains(request, "/cut") {
			return false
		}
		io.WriteString(conn, "0\r\n\r\n")
		return true
	}
	for name, room := range map[string]int64{"a little room": bodyMemory, "no room": 0} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", name, secure), func(t *testing.T) {
				s, dial := serveMaybeTLS(t, config(hostsAt(t, nil, w.url)), secure)
				g := s.proxy.door.bodies
				g.memory.limit, g.disk.limit = room, room
				if room > 0 {
					a := dial().call("GET /short HTTP/1.0\r\n\r\n")
					if a.body != string(long[:300_000]) || a.field("Content-Length") != "300000" {
						t.Errorf("short: got %q and %d bytes; want a length", a.head, len(a.body))
					}
				}
				c := dial()
				a := c.call("GET /p HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
				if a.body != string(long) || a.field("Connection") != "close" || a.field("X-Kept") != "1" || a.field("Wxproxy-Attempts") != "1" ||
					a.field("Content-Length") != "" || a.field("Transfer-Encoding") != "" || !c.ended() {
					t.Errorf("got %q and %d bytes; want all %d, and the end", a.head, len(a.body), len(long))
				}
				c = dial()
				c.send("GET /cut HTTP/1.0\r\n\r\n")
				if a, err := readAnswer(c.r, false); err == nil {
					t.Errorf("cut: got %q and %d bytes and a good end; want a broken one", a.head, len(a.body))
				}
				nothingTaken(t, g)
			})
		}
	}
}

// serveMaybeTLS serves with TLS or without, and returns how to connect.
func serveMaybeTLS(t *testing.T, c Config, secure bool) (*service, func() *caller) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if secure {
		certificate, ca, err := wechattest.NewCertificate()
		if err != nil {
			t.Fatal(err)
		}
		roots.AppendCertsFromPEM(ca)
		l.TLS = func() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{certificate}} }
	}
	p := New(c)
	limits := defaultLimits
	limits.PlainIO = isPlain()
	s := &service{proxy: p, server: NewServer(p.Handler(), limits, c.Log), listener: l, addr: ln.Addr()}
	go s.server.Serve(l)
	t.Cleanup(func() { l.Close() })
	return s, func() *caller {
		called := s.dial(t)
		if secure {
			called.conn = tls.Client(called.conn, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
			called.r.Reset(called.conn)
		}
		return called
	}
}
