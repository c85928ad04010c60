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

// open serves callers who come by the door.
func (d entrance) open(t *testing.T, c Config, limits Limits) *service {
	t.Helper()
	address := "127.0.0.1:0"
	if d.network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(d.network, address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewListener(ln)
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
func (d entrance) dial(t *testing.T, s *service) *caller {
	t.Helper()
	c := s.dial(t)
	if d.secure {
		c.conn = tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
		c.r = bufio.NewReader(c.conn)
	}
	return c
}

// surplus is how many connections above the limit are told so.
const surplus = SpareConnections / 2

// Who connects and says nothing holds nobody up, however many there are, and one
// of them that stays holds nobody up either.
func TestSilentConnectionsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	for name, door := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := defaultLimits
			limits.MaxConnections = 4
			s := door.open(t, config(&recorder{answers: []string{okBody}}), limits)
			var silent []*caller
			for range limits.MaxConnections + surplus + 10 {
				silent = append(silent, s.dial(t))
			}
			for _, c := range silent[:len(silent)-1] {
				c.conn.Close()
			}
			start := time.Now()
			waitUntil(t, "a newcomer's answer", func() bool {
				c := door.dial(t, s)
				defer c.conn.Close()
				io.WriteString(c.conn, get("/p"))
				a, err := readAnswer(c.r, false)
				return err == nil && a.status() == 200
			})
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("a newcomer was served after %v; want it at once", took)
			}
		})
	}
}

// One more than all places is told so whatever way it comes, and beyond these
// a connection is closed at once.
func TestOneConnectionTooManyIsRefusedAtEveryDoor(t *testing.T) {
	t.Parallel()
	for name, door := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := defaultLimits
			limits.MaxConnections = 2
			s := door.open(t, config(&recorder{answers: []string{okBody}}), limits)
			for range limits.MaxConnections {
				if a := door.dial(t, s).call(get("/p")); a.status() != 200 {
					t.Fatalf("got %q; want an answer", a.head)
				}
			}
			refused := door.dial(t, s)
			if a := refused.call(get("/p")); a.status() != 503 || a.field("Wxproxy-Error") != "too_many_connections" {
				t.Errorf("got %q; want 503 too_many_connections", a.head)
			}
			refused.conn.Close()
			waitUntil(t, "its end", func() bool { return s.listener.Count() == limits.MaxConnections })
			var more []*caller
			for range surplus {
				more = append(more, s.dial(t))
			}
			waitUntil(t, "the surplus", func() bool { return s.listener.Count() == limits.MaxConnections+surplus })
			if beyond := s.dial(t); !beyond.ended() {
				t.Error("a connection beyond the surplus stays; want it closed")
			}
			for _, c := range more {
				c.conn.Close()
			}
		})
	}
}

// Neither silence nor bytes that trickle buy more time for a handshake.
func TestAHandshakeThatNeverEndsIsCut(t *testing.T) {
	t.Parallel()
	limits := defaultLimits
	limits.HeaderTimeout = 300 * time.Millisecond
	s := doors["TLS"].open(t, config(&recorder{answers: []string{okBody}}), limits)
	for name, trickle := range map[string]string{"nothing": "", "half a record": "\x16\x03\x01\x02\x00" + strings.Repeat("\x01", 400)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t)
			gone := make(chan struct{})
			go func() {
				io.Copy(io.Discard, c.conn)
				close(gone)
			}()
			start := time.Now()
			for i := 0; time.Since(start) < 20*limits.HeaderTimeout; i++ {
				select {
				case <-gone:
				case <-time.After(20 * time.Millisecond):
					if i < len(trickle) {
						io.WriteString(c.conn, trickle[i:i+1])
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

// What strangers do when there are clients.
func TestStrangersMakeRoomForClients(t *testing.T) {
	t.Parallel()
	const key = "Authorization: Bearer key-of-orders"
	for name, said := range map[string]string{
		"nothing":                 "",
		"half a header":           "GET /p HTTP/1.1\r\nHost: x\r\n",
		"half a body with a key":  "POST /cgi-bin/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
		"a body that is too long": "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{",
		"a wrong key":             get("/p", "Authorization: Bearer x"),
		"no key":                  get("/p"),
		"a wrong AppSecret":       get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=x"),
		"a forged virtual token":  get("/p?access_token=wxp_x"),
		"what is no path":         get("/a//b"),
	} {
		for way, door := range doors {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				limits := defaultLimits
				limits.MaxConnections = 3
				c := config(&recorder{answers: []string{okBody}})
				c.Clients = []Client{keyed("orders", "key-of-orders")}
				s := door.open(t, c, limits)
				client := door.dial(t, s)
				if a := client.call(get("/p", key)); a.status() != 200 {
					t.Fatalf("got %q; want an answer", a.head)
				}
				for range 4 * limits.MaxConnections {
					stranger := door.dial(t, s)
					io.WriteString(stranger.conn, said) // it may be cut in the middle of a handshake
				}
				if a := door.dial(t, s).call(get("/p", key)); a.status() != 200 {
					t.Errorf("a client that comes now got %q; want an answer", a.head)
				}
				if a := client.call(get("/p", key)); a.status() != 200 {
					t.Errorf("the client that was there got %q; want an answer", a.head)
				}
			})
		}
	}
}

func TestAConnectionThatHasShownNoKeyEndsWithItsRefusal(t *testing.T) {
	t.Parallel()
	const key = "Authorization: Bearer key-of-orders"
	c := config(&recorder{answers: []string{okBody}})
	c.Clients = []Client{keyed("orders", "key-of-orders")}
	s := serve(t, c, defaultLimits)
	for _, refused := range []string{
		get("/p"), get("/p", "Authorization: Bearer x"), post("/p", "hello"), get("/p?access_token=wxp_x"),
		get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=x"),
	} {
		stranger := s.dial(t)
		if a := stranger.call(refused); a.field("Connection") != "close" || !stranger.ended() {
			t.Errorf("%.40q: got %q, and the connection may stay; want it closed", refused, a.head)
		}
		if strings.HasPrefix(refused, "POST") {
			continue // whose body may be left unread, which ends every connection
		}
		client := s.dial(t)
		client.call(get("/p", key))
		if a := client.call(refused); a.field("Connection") == "close" {
			t.Errorf("%.40q, after a request of a client's: got %q; want the connection to stay", refused, a.head)
		}
		if a := client.call(get("/p", key)); a.status() != 200 {
			t.Errorf("%.40q, after a request of a client's: then got %q; want an answer", refused, a.head)
		}
	}
	for name, request := range map[string]string{"a token": get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=key-of-orders")} {
		client := s.dial(t)
		if a := client.call(request); a.status() != 200 || a.field("Connection") == "close" {
			t.Errorf("%s: got %q; want the connection to stay", name, a.head)
		}
		if a := client.call(get("/p")); a.status() != 401 || a.field("Connection") == "close" {
			t.Errorf("%s: then got %q; want 401 and the connection to stay", name, a.head)
		}
	}
}

// Without clients everybody may call: who has done so stays, and who has asked
// nothing, or nothing that was taken, makes room.
func TestWithoutClientsThoseWhoAskedNothingMakeRoom(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]string{
		"nothing":         "",
		"half a header":   "GET /p HTTP/1.1\r\nHost: 127.0.0.1\r\n",
		"what is no path": get("/a//b"),
		"no HTTP":         "\x16\x03\x01\r\n\r\n",
	} {
		for way, door := range doors {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				limits := defaultLimits
				limits.MaxConnections = 3
				s := door.open(t, config(&recorder{answers: []string{okBody}}), limits)
				resting := []*caller{door.dial(t, s), door.dial(t, s)}
				for _, c := range resting {
					if a := c.call(get("/p")); a.status() != 200 {
						t.Fatalf("got %q; want an answer", a.head)
					}
				}
				for range 4 * limits.MaxConnections {
					io.WriteString(door.dial(t, s).conn, said) // it may be cut in the middle of a handshake
				}
				var newcomer *caller
				waitUntil(t, "an answer to who comes now", func() bool { // it may take the turn of those who are just being refused
					newcomer = door.dial(t, s)
					io.WriteString(newcomer.conn, get("/p"))
					a, err := readAnswer(newcomer.r, false)
					if err != nil || a.status() != 200 {
						newcomer.conn.Close()
						time.Sleep(10 * time.Millisecond)
						return false
					}
					return true
				})
				waitUntil(t, "room for one who is told", func() bool { return s.listener.Count() < limits.MaxConnections+surplus })
				if a := door.dial(t, s).call(get("/p")); a.status() != 503 {
					t.Errorf("one too many got %q; want 503, as none of those is cut who may be about to send something", a.head)
				}
				for _, c := range append(resting, newcomer) {
					if a := c.call(get("/p")); a.status() != 200 {
						t.Errorf("who rested got %q; want an answer", a.head)
					}
				}
			})
		}
	}
}

// What is no request that was taken ends no connection, without clients.
func TestWithoutClientsARefusalEndsNoConnection(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{okBody}}), defaultLimits)
	c := s.dial(t)
	for range 2 {
		if a := c.call(get("/a//b")); a.status() != 400 || a.field("Connection") == "close" {
			t.Errorf("got %q; want 400 and the connection to stay", a.head)
		}
	}
}

// Who has said something goes after those who are silent, however fast they come, and
// who said something that nobody has read yet is not resting.
func TestTheSilentMakeRoomFirst(t *testing.T) {
	t.Parallel()
	p := newPlaces(Limits{MaxConnections: 4}, slog.New(slog.DiscardHandler))
	p.grace = 0
	l := &Listener{callers: map[*callerConn]struct{}{}}
	enter := func() (*callerConn, net.Conn) {
		near, far := connected(t)
		c := l.watch(near)
		if !p.enter(c) {
			t.Fatal("got no place; want one")
		}
		return c, far
	}
	speaks, far := enter()
	io.WriteString(far, "G")
	if _, err := speaks.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	unread, far := enter()
	io.WriteString(far, "G")
	waitUntil(t, "what it said", func() bool { return hasSpoken(unread.Conn) })
	for range 5 {
		c, _ := enter()
		defer func() { p.leave(c) }()
	}
	if got := []role{speaks.role, unread.role}; got[0] != roleCaller || got[1] != roleCaller {
		t.Errorf("got %v; want both to have their place", got)
	}
	if _, err := unread.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := p.strangers.silent.Len(); n > 0; n-- {
		p.strangers.takeResting(0)
	}
	if first, second := p.strangers.takeResting(0), p.strangers.takeResting(0); first != speaks || second != unread {
		t.Error("got others; want the two that spoke to go last")
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
	c := config(&recorder{answers: []string{okBody}})
	c.Log = slog.New(slog.NewTextHandler(&said, nil))
	s := serve(t, c, limits)
	s.dial(t).call(get("/p"))
	for range 20 {
		s.dial(t).call(get("/p"))
	}
	if got := said.count("level=WARN"); got != 1 || said.count("max_connections=1 connections=1") != 1 {
		t.Errorf("got %d lines, %s; want one", got, said.text.String())
	}
}

// accepted returns a connection over TCP.
func accepted(t *testing.T) net.Conn {
	near, _ := connected(t)
	return near
}

// connected returns both ends of a connection over TCP.
func connected(t *testing.T) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if far, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	near, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// Where descriptors are few there are fewer places, and nobody takes more of them.
func TestScarceDescriptorsBoundAllConnectionsTogether(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ descriptors, callers, spare int }{
		{0, 100, 64}, {1, 1, 1}, {3, 1, 1}, {8, 6, 1}, {32, 28, 2}, {100, 88, 6}, {5000, 100, 64},
	} {
		limits := Limits{MaxConnections: 100, Descriptors: row.descriptors}
		if got, want := limits.roles(), [roles]int{row.callers, row.spare, row.spare}; got != want || limits.Callers() != row.callers {
			t.Errorf("%d descriptors: got %v; want %v", row.descriptors, got, want)
		}
	}
	p := newPlaces(Limits{MaxConnections: 100, Descriptors: 3}, slog.New(slog.DiscardHandler))
	p.grace = 0
	l := &Listener{callers: map[*callerConn]struct{}{}}
	enter := func(c net.Conn) (*callerConn, bool) {
		caller := l.watch(c)
		return caller, p.enter(caller)
	}
	silent := accepted(t)
	first, entered := enter(silent)
	if !entered {
		t.Fatal("got no place; want one, as there are descriptors enough")
	}
	second, entered := enter(accepted(t))
	waitUntil(t, "the first to be closed", func() bool { _, err := silent.Read(make([]byte, 1)); return err != nil })
	if !entered || first.role != roleEnding {
		t.Errorf("got %v, the first as %d; want the place of the first", entered, first.role)
	}
	p.prove(second)
	third, entered := enter(accepted(t)) // waits a moment for the first
	if _, beyond := enter(accepted(t)); !entered || third.role != roleSurplus || beyond || p.taken != [roles]int{1, 1, 1} {
		t.Errorf("got %v, and beyond that %v, %v; want one that is told so", entered, beyond, p.taken)
	}
	for _, c := range []*callerConn{first, second, third} {
		p.leave(c)
	}
	if p.taken != [roles]int{} || p.strangers.silent.Len()+p.strangers.heard.Len() != 0 {
		t.Errorf("got %v, %v; want nobody left", p.taken, p.strangers)
	}
}

// Whoever gets WeChat's own token is in the log, once a minute for each account.
func TestWhoGetsTheRealTokenIsLogged(t *testing.T) {
	t.Parallel()
	const canary = "real-token-canary"
	var said lineLog
	shop, club := account("shop", "wxshop"), account("club", "wxclub")
	for _, a := range []*Account{&shop, &club} {
		a.Lend = func(time.Duration) (string, time.Duration, error) { return canary, time.Hour, nil }
	}
	c := config(&recorder{answers: []string{okBody}}, shop, club)
	c.TokenEndpoint, c.Clients = TokenReal, []Client{keyed("orders", "key-of-orders")}
	c.Log = slog.New(slog.NewTextHandler(&said, nil))
	s := serve(t, c, defaultLimits)
	caller := s.dial(t)
	for range 5 {
		for _, appID := range []string{"wxshop", "wxclub"} {
			if a := caller.call(get("/cgi-bin/token?grant_type=client_credential&appid=" + appID + "&secret=key-of-orders")); !strings.Contains(a.body, canary) {
				t.Fatalf("got %q; want the token", a.body)
			}
		}
	}
	caller.call(get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=x"))
	for _, want := range []string{"account=shop client=orders address=127.0.0.1", "account=club client=orders address=127.0.0.1"} {
		if said.count("own token was handed out") != 2 || said.count(want) != 1 {
			t.Errorf("got %s; want one line with %s", said.text.String(), want)
		}
	}
	if said.count(canary) > 0 || said.count("key-of-orders") > 0 {
		t.Errorf("the log has a secret: %s", said.text.String())
	}
}
