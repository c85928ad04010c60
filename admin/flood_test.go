package admin

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/secret"
)

// floods are what strangers send, and then do nothing more.
var floods = map[string]string{
	"nothing":                      "",
	"half a header":                "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n",
	"health with half a body":      "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{",
	"readiness, a chunked body":    "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
	"a refresh without a body":     "POST /accounts/shop/refresh HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\n",
	"a refresh with a huge one":    "POST /accounts/shop/refresh HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000000\r\n\r\n{",
	"a body that is asked for":     "POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n",
	"a wrong key and half a body":  "POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\nContent-Length: 50\r\n\r\n",
	"an answer that is never read": "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
	"a refresh that WeChat delays": "POST /accounts/shop/refresh HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
}

// flooded serves an admin listener whose metrics are large and whose WeChat is slow.
func flooded(t *testing.T, network string, withKey bool) net.Addr {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	a := newAdmin()
	if a.Socket = network == "unix"; withKey {
		a.Key = secret.New(key)
	}
	large := strings.Repeat("x", 1<<20)
	a.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 32 {
			if _, err := io.WriteString(w, large); err != nil {
				return
			}
		}
	})
	a.Accounts[0].Refresh = func(string, time.Duration) (bool, error) { time.Sleep(time.Second); return true, nil }
	serveAdmin(t, a, ln, nil)
	return ln.Addr()
}

// stranger connects, sends and stays.
func stranger(addr net.Addr, sends string) (net.Conn, error) {
	c, err := net.Dial(addr.Network(), addr.String())
	if err == nil {
		io.WriteString(c, sends)
	}
	return c, err
}

// mustBeHealthy fails the test unless each of some questions is answered within
// so many tries, each on a new connection.
func mustBeHealthy(t *testing.T, addr net.Addr, tries int) {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, addr.Network(), addr.String())
		},
	}}
	for i := range 20 {
		path := []string{"/healthz", "/readyz"}[i%2]
		resp, err := client.Get("http://127.0.0.1" + path)
		for try := 1; err != nil && try < tries; try++ {
			resp, err = client.Get("http://127.0.0.1" + path)
		}
		if err != nil {
			t.Fatalf("%s, the %d. time: %v; want 200", path, i+1, err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d; want 200", path, resp.StatusCode)
		}
	}
}

func TestStrangersWhoStayLeaveTheHealthAnswered(t *testing.T) {
	t.Parallel()
	for _, listener := range []struct {
		network string
		withKey bool
	}{{"tcp", true}, {"tcp", false}, {"unix", true}, {"unix", false}} {
		for name, sends := range floods {
			t.Run(fmt.Sprintf("%s, key %v, %s", listener.network, listener.withKey, name), func(t *testing.T) {
				addr := flooded(t, listener.network, listener.withKey)
				for range MaxConnections + 6 {
					if c, err := stranger(addr, sends); err == nil {
						defer c.Close()
					}
				}
				mustBeHealthy(t, addr, 1)
			})
		}
	}
}

func TestStrangersWhoComeAgainLeaveTheHealthAnswered(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			addr := flooded(t, network, true)
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			var flood sync.WaitGroup
			for _, sends := range floods {
				flood.Go(func() { comeAgain(ctx, addr, sends) })
			}
			// On a busy machine 64 others may come before a request is read: whoever
			// asks again, as health checks do, is answered.
			mustBeHealthy(t, addr, 3)
			stop()
			flood.Wait()
		})
	}
}

// comeAgain connects again and again, and always has ten connections.
func comeAgain(ctx context.Context, addr net.Addr, sends string) {
	var open []net.Conn
	for ctx.Err() == nil {
		if c, err := stranger(addr, sends); err == nil {
			open = append(open, c)
		}
		if len(open) > 10 {
			open[0].Close()
			open = open[1:]
		}
		time.Sleep(time.Millisecond)
	}
	for _, c := range open {
		c.Close()
	}
}

// A stranger is answered from the header alone, and then closed if a body is to come;
// who has the key is waited for.
func TestNoBodyIsReadOfWhoShowsNoKey(t *testing.T) {
	t.Parallel()
	addr := flooded(t, "tcp", true)
	for name, want := range map[string]string{
		"health with half a body":     "200",
		"readiness, a chunked body":   "200",
		"a refresh without a body":    "401",
		"a refresh with a huge one":   "401",
		"a body that is asked for":    "401",
		"a wrong key and half a body": "401",
	} {
		start := time.Now()
		c, err := stranger(addr, floods[name])
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(c)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 "+want) || err != nil || time.Since(start) > 4*time.Second {
			t.Errorf("%s: got %.40q, %v after %v; want %s and the end at once", name, answer, err, time.Since(start), want)
		}
		c.Close()
	}
	// One that goes on sending gets the answer, too.
	c, err := stranger(addr, "POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 100000))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if answer, err := io.ReadAll(c); !strings.HasPrefix(string(answer), "HTTP/1.1 401") || err != nil {
		t.Errorf("a complete body: got %.40q, %v; want 401", answer, err)
	}
}

// Who has shown the key stays, however many strangers come after.
func TestWhoShowsTheKeyStays(t *testing.T) {
	t.Parallel()
	addr := flooded(t, "tcp", true)
	c, err := stranger(addr, "POST /accounts/shop/refresh HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nExpect: 100-continue\r\nAuthorization: Bearer "+key+"\r\nContent-Length: 2\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	goOn := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(c, goOn); err != nil {
		t.Fatal(err)
	}
	for range 3 * MaxConnections {
		if other, err := stranger(addr, floods["half a header"]); err == nil {
			defer other.Close()
		}
	}
	mustBeHealthy(t, addr, 1)
	io.WriteString(c, "{}")
	if answer, err := io.ReadAll(c); !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("got %.40q, %v; want 200", answer, err)
	}
}
