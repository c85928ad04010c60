package wechattest_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

func startServer(t *testing.T, w *wechattest.WeChat) *wechattest.Server {
	t.Helper()
	s, err := w.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// newClient returns a client with connections of its own.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// ask gets target from s and reports whether a kept-alive connection was used.
func ask(t *testing.T, client *http.Client, url string) (body string, reused bool) {
	t.Helper()
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), reused
}

func TestAServerServesTokensOverSockets(t *testing.T) {
	w := newWeChat()
	s := startServer(t, w)
	client := newClient(t)
	body, _ := ask(t, client, s.URL+classicTarget)
	granted(t, answer{body: []byte(body)})
	if _, reused := ask(t, client, s.URL+classicTarget); !reused {
		t.Error("got a new connection; want it kept alive")
	}
	w.Record()
	ask(t, client, s.URL+"/a%2Fb?x=%41")
	if got := w.Requests()[0]; got.Target != "/a%2Fb?x=%41" || got.From != "127.0.0.1" || "http://"+got.Host != s.URL {
		t.Errorf("got %+v; want the target as it was sent", got)
	}
}

func TestAServerSpeaksTLS(t *testing.T) {
	w := newWeChat()
	s, err := w.StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.CA) {
		t.Fatalf("got CA %q; want PEM", s.CA)
	}
	for _, name := range []string{"", "api.weixin.qq.com", "sh.api.weixin.qq.com", "api2.weixin.qq.com"} {
		client := newClient(t)
		client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, ServerName: name}
		body, _ := ask(t, client, s.URL+classicTarget)
		granted(t, answer{body: []byte(body)})
	}
}

func TestBrokenConnectionsOverSockets(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   wechattest.Fault
		want    []error // one of them
		body    string
		effects int
	}{
		{"before the body is read", wechattest.Fault{CloseBefore: true}, []error{io.EOF, syscall.ECONNRESET, syscall.EPIPE}, "", 0},
		{"after the effect", wechattest.Fault{CloseAfter: true}, []error{io.EOF}, "", 1},
		{"within the body", wechattest.Fault{Truncate: 5}, []error{io.ErrUnexpectedEOF}, `{"err`, 1},
		{"before the first byte of the body", wechattest.Fault{Truncate: -1}, []error{io.ErrUnexpectedEOF}, "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWeChat()
			s := startServer(t, w)
			token := classic(t, w).Token
			w.Inject(tt.fault)
			body, err := postBody(newClient(t), s.URL+customSend+"?access_token="+token)
			if !isOneOf(err, tt.want) || body != tt.body {
				t.Errorf("got %q, %v; want %q and one of %v", body, err, tt.body, tt.want)
			}
			if got := len(w.Sent()); got != tt.effects {
				t.Errorf("got %d messages sent; want %d", got, tt.effects)
			}
		})
	}
}

func postBody(client *http.Client, url string) (string, error) {
	resp, err := client.Post(url, "application/json", strings.NewReader("{}"))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func isOneOf(err error, targets []error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func TestAHandlerAlonePanicsWhereTheConnectionBreaks(t *testing.T) {
	w := newWeChat()
	w.Inject(wechattest.Fault{CloseAfter: true})
	defer func() {
		if got, ok := recover().(error); !ok || !errors.Is(got, http.ErrAbortHandler) {
			t.Errorf("got panic %v; want http.ErrAbortHandler", got)
		}
	}()
	w.ServeHTTP(nil, request(t, http.MethodGet, "/", ""))
}

func TestAChunkedUploadGets412(t *testing.T) {
	w := newWeChat()
	s := startServer(t, w)
	w.Record()
	token := classic(t, w).Token
	body := struct{ io.Reader }{strings.NewReader("{}")} // of a length that net/http does not know
	resp, err := newClient(t).Post(s.URL+customSend+"?access_token="+token, "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("got %d; want 412", resp.StatusCode)
	}
	if got := w.Requests()[1]; !got.Chunked || string(got.Body) != "{}" {
		t.Errorf("got %+v; want it recorded as chunked", got)
	}
}

func TestCloseIdleClosesWhatWasJustAnswered(t *testing.T) {
	w := newWeChat()
	s := startServer(t, w)
	token := classic(t, w).Token
	w.Inject(wechattest.Fault{Path: "/large", Body: make([]byte, 64<<10)})
	w.Inject(wechattest.Fault{Path: "/slow", Delay: time.Hour})
	go newClient(t).Get(s.URL + "/slow") // under way, must not be waited for; ended by s.Close
	client := newClient(t)
	for range 20 {
		for _, target := range []string{"/cgi-bin/getcallbackip?access_token=" + token, "/large"} {
			if _, reused := ask(t, client, s.URL+target); reused {
				t.Error("got a kept-alive connection; want it closed")
			}
			if got := s.CloseIdle(); got != 1 {
				t.Fatalf("got %d connections closed; want 1", got)
			}
			client.CloseIdleConnections() // the client may not have noticed yet
		}
	}
}

func TestTheCallerSeesAnIdleConnectionClose(t *testing.T) {
	s := startServer(t, newWeChat())
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	s.CloseIdle()
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("got %v; want EOF", err)
	}
}

func TestAServerGoesAwayAndComesBackOnItsPort(t *testing.T) {
	w := newWeChat()
	s := startServer(t, w)
	client := newClient(t)
	for range 3 {
		ask(t, client, s.URL+classicTarget)
		s.Close()
		if _, err := client.Get(s.URL + classicTarget); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v; want the connection refused", err)
		}
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	ask(t, client, s.URL+classicTarget)
	if err := s.Restart(); err == nil {
		t.Error("got no error on a port that is in use; want one")
	}
}

func TestCloseEndsRequestsThatAreUnderWay(t *testing.T) {
	w := newWeChat()
	s := startServer(t, w)
	w.Inject(wechattest.Fault{Path: "/after", Delay: time.Hour})
	w.Inject(wechattest.Fault{Path: "/before", Delay: time.Hour, CloseBefore: true})
	var callers sync.WaitGroup
	for _, path := range []string{"/after", "/before"} {
		callers.Go(func() {
			if _, err := postBody(newClient(t), s.URL+path); err == nil {
				t.Errorf("got an answer from %s; want the connection closed", path)
			}
		})
	}
	for w.Calls("*") < 2 {
		time.Sleep(time.Millisecond)
	}
	s.Close()
	callers.Wait()
}

func TestAServerCanBeConfigured(t *testing.T) {
	w := newWeChat()
	s, err := w.Start(func(server *http.Server) { server.SetKeepAlivesEnabled(false) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	client := newClient(t)
	ask(t, client, s.URL+"/")
	if _, reused := ask(t, client, s.URL+"/"); reused {
		t.Error("got a kept-alive connection; want none")
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	w := newWeChat()
	s := startServer(t, w)
	token := classic(t, w).Token
	client := newClient(t)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 25 {
				if _, err := postBody(client, s.URL+customSend+"?access_token="+token); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	if got := len(w.Sent()); got != 200 {
		t.Errorf("got %d messages; want 200", got)
	}
}

func TestAnAddressInUseIsReplacedByAFreePort(t *testing.T) {
	first, err := newWeChat().StartAt("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := newWeChat().StartAt(strings.TrimPrefix(first.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if second.URL == first.URL {
		t.Errorf("got %s twice; want another port", first.URL)
	}
	if _, err := newWeChat().StartAt("192.0.2.1:80"); err == nil {
		t.Error("got no error; want one for an address of another machine")
	}
}
