package sending

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/push/internal/message"
)

// onePush returns a push.
func onePush() *Push {
	const plain = "<xml><ToUserName>gh_1</ToUserName><MsgType>text</MsgType></xml>"
	return &Push{
		ID: "0123456789abcdef0123456789abcdef", Attempt: 1, Account: "shop", AppID: "wx1", Token: secret.New("token"), RequestID: "r1",
		ContentType: "text/xml", Message: message.Message{Type: "text", ToUserName: "gh_1"}, Plain: []byte(plain),
	}
}

func newSender(t *testing.T, c Config) *Sender {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestWhatIsNoTarget(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:9000", "ftp://h/", "http://", "http:///x", "//h/x", "unix:", "unix::/x", "http://h/%zz", "http://user:SECRET@[::1", "http://h:port/"} {
		if s, err := New(Config{URL: url}); err == nil {
			t.Errorf("%q: got %v; want an error", url, s)
		} else if strings.Contains(err.Error(), "SECRET") {
			t.Errorf("the error quotes the URL: %v", err)
		}
	}
	if _, err := New(Config{URL: "http://h/", AESKey: secret.New("short")}); err == nil {
		t.Error("a key that is none: got no error")
	}
}

func TestWhereAProgramIsIsToldWithoutSecrets(t *testing.T) {
	for url, want := range map[string]string{
		"http://user:SECRET@h:1/a%2Fb?key=SECRET#x": "http://h:1/a%2Fb",
		"https://h":                         "https://h",
		"unix:/run/app.sock:/wechat?SECRET": "unix:/run/app.sock:/wechat",
		"unix:/run/app.sock":                "unix:/run/app.sock:/",
	} {
		if got := newSender(t, Config{URL: url}).String(); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
}

func TestAUnixSocketIsATarget(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Host + r.URL.Path + " " + r.URL.Query().Get("u")
		io.WriteString(w, "<xml/>")
	})}
	go server.Serve(ln)
	defer server.Close()
	answer, err := newSender(t, Config{URL: "unix:" + path + ":/wechat/in?u=http://h:/x"}).Send(t.Context(), onePush())
	if err != nil || string(answer.Body) != "<xml/>" || got != "localhost/wechat/in http://h:/x" {
		t.Errorf("got %q, error %v, at %s", answer.Body, err, got)
	}
}

func TestHTTPSTrustsTheRootsThatWereGiven(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if _, err := newSender(t, Config{URL: server.URL, Roots: roots}).Send(t.Context(), onePush()); err != nil {
		t.Errorf("with its certificate: %v", err)
	}
	_, err := newSender(t, Config{URL: server.URL}).Send(t.Context(), onePush())
	if err == nil || !strings.Contains(err.Error(), "certificate is not trusted") {
		t.Errorf("without: got %v", err)
	}
}

func TestNoProxyIsAsked(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	s := newSender(t, Config{URL: "http://example.com/"})
	if s.kept.Proxy != nil || s.fresh.Proxy != nil {
		t.Error("a proxy would be asked")
	}
}

// A flaky program closes connections when it likes.
type flaky struct {
	net.Listener
	mu       sync.Mutex // guards what follows
	accepted int
	attempts []string                                                 // those that it read
	answer   func(connection, request int) (text string, closes bool) // both from 1
}

func newFlaky(t *testing.T, answer func(connection, request int) (string, bool)) *flaky {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Listener: ln, answer: answer}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.accepted++
			connection := f.accepted
			f.mu.Unlock()
			go f.serve(c, connection)
		}
	}()
	return f
}

func (f *flaky) serve(c net.Conn, connection int) {
	defer c.Close()
	reader := bufio.NewReader(c)
	for request := 1; ; request++ {
		r, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		f.mu.Lock()
		f.attempts = append(f.attempts, fmt.Sprint(connection, "/", request, ":", r.Header.Get("Wxproxy-Push-Attempt")))
		f.mu.Unlock()
		text, closes := f.answer(connection, request)
		io.WriteString(c, text)
		if closes {
			return
		}
	}
}

func (f *flaky) got() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.attempts, " ")
}

const success = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess"

func TestAKeptConnectionThatWasClosedIsReplacedOnce(t *testing.T) {
	for name, row := range map[string]struct {
		answer func(connection, request int) (string, bool)
		want   string
		fails  bool
	}{
		"closed by the second request": {func(_, request int) (string, bool) { return map[int]string{1: success}[request], request == 2 }, "1/1:1 1/2:2 2/1:2", false},
		"closed after half an answer": {func(_, request int) (string, bool) {
			return map[int]string{1: success, 2: "HTTP/1.1 2"}[request], request == 2
		}, "1/1:1 1/2:2", true},
		"the new one is closed too":          {func(c, request int) (string, bool) { return map[int]string{1: success}[request*c], c*request != 1 }, "1/1:1 1/2:2 2/1:2", true},
		"a new connection is never replaced": {func(int, int) (string, bool) { return "", true }, "1/1:1 2/1:2", true},
	} {
		f := newFlaky(t, row.answer)
		s := newSender(t, Config{URL: "http://" + f.Addr().String()})
		first, second := onePush(), onePush()
		second.Attempt = 2
		_, err := s.Send(t.Context(), first)
		if (err == nil) != strings.Contains(row.want, "1/2") {
			t.Errorf("%s: the first: %v", name, err)
		}
		_, err = s.Send(t.Context(), second)
		if got := f.got(); got != row.want || (err != nil) != row.fails {
			t.Errorf("%s: got %s, error %v; want %s", name, got, err, row.want)
		}
	}
}

func TestAConnectionThatWasClosedWhileItRestedIsReplaced(t *testing.T) {
	f := newFlaky(t, func(connection, _ int) (string, bool) { return success, connection == 1 })
	s := newSender(t, Config{URL: "http://" + f.Addr().String()})
	for range 3 {
		if _, err := s.Send(t.Context(), onePush()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	f := newFlaky(t, func(int, int) (string, bool) { return success, false })
	s := newSender(t, Config{URL: "http://" + f.Addr().String()})
	for range 5 {
		if _, err := s.Send(t.Context(), onePush()); err != nil {
			t.Fatal(err)
		}
		if err := s.Deliver(t.Context(), onePush()); err != nil {
			t.Fatal(err)
		}
	}
	if f.accepted != 1 {
		t.Errorf("got %d connections; want 1", f.accepted)
	}
}

func TestNoAnswerInTimeIsLate(t *testing.T) {
	headers := newFlaky(t, func(int, int) (string, bool) { return "", false })
	body := newFlaky(t, func(int, int) (string, bool) { return success[:len(success)-1], false })
	for name, f := range map[string]*flaky{"no answer": headers, "no end of the answer": body} {
		s := newSender(t, Config{URL: "http://" + f.Addr().String(), Timeout: 200 * time.Millisecond})
		_, err := s.Send(t.Context(), onePush())
		var failure *Failure
		if !errors.As(err, &failure) || !failure.Late {
			t.Errorf("%s: got %v", name, err)
		}
		if n := strings.Count(f.got(), "/"); n != 1 {
			t.Errorf("%s: it was sent %d times", name, n)
		}
	}
}

func TestADeliveryCanBeGivenUp(t *testing.T) {
	f := newFlaky(t, func(int, int) (string, bool) { return "", false })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := newSender(t, Config{URL: "http://" + f.Addr().String()}).Deliver(ctx, onePush()); err == nil {
		t.Error("got no error")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAHugeHeaderIsNoAnswer(t *testing.T) {
	f := newFlaky(t, func(int, int) (string, bool) {
		return "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("SECRET", 100_000) + "\r\n\r\n", true
	})
	_, err := newSender(t, Config{URL: "http://" + f.Addr().String()}).Send(t.Context(), onePush())
	if err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got %v", err)
	}
}
