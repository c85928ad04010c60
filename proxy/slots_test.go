package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/rawtest"
)

// An entrance is one of the ways in which callers come.
type entrance struct {
	network string
	secure  bool
	plainIO bool
}

var doors = map[string]entrance{
	"TCP":                    {"tcp", false, false},
	"TCP, fasthttp's server": {"tcp", false, true},
	"unix":                   {"unix", false, false},
	"TLS":                    {"tcp", true, false},
	"TLS on unix, plain I/O": {"unix", true, true},
}

// open serves callers that come by this entrance.
func (d entrance) open(t *testing.T, c Config, limits front.Limits) *service {
	t.Helper()
	address := "127.0.0.1:0"
	if d.network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(d.network, address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := front.NewListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	if d.secure {
		authority := httptest.NewTLSServer(nil)
		t.Cleanup(authority.Close)
		c.CallersTLS = &tls.Config{Certificates: authority.TLS.Certificates}
		l.TLS = func() *tls.Config { return c.CallersTLS }
	}
	limits.PlainIO = d.plainIO
	return serveListener(t, l, c, limits)
}

// dial connects to the service by the door, and speaks TLS where that is asked.
func (d entrance) dial(t *testing.T, s *service) *rawtest.Caller {
	t.Helper()
	c := s.dial(t)
	if d.secure {
		c.Conn = tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
		c.R = bufio.NewReader(c.Conn)
	}
	return c
}

// surplus is how many connections above the limit get a refusal.
const surplus = front.SpareConnections / 2

// Connections on which nothing is sent delay no others, however many there are, and one
// of them that stays delays none either.
func TestSilentConnectionsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	for name, door := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := defaultLimits
			limits.MaxConnections = 4
			s := door.open(t, config(&recorder{answers: []string{rawtest.OKBody}}), limits)
			var silent []*rawtest.Caller
			for range limits.MaxConnections + surplus + 10 {
				silent = append(silent, s.dial(t))
			}
			for _, c := range silent[:len(silent)-1] {
				c.Conn.Close()
			}
			start := time.Now()
			rawtest.WaitUntil(t, "a newcomer's answer", func() bool {
				c := door.dial(t, s)
				defer c.Conn.Close()
				io.WriteString(c.Conn, rawtest.Get("/p"))
				a, err := rawtest.ReadAnswer(c.R, false)
				return err == nil && a.Status() == 200
			})
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("a newcomer was served after %v; want it at once", took)
			}
		})
	}
}

// A connection above the limit gets a refusal, by whatever listener it comes; one beyond
// the surplus is closed at once.
func TestOneConnectionTooManyIsRefusedAtEveryDoor(t *testing.T) {
	t.Parallel()
	for name, door := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := defaultLimits
			limits.MaxConnections = 2
			s := door.open(t, config(&recorder{answers: []string{rawtest.OKBody}}), limits)
			for range limits.MaxConnections {
				if a := door.dial(t, s).Call(rawtest.Get("/p")); a.Status() != 200 {
					t.Fatalf("got %q; want an answer", a.Head)
				}
			}
			refused := door.dial(t, s)
			if a := refused.Call(rawtest.Get("/p")); a.Status() != 503 || a.Field("Wxproxy-Error") != "too_many_connections" {
				t.Errorf("got %q; want 503 too_many_connections", a.Head)
			}
			refused.Conn.Close()
			rawtest.WaitUntil(t, "its end", func() bool { return s.listener.Count() == limits.MaxConnections })
			var more []*rawtest.Caller
			rawtest.WaitUntil(t, "the surplus", func() bool { // whose place may be given back a moment after it is gone
				more = append(more, s.dial(t))
				return s.listener.Count() == limits.MaxConnections+surplus
			})
			if beyond := s.dial(t); !beyond.Ended() {
				t.Error("a connection beyond the surplus stays; want it closed")
			}
			for _, c := range more {
				c.Conn.Close()
			}
		})
	}
}

// Neither silence nor bytes that trickle buy more time for a handshake.
func TestAHandshakeThatNeverEndsIsCut(t *testing.T) {
	t.Parallel()
	limits := defaultLimits
	limits.HeaderTimeout = 300 * time.Millisecond
	s := doors["TLS"].open(t, config(&recorder{answers: []string{rawtest.OKBody}}), limits)
	for name, trickle := range map[string]string{"nothing": "", "half a record": "\x16\x03\x01\x02\x00" + strings.Repeat("\x01", 400)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			c := s.dial(t)
			gone := make(chan struct{})
			go func() {
				io.Copy(io.Discard, c.Conn)
				close(gone)
			}()
			for i := 0; time.Since(start) < 20*limits.HeaderTimeout; i++ {
				select {
				case <-gone:
				case <-time.After(20 * time.Millisecond):
					if i < len(trickle) {
						io.WriteString(c.Conn, trickle[i:i+1])
					}
					continue
				}
				break
			}
			if took := time.Since(start); took < limits.HeaderTimeout/2 || took > 10*limits.HeaderTimeout {
				t.Errorf("the connection was cut after %v; want it cut after %v", took, limits.HeaderTimeout)
			}
		})
	}
}

// What callers without a key do when there are clients.
func TestStrangersMakeRoomForClients(t *testing.T) {
	t.Parallel()
	const key = "Authorization: Bearer key-of-orders"
	for name, said := range map[string]string{
		"nothing":                 "",
		"half a header":           "GET /p HTTP/1.1\r\nHost: x\r\n",
		"half a body with a key":  "POST /cgi-bin/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
		"a body that is too long": "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{",
		"a wrong key":             rawtest.Get("/p", "Authorization: Bearer x"),
		"no key":                  rawtest.Get("/p"),
		"a wrong AppSecret":       rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=x"),
		"a forged virtual token":  rawtest.Get("/p?access_token=wxp_x"),
		"what is no path":         rawtest.Get("/a//b"),
	} {
		for way, door := range doors {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				limits := defaultLimits
				limits.MaxConnections = 3
				c := config(&recorder{answers: []string{rawtest.OKBody}})
				c.Clients = []Client{keyed("orders", "key-of-orders")}
				s := door.open(t, c, limits)
				client := door.dial(t, s)
				if a := client.Call(rawtest.Get("/p", key)); a.Status() != 200 {
					t.Fatalf("got %q; want an answer", a.Head)
				}
				for range 4 * limits.MaxConnections {
					keyless := door.dial(t, s)
					io.WriteString(keyless.Conn, said) // it may be cut in the middle of a handshake
				}
				if a := door.dial(t, s).Call(rawtest.Get("/p", key)); a.Status() != 200 {
					t.Errorf("a client that comes now got %q; want an answer", a.Head)
				}
				if a := client.Call(rawtest.Get("/p", key)); a.Status() != 200 {
					t.Errorf("the client that was there got %q; want an answer", a.Head)
				}
			})
		}
	}
}

func TestAConnectionThatHasShownNoKeyEndsWithItsRefusal(t *testing.T) {
	t.Parallel()
	const key = "Authorization: Bearer key-of-orders"
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	c.Clients = []Client{keyed("orders", "key-of-orders")}
	s := serve(t, c, defaultLimits)
	for _, refused := range []string{
		rawtest.Get("/p"), rawtest.Get("/p", "Authorization: Bearer x"), post("/p", "hello"), rawtest.Get("/p?access_token=wxp_x"),
		rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=x"),
	} {
		keyless := s.dial(t)
		if a := keyless.Call(refused); a.Field("Connection") != "close" || !keyless.Ended() {
			t.Errorf("%.40q: got %q, and the connection may stay; want it closed", refused, a.Head)
		}
		if strings.HasPrefix(refused, "POST") {
			continue // whose body may be left unread, which ends every connection
		}
		client := s.dial(t)
		client.Call(rawtest.Get("/p", key))
		if a := client.Call(refused); a.Field("Connection") == "close" {
			t.Errorf("%.40q, after a request of a client's: got %q; want the connection to stay", refused, a.Head)
		}
		if a := client.Call(rawtest.Get("/p", key)); a.Status() != 200 {
			t.Errorf("%.40q, after a request of a client's: then got %q; want an answer", refused, a.Head)
		}
	}
	for name, request := range map[string]string{"a token": rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=key-of-orders")} {
		client := s.dial(t)
		if a := client.Call(request); a.Status() != 200 || a.Field("Connection") == "close" {
			t.Errorf("%s: got %q; want the connection to stay", name, a.Head)
		}
		if a := client.Call(rawtest.Get("/p")); a.Status() != 401 || a.Field("Connection") == "close" {
			t.Errorf("%s: then got %q; want 401 and the connection to stay", name, a.Head)
		}
	}
}

// Without clients all callers may call. A connection with a request that was answered
// stays; one without makes room for others.
func TestWithoutClientsThoseWhoAskedNothingMakeRoom(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]string{
		"nothing":         "",
		"half a header":   "GET /p HTTP/1.1\r\nHost: 127.0.0.1\r\n",
		"what is no path": rawtest.Get("/a//b"),
		"no HTTP":         "\x16\x03\x01\r\n\r\n",
	} {
		for way, door := range doors {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				limits := defaultLimits
				limits.MaxConnections = 3
				s := door.open(t, config(&recorder{answers: []string{rawtest.OKBody}}), limits)
				resting := []*rawtest.Caller{door.dial(t, s), door.dial(t, s)}
				for _, c := range resting {
					if a := c.Call(rawtest.Get("/p")); a.Status() != 200 {
						t.Fatalf("got %q; want an answer", a.Head)
					}
				}
				for range 4 * limits.MaxConnections {
					io.WriteString(door.dial(t, s).Conn, said) // it may be cut in the middle of a handshake
				}
				var newcomer *rawtest.Caller
				rawtest.WaitUntil(t, "an answer to who comes now", func() bool { // it may take the turn of those who are just being refused
					newcomer = door.dial(t, s)
					io.WriteString(newcomer.Conn, rawtest.Get("/p"))
					a, err := rawtest.ReadAnswer(newcomer.R, false)
					if err != nil || a.Status() != 200 {
						newcomer.Conn.Close()
						time.Sleep(10 * time.Millisecond)
						return false
					}
					return true
				})
				rawtest.WaitUntil(t, "room for one who is told", func() bool { return s.listener.Count() < limits.MaxConnections+surplus })
				if a := door.dial(t, s).Call(rawtest.Get("/p")); a.Status() != 503 {
					t.Errorf("one too many got %q; want 503, as none of those is cut who may be about to send something", a.Head)
				}
				for _, c := range append(resting, newcomer) {
					if a := c.Call(rawtest.Get("/p")); a.Status() != 200 {
						t.Errorf("who rested got %q; want an answer", a.Head)
					}
				}
			})
		}
	}
}

// What is no request that was taken ends no connection, without clients.
func TestWithoutClientsARefusalEndsNoConnection(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	c := s.dial(t)
	for range 2 {
		if a := c.Call(rawtest.Get("/a//b")); a.Status() != 400 || a.Field("Connection") == "close" {
			t.Errorf("got %q; want 400 and the connection to stay", a.Head)
		}
	}
}

// lineLog collects what is logged.
type lineLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lineLog) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func TestACrowdIsOneLineInTheLog(t *testing.T) {
	t.Parallel()
	var said lineLog
	limits := defaultLimits
	limits.MaxConnections = 1
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	c.Log = slog.New(slog.NewTextHandler(&said, nil))
	s := serve(t, c, limits)
	s.dial(t).Call(rawtest.Get("/p"))
	for range 20 {
		s.dial(t).Call(rawtest.Get("/p"))
	}
	if got := said.count("level=WARN"); got != 1 || said.count("max_connections=1 connections=1") != 1 {
		t.Errorf("got %d lines, %s; want one", got, said.text.String())
	}
}

// A client that gets WeChat's own token is in the log, once a minute for each account.
func TestWhoGetsTheRealTokenIsLogged(t *testing.T) {
	t.Parallel()
	const canary = "real-token-canary"
	var said lineLog
	shop, club := account("shop", "wxshop"), account("club", "wxclub")
	for _, a := range []*Account{&shop, &club} {
		a.Lend = func(time.Duration) (string, time.Duration, error) { return canary, time.Hour, nil }
	}
	c := config(&recorder{answers: []string{rawtest.OKBody}}, shop, club)
	c.TokenEndpoint, c.Clients = TokenReal, []Client{keyed("orders", "key-of-orders")}
	c.Log = slog.New(slog.NewTextHandler(&said, nil))
	c.Audit = audit.New(c.Log)
	s := serve(t, c, defaultLimits)
	caller := s.dial(t)
	for range 5 {
		for _, appID := range []string{"wxshop", "wxclub"} {
			if a := caller.Call(rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=" + appID + "&secret=key-of-orders")); !strings.Contains(a.Body, canary) {
				t.Fatalf("got %q; want the token", a.Body)
			}
		}
	}
	caller.Call(rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=x"))
	for _, want := range []string{
		`action=real_token key="" client=orders account=shop address=127.0.0.1 outcome=done`,
		`action=real_token key="" client=orders account=club address=127.0.0.1 outcome=done`,
		`action=wrong_key key="" client="" account=shop address=127.0.0.1 outcome=refused`,
	} {
		if said.count("msg=audit") != 3 || said.count(want) != 1 {
			t.Errorf("got %s; want one line with %s", said.text.String(), want)
		}
	}
	if said.count(canary) > 0 || said.count("key-of-orders") > 0 {
		t.Errorf("the log has a secret: %s", said.text.String())
	}
}
