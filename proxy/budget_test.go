package proxy

import (
	"crypto/tls"
	"crypto/x509"
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
	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/rawtest"
)

// nothingTaken waits until the budget has everything back.
func nothingTaken(t *testing.T, g *body.Budget) {
	t.Helper()
	rawtest.WaitUntil(t, "everything to be given back", func() bool {
		return g.Memory.Taken() == 0 && g.Disk.Taken() == 0 && g.Files.Taken() == 0
	})
}

// Uploads that never end take what there is for them and no more; what is small is
// served meanwhile, and what is large again when they have gone.
func TestHalfSentUploadsLeaveRoomForSmallRequests(t *testing.T) {
	var log rawtest.Journal
	for _, row := range []struct {
		name, dir string
		memory    int64
		disk      int64
		size      int // of an upload, of which three quarters come
	}{
		{"in memory", filepath.Join(t.TempDir(), "missing"), 1 << 20, 0, 400_000},
		{"on the disk", t.TempDir(), 1 << 20, 2 << 20, 400_000},
		{"in memory and on the disk", t.TempDir(), 8 << 20, 8 << 20, body.LongestInMemory},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv("TMPDIR", row.dir)
			c := config(&recorder{answers: []string{rawtest.OKBody}})
			c.Log = slog.New(slog.NewTextHandler(&log, nil))
			s := serve(t, c, defaultLimits)
			g := s.proxy.door.bodies
			g.Memory.Limit, g.Disk.Limit = row.memory, row.disk
			uploads := make([]*rawtest.Caller, 30)
			var refused sync.WaitGroup
			for i := range uploads {
				up := s.dial(t)
				uploads[i] = up
				refused.Go(func() { // some are refused and closed meanwhile
					fmt.Fprintf(up.Conn, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", row.size, rawtest.Noise(row.size/4*3))
				})
			}
			refused.Wait()
			large := post("/p", string(rawtest.Noise(2_500_000)))
			rawtest.WaitUntil(t, "no room", func() bool {
				a := s.dial(t).Call(large)
				return a.Status() == 503 && a.Field("Wxproxy-Error") == "upstream_busy" && a.Field("Retry-After") == "1" &&
					strings.Contains(a.Body, "take all the room")
			})
			if m, d := g.Memory.Taken(), g.Disk.Taken(); m > row.memory || d > row.disk {
				t.Errorf("got %d bytes of memory and %d of the disk; want no more than %d and %d", m, d, row.memory, row.disk)
			}
			const modest = 16 << 10 // what a body may have while larger ones wait
			small := s.dial(t)
			for range 3 {
				if a := small.Call(post("/p", "{}")); a.Status() != 200 {
					t.Errorf("got %q %q; want an answer", a.Head, a.Body)
				}
				small.Send(post("/p", string(rawtest.Noise(modest)))[:5000])
				time.Sleep(5 * time.Millisecond)
				if a := small.Call(post("/p", string(rawtest.Noise(modest)))[5000:]); a.Status() != 200 {
					t.Errorf("in parts: got %q %q; want an answer", a.Head, a.Body)
				}
			}
			for _, up := range uploads {
				up.Conn.Close()
			}
			nothingTaken(t, g)
			if a := s.dial(t).Call(post("/p", string(rawtest.Noise(300_000)))); a.Status() != 200 {
				t.Errorf("afterwards: got %q; want an answer", a.Head)
			}
			nothingTaken(t, g)
		})
	}
	if got := strings.Count(log.String(), "requests are refused: the bodies"); got != 3 {
		t.Errorf("got %d lines about it in %q; want one of each proxy", got, log.String())
	}
}

// A client whose bodies take its share learns that, and so does the log; others have room.
func TestClientThatTakesItsShareOfTheRoomIsNamed(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	var log rawtest.Journal
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	c.Clients = []Client{keyed("busy", "busy-key"), keyed("other", "other-key")}
	s := serve(t, c, defaultLimits)
	g := s.proxy.door.bodies
	g.Memory.Limit = 4 << 20
	upload := func(key string, length int) string {
		return fmt.Sprintf("POST /p HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", key, length, rawtest.Noise(900_000))
	}
	for range 2 {
		s.dial(t).Send(upload("busy-key", 1_000_000)) // which never comes to its end
	}
	rawtest.WaitUntil(t, "the client's uploads", func() bool { return g.Memory.Taken() > 1_800_000 })
	for range 3 {
		a := s.dial(t).Call(upload("busy-key", 900_000))
		if a.Status() != 503 || a.Field("Wxproxy-Error") != "upstream_busy" || !strings.Contains(a.Body, "this client's request bodies under way take all the room") {
			t.Errorf("the client: got %q %q; want to be told that it takes its share", a.Head, a.Body)
		}
	}
	if a := s.dial(t).Call(upload("other-key", 900_000)); a.Status() != 200 {
		t.Errorf("another client: got %q %q; want an answer", a.Head, a.Body)
	}
	lines := log.String()
	if strings.Count(lines, "requests of a client are refused") != 1 || strings.Contains(lines, "requests are refused") ||
		!strings.Contains(lines, " memory_limit=2097152 ") || !strings.Contains(lines, " client=busy") || !strings.Contains(lines, "creating a temporary file") {
		t.Errorf("got %q; want one line that names the client and its share", lines)
	}
}

// The log has the limit that was in force for the body that was refused, and why it had no
// file.
func TestRefusedBodyHasTheLimitInForceInTheLog(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	var log rawtest.Journal
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	s := serve(t, c, defaultLimits)
	s.proxy.door.bodies.Memory.Limit = 1 << 20
	if a := s.dial(t).Call(post("/p", string(rawtest.Noise(900_000)))); a.Status() != 503 || !strings.Contains(a.Body, "take all the room that the proxy has for ones of this size") {
		t.Errorf("got %q %q; want no room for ones of this size", a.Head, a.Body)
	}
	const want = `"requests are refused: the bodies under way take all the room that there is for them" memory=786432 memory_limit=786432 err="creating a temporary file`
	if !strings.Contains(log.String(), want) {
		t.Errorf("got %q; want %q", log.String(), want)
	}
}

// A body under way is a request under way.
func TestBodiesUnderWayCountInMaxInFlight(t *testing.T) {
	t.Parallel()
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	busy := keyed("busy", "busy-key")
	busy.MaxInFlight = 2
	c.Clients = []Client{busy, keyed("other", "other-key")}
	s := serve(t, c, defaultLimits)
	const half = "POST /p HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer busy-key\r\nContent-Length: 40000\r\n\r\nhalf of it"
	first, second := s.dial(t), s.dial(t)
	first.Send(half)
	second.Send(half)
	whole := rawtest.Get("/p", "Authorization: Bearer busy-key")
	rawtest.WaitUntil(t, "a refusal", func() bool { return s.dial(t).Call(whole).Status() == 429 })
	if a := s.dial(t).Call(rawtest.Get("/p", "Authorization: Bearer other-key")); a.Status() != 200 {
		t.Errorf("another client: got %q; want an answer", a.Head)
	}
	first.Conn.Close() // a caller that leaves gives its place back
	rawtest.WaitUntil(t, "a place", func() bool { return s.dial(t).Call(whole).Status() == 200 })
	second.Send(strings.Repeat("x", 40_000-len("half of it")))
	if a, err := rawtest.ReadAnswer(second.R, false); err != nil || a.Status() != 200 {
		t.Errorf("got %q, %v; want an answer", a.Head, err)
	}
	for range 2 * busy.MaxInFlight {
		if a := s.dial(t).Call(whole); a.Status() != 200 {
			t.Errorf("afterwards: got %q; want an answer", a.Head)
		}
	}
}

// An answer without a length, of which HTTP/1.0 wants to know it, takes no more
// than there is room for: beyond, it ends with the connection.
func TestLongAnswerForHTTP10EndsWithTheConnection(t *testing.T) {
	t.Parallel()
	long := rawtest.Noise(maxBuffered + 3<<20)
	w := rawtest.StartRaw(t, nil)
	w.Script = func(conn net.Conn, request string) bool {
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
	for name, room := range map[string]int64{"a little room": body.NewBudget(0).Memory.Limit, "no room": 0} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", name, secure), func(t *testing.T) {
				s, dial := serveMaybeTLS(t, config(hostsAt(t, nil, w.URL)), secure)
				g := s.proxy.door.bodies
				g.Memory.Limit, g.Disk.Limit = room, room
				if room > 0 {
					a := dial().Call("GET /short HTTP/1.0\r\n\r\n")
					if a.Body != string(long[:300_000]) || a.Field("Content-Length") != "300000" {
						t.Errorf("short: got %q and %d bytes; want a length", a.Head, len(a.Body))
					}
				}
				c := dial()
				a := c.Call("GET /p HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
				if a.Body != string(long) || a.Field("Connection") != "close" || a.Field("X-Kept") != "1" || a.Field("Wxproxy-Attempts") != "1" ||
					a.Field("Content-Length") != "" || a.Field("Transfer-Encoding") != "" || !c.Ended() {
					t.Errorf("got %q and %d bytes; want all %d, and the end", a.Head, len(a.Body), len(long))
				}
				c = dial()
				c.Send("GET /cut HTTP/1.0\r\n\r\n")
				if a, err := rawtest.ReadAnswer(c.R, false); err == nil {
					t.Errorf("cut: got %q and %d bytes and a good end; want a broken one", a.Head, len(a.Body))
				}
				nothingTaken(t, g)
			})
		}
	}
}

// serveMaybeTLS serves with TLS or without, and returns how to connect.
func serveMaybeTLS(t *testing.T, c Config, secure bool) (*service, func() *rawtest.Caller) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := front.NewListener(ln)
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
	limits.PlainIO = rawtest.IsPlain()
	s := &service{proxy: p, server: front.NewServer(p.Handler(), limits, c.Log), listener: l, addr: ln.Addr()}
	go s.server.Serve(l)
	t.Cleanup(func() { l.Close() })
	return s, func() *rawtest.Caller {
		called := s.dial(t)
		if secure {
			called.Conn = tls.Client(called.Conn, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
			called.R.Reset(called.Conn)
		}
		return called
	}
}
