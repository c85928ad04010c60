package proxy

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/wechattest"
	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// inSteps is a script that sends step after step, each when the test lets it.
type inSteps struct {
	steps []string
	next  chan struct{}
	ended chan error // why it could send no more; nil when it has sent all
}

func newSteps(steps ...string) *inSteps {
	return &inSteps{steps, make(chan struct{}, len(steps)), make(chan error, 10)}
}

func (s *inSteps) script(conn net.Conn, _ string) bool {
	for i, step := range s.steps {
		if i > 0 {
			<-s.next
		}
		if _, err := io.WriteString(conn, step); err != nil {
			s.ended <- err
			return false
		}
	}
	s.ended <- nil
	return false
}

// What has come is passed on at once: the header before the body, and a byte
// before the next one.
func TestAnswerIsPassedOnAsItComes(t *testing.T) {
	t.Parallel()
	long := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 3+errcode.MaxRefusal)
	rows := []struct {
		name  string
		steps []string
		want  []string // of the body, after each step
	}{
		{"a long one", []string{long, "{", "a", "b", strings.Repeat("x", errcode.MaxRefusal)}, []string{"", "{", "a", "b", strings.Repeat("x", errcode.MaxRefusal)}},
		{"a few bytes that are no JSON", []string{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na", "b", "c"}, []string{"a", "b", "c"}},
		{"parts", []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\xff\r\n", "1\r\nb\r\n", "1\r\nc\r\n", "0\r\n\r\n"},
			[]string{"1\r\n\xff\r\n", "1\r\nb\r\n", "1\r\nc\r\n", "0\r\n\r\n"}},
		{"up to the end", []string{"HTTP/1.1 200 OK\r\n\r\na", "b"}, []string{"1\r\na\r\n", "1\r\nb\r\n"}},
		{"another success", []string{"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\n", "{", "}", " "}, []string{"", "{", "}", " "}},
		{"JSON that is too long to refuse a token",
			[]string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1001\r\n{" + strings.Repeat(" ", errcode.MaxRefusal) + "\r\n", "1\r\n}\r\n", "0\r\n\r\n"},
			[]string{"1001\r\n{" + strings.Repeat(" ", errcode.MaxRefusal) + "\r\n", "1\r\n}\r\n", "0\r\n\r\n"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			steps := newSteps(row.steps...)
			c := through(t, rawtest.StartRaw(t, steps.script)).dial(t)
			c.Send(rawtest.Get("/p"))
			head, err := rawtest.ReadHead(c.R)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range row.want {
				if i > 0 {
					steps.next <- struct{}{}
				}
				got := make([]byte, len(want))
				if _, err := io.ReadFull(c.R, got); err != nil || string(got) != want {
					t.Fatalf("step %d: got %.100q, %v; want %.100q (the header was %q)", i, got, err, want, head)
				}
			}
		})
	}
}

func TestRefusalIsFoundHoweverItComes(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte(rawtest.RefusedBody))
	z.Close()
	padded := rawtest.RefusedBody[:len(rawtest.RefusedBody)-1] + strings.Repeat(" ", errcode.MaxRefusal-len(rawtest.RefusedBody)) + "}"
	part := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(body), body) }
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	rows := []struct {
		name     string
		steps    []string
		attempts string
	}{
		{"in one", []string{rawtest.Answered(rawtest.RefusedBody)}, "2"},
		{"in pieces", []string{"HTTP/1.1 200 OK\r\nContent-Length: " + fmt.Sprint(len(rawtest.RefusedBody)) + "\r\n\r\n", rawtest.RefusedBody[:1], rawtest.RefusedBody[1:20], rawtest.RefusedBody[20:]}, "2"},
		{"in parts", []string{chunked + "\r\n", part(" \r\n"), part(rawtest.RefusedBody[:9]), part(rawtest.RefusedBody[9:]), "0\r\n\r\n"}, "2"},
		{"up to the end", []string{"HTTP/1.1 200 OK\r\n\r\n", rawtest.RefusedBody[:9], rawtest.RefusedBody[9:]}, "2"},
		{"packed", []string{"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + fmt.Sprint(zipped.Len()) + "\r\n\r\n", zipped.String()}, "2"},
		{"packed, in parts", []string{chunked + "Content-Encoding: gzip\r\n\r\n", part(zipped.String()), "0\r\n\r\n"}, "2"},
		{"as long as can be", []string{rawtest.Answered(padded)}, "2"},
		{"as long as can be, in parts", []string{chunked + "\r\n" + part(padded), "0\r\n\r\n"}, "2"},
		{"one byte too long, in parts", []string{chunked + "\r\n" + part(" "+padded), "0\r\n\r\n"}, "1"},
		{"one byte too long", []string{rawtest.Answered(" " + padded)}, "1"},
		{"with another status", []string{strings.Replace(rawtest.Answered(rawtest.RefusedBody), "200 OK", "201 Created", 1)}, "1"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			first := true
			w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
				if !first {
					io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
					return true
				}
				first = false
				for _, step := range row.steps {
					io.WriteString(conn, step)
					time.Sleep(2 * time.Millisecond)
				}
				return row.name != "up to the end"
			})
			s := serve(t, config(hostsAt(t, nil, w.URL), shopWith(&fixedTokens{token: "old", replacement: "new"})...), defaultLimits)
			a := s.dial(t).Call(post("/p", "{}"))
			if got := a.Field("Wxproxy-Attempts"); got != row.attempts || row.attempts == "2" && a.Body != rawtest.OKBody {
				t.Errorf("got %s attempts and %.60q; want %s", got, a.Body, row.attempts)
			}
		})
	}
}

// A body that WeChat cuts is cut for the caller: neither complete nor pending.
func TestAnswerThatIsCutIsCutForTheCaller(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, answer string }{
		{"with a length", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 50_000)},
		{"with a length, before its first byte", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"},
		{"with an absurd length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999\r\n\r\nx"},
		{"in a part", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n9\r\nx"},
		{"between parts", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"},
		{"before the trailer's end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-T"},
		{"by a part that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzz\r\n"},
	}
	for _, stalls := range []bool{false, true} {
		for _, row := range rows {
			t.Run(fmt.Sprintf("%s, stalls: %v", row.name, stalls), func(t *testing.T) {
				t.Parallel()
				w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
					io.WriteString(conn, row.answer)
					return stalls
				})
				h := hostsAt(t, func(c *upstream.HostsConfig) { c.Timeout = time.Second }, w.URL)
				s := serve(t, config(h), defaultLimits)
				c := s.dial(t)
				c.Send(rawtest.Get("/p"))
				head, err := rawtest.ReadHead(c.R)
				if err != nil || !strings.HasPrefix(head, "HTTP/1.1 200 ") {
					t.Fatalf("got %q, %v; want the header", head, err)
				}
				body, err := io.ReadAll(c.R)
				if err != nil || bytes.HasSuffix(body, []byte("0\r\n\r\n")) {
					t.Errorf("got %v behind %d bytes; want the end of the connection", err, len(body))
				}
				rawtest.WaitUntil(t, "the end of the transfer", func() bool { return s.proxy.InFlight() == 0 && inUse(h) == 0 })
			})
		}
	}
}

func TestAnswerOfUnknownLengthHasOneForHTTP10(t *testing.T) {
	t.Parallel()
	body := string(rawtest.Noise(200_000))
	w := rawtest.StartRaw(t, nil)
	w.Script = func(conn net.Conn, request string) bool {
		io.WriteString(conn, fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(body), body))
		if !strings.Contains(request, "/cut") {
			io.WriteString(conn, "0\r\n\r\n")
		}
		return false
	}
	s := through(t, w)
	a := s.dial(t).Call("GET /p HTTP/1.0\r\n\r\n")
	if a.Field("Content-Length") != "200000" || a.Field("Transfer-Encoding") != "" || a.Body != body {
		t.Errorf("got %q and %d bytes; want all 200000 and their number", a.Head, len(a.Body))
	}
	if a := s.dial(t).Call("GET /cut HTTP/1.0\r\n\r\n"); a.Status() != 502 {
		t.Errorf("one that is cut: got %q; want 502", a.Head)
	}
}

// An answer that is read as a whole, and was cut, is told of in one sentence.
func TestACutAnswerIsToldOfOnce(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ status, request string }{
		"to HTTP/1.0": {"200 OK", "GET /p HTTP/1.0\r\n\r\n"},
		"of an error": {"500 Oops", rawtest.Get("/p")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := string(rawtest.Noise(50_000))
			w := rawtest.StartRaw(t, rawtest.Once(fmt.Sprintf("HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", row.status, len(body), body)))
			journal := new(rawtest.Journal)
			c := config(hostsAt(t, nil, w.URL))
			c.Log = journal.Log()
			s := serve(t, c, defaultLimits)
			if a := s.dial(t).Call(row.request); a.Status() != 502 {
				t.Errorf("got %q; want 502", a.Head)
			}
			if n, log := journal.Lines(upstream.ErrBroken.Error()); n != 1 {
				t.Errorf("got %s; want %q once", log, upstream.ErrBroken)
			}
		})
	}
}

// endless is a script that sends until it cannot.
func endless(sent *counter, why chan error) func(net.Conn, string) bool {
	return func(conn net.Conn, _ string) bool {
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", int64(1)<<40)
		part := make([]byte, 64<<10)
		for {
			n, err := conn.Write(part)
			sent.add(n)
			if err != nil {
				why <- err
				return false
			}
		}
	}
}

type counter struct {
	mu sync.Mutex // guards n
	n  int
}

func (c *counter) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
}

func (c *counter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func TestCallerThatReadsNothingSlowsWeChatDownAndIsLeft(t *testing.T) {
	t.Parallel()
	var sent counter
	why := make(chan error, 1)
	w := rawtest.StartRaw(t, endless(&sent, why))
	h := hostsAt(t, nil, w.URL)
	limits := defaultLimits
	limits.StallTimeout = 2 * time.Second
	s := serve(t, config(h), limits)
	c := s.dial(t)
	c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	c.Send(rawtest.Get("/p"))
	rawtest.WaitUntil(t, "the transfer", func() bool { return sent.get() > 0 })
	if got := s.proxy.InFlight(); got != 1 || inUse(h) != 1 {
		t.Errorf("got %d in flight over %d connections; want 1 over 1", got, inUse(h))
	}
	if err := <-why; err == nil {
		t.Error("got no end of the transfer")
	}
	if got := sent.get(); got > 16<<20 { // what the kernels hold
		t.Errorf("got %d bytes sent to a caller that reads nothing", got)
	}
	rawtest.WaitUntil(t, "the end of the transfer", func() bool { return s.proxy.InFlight() == 0 && inUse(h) == 0 })
}

func TestCallerThatLeavesEndsTheTransfer(t *testing.T) {
	t.Parallel()
	var sent counter
	why := make(chan error, 1)
	w := rawtest.StartRaw(t, endless(&sent, why))
	h := hostsAt(t, nil, w.URL)
	s := serve(t, config(h), defaultLimits)
	c := s.dial(t)
	c.Send(rawtest.Get("/p"))
	if _, err := io.CopyN(io.Discard, c.R, 1<<20); err != nil {
		t.Fatal(err)
	}
	c.Conn.Close()
	if err := <-why; err == nil {
		t.Error("got no end of the transfer")
	}
	rawtest.WaitUntil(t, "the end of the transfer", func() bool { return s.proxy.InFlight() == 0 && inUse(h) == 0 })
}

func TestCallerMayReadSlowly(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(string(rawtest.Noise(1<<20)))))
	limits := defaultLimits
	limits.StallTimeout = time.Second
	c := serve(t, config(hostsAt(t, nil, w.URL)), limits).dial(t)
	c.Conn.(*net.TCPConn).SetReadBuffer(32 << 10)
	c.Send(rawtest.Get("/p"))
	if _, err := rawtest.ReadHead(c.R); err != nil {
		t.Fatal(err)
	}
	for read := 0; read < 1<<20; {
		n, err := io.CopyN(io.Discard, c.R, min(1<<20/12, int64(1<<20-read)))
		if read += int(n); err != nil {
			t.Fatalf("got %v after %d bytes", err, read)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func TestConnectionIsUsedAgainAfterAStream(t *testing.T) {
	t.Parallel()
	long := string(rawtest.Noise(100_000))
	parts := fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nX-T: 1\r\n\r\n", len(long), long)
	for name, row := range map[string]struct {
		answer string
		conns  int
	}{
		"with a length":               {rawtest.Answered(long), 1},
		"in parts":                    {parts, 1},
		"Connection: close":           {strings.Replace(rawtest.Answered(long), "\r\n", "\r\nConnection: close\r\n", 1), 3},
		"with something behind it":    {rawtest.Answered(long) + "x", 3},
		"in parts, with more behind":  {parts + "x", 3},
		"that ends with a connection": {"HTTP/1.1 200 OK\r\n\r\n" + long, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var written atomic.Int64
			w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
				io.WriteString(conn, row.answer)
				written.Add(1)
				return !strings.HasPrefix(row.answer, "HTTP/1.1 200 OK\r\n\r\n")
			})
			h := hostsAt(t, nil, w.URL)
			c := serve(t, config(h), defaultLimits).dial(t)
			for i := range 3 {
				if a := c.Call(rawtest.Get("/p")); a.Body != long {
					t.Fatalf("got %d other bytes; want %d", len(a.Body), len(long))
				}
				rawtest.WaitUntil(t, "the end of the transfer", func() bool { return written.Load() == int64(i+1) && inUse(h) == 0 })
				time.Sleep(5 * time.Millisecond) // what is behind the answer arrives
			}
			if got := w.Connections(); got != row.conns {
				t.Errorf("got %d connections; want %d", got, row.conns)
			}
		})
	}
}

// A refusal that WeChat sends in the middle of an upload is passed on, also if WeChat
// leaves the rest unread.
func TestAnswerInTheMiddleOfAnUploadIsPassedOn(t *testing.T) {
	t.Parallel()
	const early = "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 5\r\n\r\nearly"
	rows := []struct {
		name   string
		answer string
		after  func(conn net.Conn) // what WeChat does then
		status int
	}{
		{"and closes", early, func(net.Conn) {}, 412},
		{"and reads no further", early, func(net.Conn) { time.Sleep(300 * time.Millisecond) }, 412},
		{"and reads on", early, func(c net.Conn) { io.CopyN(io.Discard, c, int64(50_000)) }, 412},
		{"after an interim one", "HTTP/1.1 100 Continue\r\n\r\n" + early, func(net.Conn) {}, 412},
		{"not at all", "", func(net.Conn) {}, 502},
		{"with half a header", "HTTP/1.1 412 Pre", func(net.Conn) {}, 502},
	}
	// What the kernel takes at once is written before anybody can see that it is refused,
	// so that its connection seems to be of use: only what is large is sent twice.
	for size, times := range map[int]int{60_000: 1, 700_000: 1, 8 << 20: 2} {
		for _, row := range rows {
			t.Run(fmt.Sprintf("%s, %d bytes", row.name, size), func(t *testing.T) {
				t.Parallel()
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				var serving sync.WaitGroup
				defer serving.Wait()
				defer ln.Close()
				conns := make(chan struct{}, 10)
				serving.Go(func() {
					for {
						conn, err := ln.Accept()
						if err != nil {
							return
						}
						conns <- struct{}{}
						conn.SetDeadline(time.Now().Add(2 * time.Second))
						conn.Read(make([]byte, 100))
						io.WriteString(conn, row.answer)
						time.Sleep(20 * time.Millisecond)
						row.after(conn)
						conn.Close()
					}
				})
				h := hostsAt(t, func(c *upstream.HostsConfig) { c.Timeout = 2 * time.Second }, "http://"+ln.Addr().String())
				limits := defaultLimits
				limits.MaxBody = 16 << 20
				c := serve(t, config(h), limits).dial(t)
				for i := range times {
					if a := c.Call(post("/p", string(rawtest.Noise(size)))); a.Status() != row.status || row.status == 412 && a.Body != "early" {
						t.Errorf("answer %d: got %q %q; want %d", i+1, a.Head, a.Body, row.status)
					}
				}
				if got := len(conns); got != times {
					t.Errorf("got %d connections; want one for each request", got)
				}
			})
		}
	}
}

func TestStreamOfAnotherUpstreamIsPassedOn(t *testing.T) {
	t.Parallel()
	body := string(rawtest.Noise(1 << 20))
	u := upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		resp.SetBodyStream(strings.NewReader(body), len(body))
		return nil
	})
	if a := serve(t, config(u), defaultLimits).dial(t).Call(rawtest.Get("/p")); a.Body != body {
		t.Errorf("got %d other bytes; want %d", len(a.Body), len(body))
	}
}

// TLS has words of its own on the wire (session tickets), which are no answer.
func TestLargeBodiesPassThroughTLSBothWays(t *testing.T) {
	t.Parallel()
	var conns sync.Map
	server, err := wechattest.New().StartTLS(func(s *http.Server) {
		s.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			conns.Store(r.RemoteAddr, true)
			body, _ := io.ReadAll(r.Body)
			rw.Write(body)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CA)
	h := hostsAt(t, func(c *upstream.HostsConfig) { c.Roots = roots }, server.URL)
	c := serve(t, config(proven(t, h)), defaultLimits).dial(t)
	body := string(rawtest.Noise(100_000))
	for range 5 {
		if a := c.Call(post("/p", body)); a.Body != body {
			t.Fatalf("got %q and %d other bytes; want the %d that were sent", a.Head, len(a.Body), len(body))
		}
	}
	used := 0
	conns.Range(func(any, any) bool { used++; return true })
	if used != 1 {
		t.Errorf("got %d connections for 5 uploads; want 1, used again", used)
	}
}

// Whatever happened, nothing is left of it.
func TestNothingIsLeftOfABrokenTransfer(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("transfers", func(t *testing.T) {
		w := rawtest.StartRaw(t, func(conn net.Conn, request string) bool {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("x", 100_000))
			return false
		})
		h := hostsAt(t, nil, w.URL)
		s := serve(t, config(h), defaultLimits)
		for i := range 30 {
			c := s.dial(t)
			c.Send(post("/p", string(rawtest.Noise(200_000))))
			if i%2 == 0 {
				rawtest.ReadHead(c.R)
			}
			c.Conn.Close()
		}
		rawtest.WaitUntil(t, "the end of all transfers", func() bool { return s.proxy.InFlight() == 0 && inUse(h) == 0 })
		mustShutdown(t, s)
	})
	// fasthttp has one goroutine for the date, and one per server that sleeps for 10 s.
	rawtest.WaitUntil(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= before+2 })
}

// inUse returns how many connections to WeChat have a request.
func inUse(h *upstream.Hosts) int {
	active, _ := h.Connections()
	return active
}
