package proxy

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

// smallBodyProxy serves the account shop with limits above the one for bodies of unknown
// callers.
func smallBodyProxy(t *testing.T, endpoint TokenEndpoint, clients ...Client) *service {
	t.Helper()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	c := withAccounts(hostsAt(t, nil, w.URL), clients, account("shop", "wxshop"))
	c.TokenEndpoint = endpoint
	limits := defaultLimits
	limits.MaxBody, limits.UnprovenBodyTime = 32<<20, time.Second
	s := serve(t, c, limits)
	t.Cleanup(func() {
		if got := w.Received(); len(got) > 0 {
			t.Errorf("WeChat got %q; want nothing", got)
		}
	})
	return s
}

// A caller that has not proved who it is gets its refusal before anything of its body is
// read, whatever the path.
func TestStrangersAreAnsweredBeforeTheirBody(t *testing.T) {
	t.Parallel()
	clients := []Client{keyed("orders", "orders-key")}
	for _, row := range []struct {
		path     string
		endpoint TokenEndpoint
		clients  []Client
		length   int
		status   int
	}{
		{"/cgi-bin/token", TokenDeny, nil, 10, 403},
		{"/cgi-bin/stable_token", TokenDeny, clients, 20_000_000, 403},
		{"/@shop/CGI-BIN/%54oken/", TokenDeny, clients, 20_000_000, 403},
		{"/cgi-bin/token", TokenVirtual, nil, 20_000_000, 413},
		{"/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=orders-key", TokenVirtual, clients, 4097, 413},
		{"/cgi-bin/stable_token", TokenReal, clients, 70_000, 413},
		{"/wxproxy/jsapi-signature?url=x", TokenVirtual, clients, 20_000_000, 401},
		{"/wxproxy/other", TokenVirtual, clients, 20_000_000, 401},
		{"/sns/jscode2session", TokenVirtual, clients, 20_000_000, 401},
		{"/sns/jscode2session?secret=x", TokenVirtual, clients, 10, 401},
		{"/cgi-bin/clear_quota/v2", TokenVirtual, clients, 4097, 401},
		{"/cgi-bin/media/upload", TokenVirtual, clients, 20_000_000, 401},
		{"/cgi-bin/ticket/getticket", TokenVirtual, clients, 10, 401},
		{"/cgi-bin/gettoken", TokenVirtual, clients, 10, 401},
		{"/sns/userinfo", TokenVirtual, clients, 10, 401},
		{"/cgi-bin/media/upload?access_token=wxp_x", TokenVirtual, clients, 20_000_000, 200},
		{"/@nobody/p", TokenVirtual, nil, 20_000_000, 404},
	} {
		for _, expects := range []string{"", "Expect: 100-continue\r\n"} {
			head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%sContent-Length: %d\r\n\r\n", row.path, expects, row.length)
			if rawtest.IsPlain() && expects == "" {
				head += "x" // fasthttp's server waits for one
			}
			c := smallBodyProxy(t, row.endpoint, row.clients...).dial(t)
			a := c.Call(head)
			if a.Status() != row.status || row.status == 200 && !strings.Contains(a.Body, "40001") {
				t.Errorf("%q: got %q %s; want %d", head, a.Head, a.Body, row.status)
			}
			if row.length > 300_000 && !c.Ended() {
				t.Errorf("%q: got a connection that stays; want its end", head)
			}
		}
	}
}

// The length of a chunked body is unknown before its end.
func TestWhatAsksForATokenInPartsIsShort(t *testing.T) {
	t.Parallel()
	for _, clients := range [][]Client{nil, {keyed("orders", "orders-key")}} {
		for _, path := range []string{"/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/clear_quota/v2"} {
			if clients == nil && strings.HasSuffix(path, "v2") {
				continue // no caller is unknown
			}
			c := smallBodyProxy(t, TokenVirtual, clients...).dial(t)
			part := "1000\r\n" + strings.Repeat("x", 4096) + "\r\n"
			a := c.Call("POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n" + part + "1\r\nx\r\n")
			if a.Status() != 413 || !c.Ended() {
				t.Errorf("%s: got %q %s; want 413 and the end", path, a.Head, a.Body)
			}
		}
	}
}

// A caller that sends a byte from time to time holds what it holds for five seconds.
func TestABodyThatAsksForATokenComesAtOnce(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ path, framing, part string }{
		"a length": {"/cgi-bin/token", "Content-Length: 4000", "x"},
		"parts":    {"/cgi-bin/stable_token", "Transfer-Encoding: chunked", "1\r\nx\r\n"},
		"a key":    {"/cgi-bin/clear_quota/v2", "Content-Length: 4000", "x"},
		"nothing":  {"/cgi-bin/stable_token", "Content-Length: 4000", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smallBodyProxy(t, TokenVirtual, keyed("orders", "orders-key"))
			c := s.dial(t)
			c.Send("POST " + row.path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + row.framing + "\r\n\r\n")
			over := make(chan struct{})
			defer close(over)
			go func() {
				for {
					select {
					case <-over:
						return
					case <-time.After(100 * time.Millisecond):
						if _, err := io.WriteString(c.Conn, row.part); err != nil {
							return
						}
					}
				}
			}()
			a, err := rawtest.ReadAnswer(c.R, false) // for 20 s at most
			if err != nil || a.Status() != 400 {
				t.Errorf("got %q %s, %v; want 400", a.Head, a.Body, err)
			}
		})
	}
}

// Unknown callers take 8 KiB of memory each, however much they send: what was read, and
// room to see that there is more.
func TestStrangersTakeNextToNothing(t *testing.T) {
	t.Parallel()
	const callers = 20
	for path, status := range map[string]int{
		"/cgi-bin/token": 413, "/cgi-bin/stable_token": 413, "/cgi-bin/clear_quota/v2": 413, "/sns/jscode2session?appid=wxshop": 413,
		"/wxproxy/jsapi-signature": 401, "/wxproxy/healthz": 400, "/cgi-bin/ticket/getticket": 401, "/cgi-bin/media/upload": 401, "/sns/userinfo": 401,
	} {
		s := smallBodyProxy(t, TokenVirtual, keyed("orders", "orders-key"))
		g := s.proxy.door.bodies
		g.Memory.Limit, g.Disk.Limit, g.Files.Limit = callers*2*smallBody, 0, 0
		var all sync.WaitGroup
		for range callers {
			c := s.dial(t)
			all.Go(func() {
				part := "1000\r\n" + strings.Repeat("x", 4096) + "\r\n"
				_, _ = io.WriteString(c.Conn, "POST "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat(part, 20)) // it may end before
				if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Status() != status {
					t.Errorf("%s: got %q %s, %v; want %d", path, a.Head, a.Body, err, status)
				}
			})
		}
		all.Wait()
		nothingTaken(t, g)
	}
}
