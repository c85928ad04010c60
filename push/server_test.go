package push

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// dial connects to the listener.
func (b *bench) dial() net.Conn {
	b.tb.Helper()
	base, _ := url.Parse(b.base)
	c, err := net.Dial("tcp", base.Host)
	if err != nil {
		b.tb.Fatal(err)
	}
	b.tb.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

func TestConnectionsAboveTheLimitAreClosedAtOnce(t *testing.T) {
	b := start(t, both())
	b.serve(NewServer(b, 3, slog.New(slog.NewTextHandler(b.log, nil))))
	var first []net.Conn
	for range 3 {
		c := b.dial()
		fmt.Fprintf(c, "GET /push/shop?%s HTTP/1.1\r\nHost: x\r\n\r\n", b.wechat().query("", "echostr", "1").Encode())
		if response, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || response.StatusCode != 200 {
			t.Fatalf("got %v, error %v", response, err)
		}
		first = append(first, c)
	}
	for range 100 {
		if n, err := b.dial().Read(make([]byte, 1)); n > 0 || err == nil {
			t.Fatalf("got %d bytes, error %v; want it closed", n, err)
		}
	}
	if b.server.open.Load() != 3 {
		t.Errorf("got %d connections; want 3", b.server.open.Load())
	}
	first[0].Close()
	deadline := time.Now().Add(10 * time.Second)
	for b.server.open.Load() > 2 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	wantAnswer(t, "when one has left", b.wechat().push(textXML), success)
	if !strings.Contains(b.log.String(), "there are too many") {
		t.Error("the log does not say so")
	}
}

func TestStrangersKeepNoConnection(t *testing.T) {
	b := start(t, both())
	for _, path := range []string{"/", "/push/nobody", "/push/shop", "/push/plain?signature=x&echostr=1"} {
		c := b.dial()
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		if all, err := io.ReadAll(c); err != nil || !strings.Contains(string(all), "Connection: close\r\n") {
			t.Errorf("%s: got %q, error %v; want it closed", path, all, err)
		}
	}
}

func TestARequestThatCannotBeReadGetsAnEmptyAnswer(t *testing.T) {
	b := start(t, both())
	for text, status := range map[string]int{
		"hello\r\n\r\n":                                                                     400,
		"GET /push/shop HTTP/1.1\r\n\r\n":                                                   400,
		"GET /push/shop HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":                             400,
		"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n":                                              400,
		"GET / HTTP/3.7\r\nHost: a\r\n\r\n":                                                 505,
		"POST /push/shop HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: zip\r\n\r\n":             501,
		"POST /push/shop HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n":                 400,
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n":       431,
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n":                                             404,
		"CONNECT push:443 HTTP/1.1\r\nHost: a\r\n\r\n":                                      404,
		"POST /push/shop HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n": 417,
	} {
		c := b.dial()
		fmt.Fprint(c, text)
		c.(*net.TCPConn).CloseWrite()
		all, _ := io.ReadAll(c)
		head, body, _ := strings.Cut(string(all), "\r\n\r\n")
		if line, _, _ := strings.Cut(head, "\r\n"); line != fmt.Sprint("HTTP/1.1 ", status, " ", http.StatusText(status)) || body != "" {
			t.Errorf("%.60q: got %q; want an empty %d", text, all, status)
		}
	}
	wantAnswer(t, "and then a good one", b.wechat().push(textXML), success)
}

func TestTheBodyOfAStrangerIsNotWaitedFor(t *testing.T) {
	b := start(t, both())
	for _, target := range []string{"plain?signature=x&timestamp=1&nonce=2", "shop?encrypt_type=aes&timestamp=1&nonce=2", "shop?signature=x"} {
		c := b.dial()
		c.SetDeadline(time.Now().Add(requestTimeout / 2))
		fmt.Fprintf(c, "POST /push/%s HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n", target)
		if response, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || response.StatusCode != 403 {
			t.Errorf("%s: got %v, error %v; want 403 at once", target, response, err)
		}
	}
}

// A client that sends all it has before it reads the answer gets it, and no reset.
func TestAClientThatIsStillSendingGetsTheRefusal(t *testing.T) {
	b := start(t, both())
	for range maxLarge {
		b.large <- struct{}{}
	}
	q := b.plain().query("").Encode()
	for _, row := range []struct {
		target       string
		size, status int
	}{
		{"plain?" + q, 4 << 20, 413}, {"plain?" + q, 1 << 20, 503}, {"plain?signature=x", 1 << 20, 403}, {"nobody", 1 << 20, 404},
	} {
		c := b.dial()
		c.SetDeadline(time.Now().Add(requestTimeout))
		_, err := fmt.Fprintf(c, "POST /push/%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", row.target, row.size)
		const part = 64 << 10
		for sent := 0; err == nil && sent < row.size; sent += part {
			time.Sleep(2 * time.Millisecond) // so that the answer is there before all is sent
			_, err = c.Write(make([]byte, part))
		}
		if err != nil {
			t.Errorf("%d: sending: %v", row.status, err)
			continue
		}
		if all, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(all), fmt.Sprint("HTTP/1.1 ", row.status, " ")) {
			t.Errorf("got %q, error %v; want %d", all, err, row.status)
		}
	}
}

func TestABodyThatBreaksOffIsRefused(t *testing.T) {
	b := start(t, both())
	q := b.plain().query("").Encode()
	for name, text := range map[string]string{
		"of a known size": "Content-Length: 100\r\n\r\n<xml/>",
		"in chunks":       "Transfer-Encoding: chunked\r\n\r\n6\r\n<xml/>\r\n",
		"in wrong chunks": "Transfer-Encoding: chunked\r\n\r\nzz\r\n<xml/>\r\n",
	} {
		c := b.dial()
		fmt.Fprintf(c, "POST /push/plain?%s HTTP/1.1\r\nHost: a\r\n%s", q, text)
		c.(*net.TCPConn).CloseWrite()
		all, _ := io.ReadAll(c)
		if _, body, _ := strings.Cut(string(all), "\r\n\r\n"); !strings.HasPrefix(string(all), "HTTP/1.1 400 ") || body != "" {
			t.Errorf("%s: got %q; want an empty 400", name, all)
		}
	}
}

func TestPushesUnderWayAreAnsweredBeforeTheEnd(t *testing.T) {
	p, began, release := newHeldProgram(t, "<xml>hello</xml>")
	b := start(t, both(Forward{URL: p.URL}))
	got := make(chan answer, 1)
	go func() { got <- b.wechat().push(textXML) }()
	<-began
	drained := make(chan error, 1)
	go func() { drained <- b.server.Drain(context.Background()) }()
	base, _ := url.Parse(b.base)
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) { // until nobody listens
		c, err := net.Dial("tcp", base.Host)
		if err != nil {
			break
		}
		c.Close()
		time.Sleep(time.Millisecond)
	}
	close(release)
	wantAnswer(t, "the one under way", <-got, answer{200, "text/xml", "opened:<xml>hello</xml>"})
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestDrainingEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	began := make(chan struct{})
	server := NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(began); <-release }), 10, slog.New(slog.DiscardHandler))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(ln)
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := server.Drain(ctx); err == nil {
		t.Error("got no error, with a request that is not answered")
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes, error %v; want it closed", n, err)
	}
	close(release)
}

// The times themselves are package http's, so that nobody has to wait for them here.
func TestEveryRequestHasItsTime(t *testing.T) {
	s := NewServer(http.NotFoundHandler(), 1, slog.New(slog.DiscardHandler)).http
	if s.ReadTimeout != 10*time.Second || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("got %v, %v, %v, %d", s.ReadTimeout, s.WriteTimeout, s.IdleTimeout, s.MaxHeaderBytes)
	}
}
