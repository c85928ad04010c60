package admin

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/internal/secret"
)

// said collects the log.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// listening serves an Admin with a key, and returns its URL and what it logs.
func listening(t *testing.T, change func(*Server)) (url string, log *said) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a, log := newAdmin(), new(said)
	a.Key, a.Log = secret.New(key), slog.New(slog.NewTextHandler(log, nil))
	a.Audit = audit.New(a.Log)
	serveAdmin(t, a, ln, change)
	return "http://" + ln.Addr().String(), log
}

func serveAdmin(t *testing.T, a *Admin, ln net.Listener, change func(*Server)) {
	t.Helper()
	var handler http.Handler
	s := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }), a.Log)
	s.Knows = func(r *http.Request) bool { return ShowsKey(r, a.Key) }
	a.WrongKey = s.WrongKey
	handler = a.Handler()
	if change != nil {
		change(s)
	}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
}

// fetchToken asks for a token with a key, over a connection of its own.
func fetchToken(url, key string) (status int, err error) {
	r, err := http.NewRequest("GET", url+"/accounts/shop/token", nil)
	if err != nil {
		return 0, err
	}
	r.Close = true
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

func dialAdmin(t *testing.T, url string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func TestStrangersWhoHoldConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	url, log := listening(t, nil)
	var strangers []net.Conn
	for i := range 2 * MaxConnections {
		c := dialAdmin(t, url)
		io.WriteString(c, []string{"", "GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n"}[i%2])
		strangers = append(strangers, c)
	}
	if status, err := fetchToken(url, key); status != http.StatusOK {
		t.Errorf("got %d, %v; want 200 for who has the key", status, err)
	}
	if _, err := io.ReadAll(strangers[0]); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the first stranger: got %v; want the end", err)
	}
	if got := strings.Count(log.String(), "too many connections"); got != 1 {
		t.Errorf("got %d lines; want one: %s", got, log)
	}
}

func TestRequestsToTheAdminListenerAreBounded(t *testing.T) {
	t.Parallel()
	url, _ := listening(t, func(s *Server) {
		if s.http.ReadHeaderTimeout != 5*time.Second || s.http.IdleTimeout == 0 {
			t.Errorf("got %v for a header, %v for rest; want 5 s and some", s.http.ReadHeaderTimeout, s.http.IdleTimeout)
		}
		s.http.ReadHeaderTimeout = 200 * time.Millisecond
	})
	for length, want := range map[int]string{15 << 10: "200", 17 << 10: "431"} {
		c := dialAdmin(t, url)
		fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nA: %s\r\n\r\n", strings.Repeat("x", length))
		answer, _ := io.ReadAll(c) // what follows 431 may be a reset
		if !strings.HasPrefix(string(answer), "HTTP/1.1 "+want) {
			t.Errorf("a header of %d bytes: got %.60q; want %s", length, answer, want)
		}
	}
	c := dialAdmin(t, url)
	io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
	start := time.Now()
	io.Copy(io.Discard, c)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("half a header was waited for %v; want 200 ms", took)
	}
}

func TestWrongKeysCostTimeButNotThoseWhoHaveTheRightOne(t *testing.T) {
	t.Parallel()
	url, log := listening(t, nil)
	var guessing sync.WaitGroup
	for range MaxConnections - 4 {
		guessing.Go(func() {
			start := time.Now()
			status, err := fetchToken(url, "canary-guess")
			if took := time.Since(start); err != nil || status != http.StatusUnauthorized || took < wrongKeyDelay {
				t.Errorf("got %d, %v after %v; want 401 after %v", status, err, took, wrongKeyDelay)
			}
		})
	}
	for range 3 {
		start := time.Now()
		if status, err := fetchToken(url, key); status != http.StatusOK || time.Since(start) > 10*time.Second {
			t.Errorf("the right key: got %d, %v after %v; want 200 at once", status, err, time.Since(start))
		}
	}
	guessing.Wait()
	if got := strings.Count(log.String(), "a wrong key was shown"); got != 1 || !strings.Contains(log.String(), "address=127.0.0.1 count=1") {
		t.Errorf("got %d lines; want one, with the address: %s", got, log)
	}
	if got := strings.Count(log.String(), "action=real_token key=admin.key client=\"\" account=shop address=127.0.0.1 outcome=done count=1"); got != 3 {
		t.Errorf("got %d lines of tokens; want 3, with the key, the account and the address: %s", got, log)
	}
	if got := strings.Count(log.String(), "action=wrong_key key=\"\" client=\"\" account=\"\" address=127.0.0.1 outcome=refused count=1"); got != 1 {
		t.Errorf("got %d lines of wrong keys; want one, with the address: %s", got, log)
	}
	for _, secret := range []string{"canary-guess", key, "token-of-shop"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q: %s", secret, log)
		}
	}
}

// basicWith returns the Authorization header of a browser.
func basicWith(password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("anyone:"+password))
}

// Every page that takes the key makes guessing slow, however the key is shown; who
// shows none, or shows it where it does not count, guesses nothing.
func TestEachWrongKeyIsResisted(t *testing.T) {
	for name, test := range map[string]struct {
		public        bool
		path          string
		authorization string
		resisted      bool
	}{
		"Bearer, for a token":          {false, "/accounts/shop/token", "Bearer x", true},
		"Bearer, for the profile":      {false, "/debug/pprof/cmdline", "bearer x", true},
		"Bearer, for the status":       {true, "/status", "Bearer x", true},
		"Basic, for the status":        {true, "/status", basicWith("x"), true},
		"Basic, for the page":          {true, "/", basicWith("x"), true},
		"nothing, for the page":        {true, "/", "", false},
		"nothing, for a token":         {false, "/accounts/shop/token", "", false},
		"Basic with the key, a token":  {false, "/accounts/shop/token", basicWith(key), false},
		"the key":                      {false, "/accounts/shop/token", "Bearer " + key, false},
		"Bearer, where none is needed": {false, "/status", "Bearer x", false},
		"an empty key":                 {true, "/status", "Bearer ", false},
	} {
		t.Run(name, func(t *testing.T) {
			resisted := false
			a := newAdmin()
			a.Key, a.Public, a.WrongKey = secret.New(key), test.public, func(*http.Request) { resisted = true }
			ask(a, "GET", test.path, test.authorization)
			if resisted != test.resisted {
				t.Errorf("got resisted %v; want %v", resisted, test.resisted)
			}
		})
	}
}
