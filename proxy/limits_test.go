package proxy

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/rawtest"
)

func TestHeaderMayHave16KiBAndNoMore(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	s := through(t, w)
	rows := []struct {
		name, field string // the field is filled until the header is as long
		length      int
		want        int
	}{
		{"just under", "A: ", 16<<10 - 1, 200},
		{"just so", "A: ", 16 << 10, 200},
		{"just over", "A: ", 16<<10 + 1, 400},
		{"far over", "A: ", 10 * 16 << 10, 400},
		{"over by what the proxy drops", "Connection: ", 16<<10 + 1, 400},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			raw := rawtest.Get("/p", row.field)
			raw = rawtest.Get("/p", row.field+strings.Repeat("x", row.length-len(raw)))
			c := s.dial(t)
			go io.WriteString(c.Conn, raw) // the proxy may have heard enough before the end
			a, err := rawtest.ReadAnswer(c.R, false)
			if err != nil || a.Status() != row.want {
				t.Fatalf("got %q %q, %v; want %d", a.Head, a.Body, err, row.want)
			}
			if row.want != 200 && rest(c) != "" {
				t.Error("the connection stays open; want it closed")
			}
		})
	}
}

// A caller that sends its header byte by byte is cut when its time is over,
// whatever it sends in between: neither a byte nor an empty line buys more.
func TestHeaderThatTricklesIsCutInTime(t *testing.T) {
	t.Parallel()
	const timeout = 300 * time.Millisecond
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	c := config(hostsAt(t, nil, w.URL))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := front.NewListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	p := New(c)
	limits := defaultLimits
	limits.HeaderTimeout = timeout
	server := front.NewServer(p.Handler(), limits, c.Log)
	s := &service{proxy: p, server: server, listener: l, addr: ln.Addr()}
	go server.Serve(l)
	t.Cleanup(func() { l.Close() })

	rows := []struct{ name, first, trickle string }{
		{"within its target", "", "GET /" + strings.Repeat("x", 1000)},
		{"within a header", "", "GET /p HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 1000)},
		{"in many headers", "GET /p HTTP/1.1\r\nHost: x\r\n", strings.Repeat("A: b\r\n", 200)},
		{"in empty lines", "", strings.Repeat("\r\n", 500)},
		{"behind a request", rawtest.Get("/p"), "GET /p HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 1000)},
		{"behind a request, in the same segment", rawtest.Get("/p") + "GET /p", " HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 1000)},
		{"saying nothing at all", "", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			c := s.dial(t)
			io.WriteString(c.Conn, row.first)
			gone := make(chan struct{})
			go func() {
				io.Copy(io.Discard, c.Conn)
				close(gone)
			}()
			for i := 0; ; i++ {
				select {
				case <-gone:
				case <-time.After(10 * time.Millisecond):
					if i < len(row.trickle) {
						io.WriteString(c.Conn, row.trickle[i:i+1])
					}
					if time.Since(began) < 10*timeout {
						continue
					}
				}
				break
			}
			if took := time.Since(began); took < timeout/2 || took > 5*timeout {
				t.Errorf("the connection was cut after %v; want some %v", took, timeout)
			}
		})
	}
}

func TestHopByHopHeadersEndAtTheProxyInEverySpelling(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		fields []string
		want   []string // what arrives
		closes bool
	}{
		{"named", []string{"Connection: X-Hop", "X-Hop: 1", "X-Stays: 1"}, []string{"X-Stays: 1"}, false},
		{"named behind itself", []string{"X-Hop: 1", "Connection: X-Hop"}, nil, false},
		{"named in other letters", []string{"cONNECTION: x-hOP", "X-HOP: 1", "x-hop: 2"}, nil, false},
		{"named in several lines", []string{"Connection: X-One", "X-One: 1", "X-Two: 2", "connection: X-Two"}, nil, false},
		{"named among empty elements", []string{"Connection: ,, ,\t X-Hop\t ,,", "X-Hop: 1"}, nil, false},
		{"named without a space", []string{"Connection:X-One,X-Two", "X-One: 1", "X-Two: 2"}, nil, false},
		{"named in quotes, which are no name", []string{`Connection: "X-Hop"`, "X-Hop: 1"}, []string{"X-Hop: 1"}, false},
		{"a part of the name", []string{"Connection: X-Ho", "X-Hop: 1"}, []string{"X-Hop: 1"}, false},
		{"Host", []string{"Connection: Host"}, nil, false},
		{"Content-Length", []string{"Connection: Content-Length"}, nil, false},
		{"Authorization", []string{"Connection: Authorization", "Authorization: Bearer x"}, nil, false},
		{"the account", []string{"Connection: Wxproxy-Account", "Wxproxy-Account: shop"}, nil, false},
		{"Cookie", []string{"Connection: Cookie", "Cookie: a=b", "Cookies: c"}, []string{"Cookies: c"}, false},
		{"Connection", []string{"Connection: Connection", "A: b"}, []string{"A: b"}, false},
		{"close, hidden", []string{"Connection: X-Hop,\tClOsE ,x", "X-Hop: 1", "Close: 1"}, nil, true},
		{"close in the first of two lines", []string{"Connection: close", "Connection: keep-alive"}, nil, true},
		{"close in the second of two lines", []string{"Connection: keep-alive", "Connection: close"}, nil, true},
		{"all of the trade", []string{"Keep-Alive: timeout=9", "Proxy-Connection: close", "Proxy-Authorization: Basic x", "Proxy-Authenticate: x",
			"TE: trailers, gzip", "Trailer: X-Tail", "Upgrade: h2c, websocket", "KEEP-ALIVE: x", "te:", "Proxy-Status: x", "Tea: x"}, []string{"Proxy-Status: x", "Tea: x"}, false},
	}
	for _, row := range rows {
		t.Run("request/"+row.name, func(t *testing.T) {
			t.Parallel()
			w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
			c := through(t, w).dial(t)
			a := c.Call("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n" + lines(row.fields...) + "\r\nhello")
			want := "POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\n" + lines(row.want...) + "Content-Length: 5\r\n\r\nhello"
			if got := w.Received(); !slices.Equal(got, []string{want}) {
				t.Errorf("got %q; want %q", got, want)
			}
			if closes := a.Field("Connection") == "close"; closes != row.closes || closes && rest(c) != "" {
				t.Errorf("got %q; want an end: %v", a.Head, row.closes)
			}
		})
		t.Run("answer/"+row.name, func(t *testing.T) {
			t.Parallel()
			var hopless []string // Host and Authorization mean nothing in an answer
			for _, field := range row.fields {
				if !strings.HasPrefix(field, "Authorization") {
					hopless = append(hopless, field)
				}
			}
			w := rawtest.StartRaw(t, rawtest.Always("HTTP/1.1 200 OK\r\n"+lines(hopless...)+"Content-Length: 5\r\n\r\nhello"))
			s := through(t, w)
			c := s.dial(t)
			for range 2 {
				a := c.Call(rawtest.Get("/p"))
				var got []string
				for _, field := range a.Fields() {
					if !strings.HasPrefix(field, "Content-Length: 5") && !strings.HasPrefix(field, "Wxproxy-A") {
						got = append(got, field)
					}
				}
				slices.Sort(got) // fasthttp does not keep their order
				if a.Body != "hello" || !slices.Equal(got, row.want) {
					t.Errorf("got %q %q; want %q", a.Head, a.Body, row.want)
				}
			}
			// Of two lines of Connection, fasthttp forgets a "close" in the first.
			if want := map[bool]int{false: 1, true: 2}[row.closes]; w.Connections() != want && !strings.Contains(row.name, "the first of") {
				t.Errorf("got %d connections to WeChat; want %d", w.Connections(), want)
			}
		})
	}
}

func TestBodyThatIsAnnouncedTooLargeIsRefusedBeforeItComes(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	c := s.dial(t)
	start := time.Now()
	a := c.Call(fmt.Sprintf("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", defaultLimits.MaxBody+1))
	if a.Status() != 413 || a.Field("Wxproxy-Error") != "body_too_large" || a.Field("Connection") != "close" {
		t.Errorf("got %q; want 413 body_too_large and the end", a.Head)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the answer took %v; want it at once", took)
	}
	if !c.Ended() {
		t.Error("the connection stays")
	}
}
