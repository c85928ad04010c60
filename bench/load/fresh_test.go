//go:build linux

package load

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// serveFresh returns a target that counts its connections and requests, and what each
// request says of its connection.
func serveFresh(t *testing.T, secure bool, configure func(*tls.Config)) (target Target, connections, requests, closes *atomic.Int64) {
	connections, requests, closes = new(atomic.Int64), new(atomic.Int64), new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Close {
			closes.Add(1)
		}
		w.Write([]byte("{}"))
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	target = Target{Calls: []Call{{Path: "/", Key: "k"}}, Body: []byte("{}")}
	if secure {
		s.TLS = &tls.Config{}
		configure(s.TLS)
		s.StartTLS()
		target.TLS = s.Client().Transport.(*http.Transport).TLSClientConfig
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	target.Addr = s.Listener.Addr().String()
	return target, connections, requests, closes
}

func TestAFreshCallerOpensAConnectionForEachRequest(t *testing.T) {
	tests := []struct {
		name   string
		secure bool
		load   Fresh
	}{
		{"closed by the caller", false, Fresh{}},
		{"closed by the proxy", false, Fresh{Says: true}},
		{"by TLS", true, Fresh{}},
		{"by TLS, resumed", true, Fresh{Resume: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target, connections, requests, closes := serveFresh(t, test.secure, func(*tls.Config) {})
			test.load.Callers, test.load.Duration = 3, 100*time.Millisecond
			var before int64
			r, err := test.load.Run(t.Context(), target, func() error { before = requests.Load(); return nil })
			if err != nil {
				t.Fatal(err)
			}
			if r.Requests < 3 || int64(r.Requests) != requests.Load()-before || r.Failed != 0 || r.P50 == 0 {
				t.Errorf("got %+v; want the %d that the server saw, and how long they took", r, requests.Load()-before)
			}
			if connections.Load() != requests.Load() {
				t.Errorf("got %d connections; want %d, as requests", connections.Load(), requests.Load())
			}
			if want := map[bool]int64{true: requests.Load()}[test.load.Says]; closes.Load() != want {
				t.Errorf("%d requests say Connection: close; want %d", closes.Load(), want)
			}
		})
	}
}

func TestAFreshCallerWhoseTicketIsNotTakenFails(t *testing.T) {
	keys := atomic.Int64{}
	target, _, _, _ := serveFresh(t, true, func(c *tls.Config) {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			now := c.Clone()
			now.GetConfigForClient = nil
			now.SetSessionTicketKeys([][32]byte{{byte(keys.Add(1))}})
			return now, nil
		}
	})
	if r, err := (Fresh{Callers: 1, Duration: 100 * time.Millisecond, Resume: true}).Run(t.Context(), target, func() error { return nil }); err == nil {
		t.Errorf("got %+v; want an error", r)
	}
}

func TestFreshCallersOfNobodyFail(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	target := Target{Addr: ln.Addr().String(), Calls: []Call{{Path: "/", Key: "k"}}}
	if r, err := (Fresh{Callers: 1, Duration: time.Second}).Run(t.Context(), target, func() error { return nil }); err == nil {
		t.Errorf("got %+v; want an error", r)
	}
}

func TestConstantRateBeginsAfterASilence(t *testing.T) {
	target := serveTarget(t, func(int) {})
	const silence = 200 * time.Millisecond
	start, began := time.Now(), time.Time{}
	r, err := Constant{Rate: 100, Callers: 2, Duration: 100 * time.Millisecond, Silence: silence}.Run(t.Context(), target, func() error { began = time.Now(); return nil })
	if err != nil || r.Requests != 10 || began.Sub(start) < silence {
		t.Errorf("got %+v, %v, %v after the start; want 10 requests after a silence", r, err, began.Sub(start))
	}
}
