package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

func TestSIGTERMUnderLoadCutsNoRequest(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	w.Inject(wechattest.Fault{Path: send, Delay: 10 * time.Millisecond})
	p := serving(t, w.URL, fourLines)
	p.awaitReady()

	var callers sync.WaitGroup
	var succeeded atomic.Int64
	for i := range 24 {
		callers.Go(func() {
			transport := &http.Transport{DisableKeepAlives: i%3 == 0}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patience}
			for n := 0; ; n++ {
				resp, err := client.Post(p.proxy+send, "application/json", strings.NewReader(fmt.Sprintf(`{"touser":"%d-%d"}`, i, n)))
				if errors.Is(err, syscall.ECONNREFUSED) {
					return // nobody listens any more
				}
				if err != nil {
					t.Errorf("caller %d, request %d: %v", i, n, err)
					return
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("caller %d, request %d: got status %d, %v; want 200", i, n, resp.StatusCode, err)
				}
				succeeded.Add(1)
			}
		})
	}
	p.eventually("200 requests", func() bool { return succeeded.Load() >= 200 })
	p.signal(syscall.SIGTERM)
	p.mustEnd(exitOK)
	callers.Wait()
	mustBeDistinct(t, w.Sent(), int(succeeded.Load()))
}

func TestTheAnswerUnderWayIsGivenWhileTheProxyDrains(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt} {
		t.Run(name, func(t *testing.T) {
			w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
			held := &gate{holds: 2, open: make(chan struct{})}
			simulated := serveWeChat(t, w, func(s *http.Server) { s.Handler = held.before(s.Handler) })
			p := serving(t, simulated.URL, fourLines)
			p.awaitReady()
			answered := make(chan error, 1)
			go func() {
				a, err := p.ask("POST", p.proxy+send, `{}`)
				if err == nil && (a.code != http.StatusOK || !a.last) {
					err = fmt.Errorf("got %d %s, the last: %t", a.code, a.body, a.last)
				}
				answered <- err
			}()
			p.eventually("the request at WeChat", held.isHolding)

			p.signal(signal)
			p.eventually("/readyz that says draining", func() bool {
				a, err := p.ask("GET", p.admin+"/readyz", "")
				return err == nil && a.code == http.StatusServiceUnavailable && strings.Contains(a.body, `"draining": true`)
			})
			if a := p.mustAsk("GET", p.admin+"/healthz", ""); a.code != http.StatusOK {
				t.Errorf("/healthz while draining: got %d; want 200", a.code)
			}
			held.pass()
			if err := <-answered; err != nil {
				t.Errorf("%v; want WeChat's answer, the last on its connection", err)
			}
			p.mustEnd(exitOK)
		})
	}
}

// isHolding reports whether a request waits at the gate.
func (g *gate) isHolding() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.came > 0
}

func TestDrainingIsBounded(t *testing.T) {
	t.Parallel()
	p := drainingWithARequestThatHangs(t, "500ms")
	began := time.Now()
	p.mustEnd(exitFailure)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("got an end after %v; want it soon after 500ms", took)
	}
	if len(p.logged("drain_timeout is over; the requests still under way are cut")) != 1 || strings.Contains(p.stderr.String(), "\nwxproxy: ") {
		t.Errorf("got %s; want a line of the log about what was cut, and no other", p.stderr.tail())
	}
}

// What is cut has its line each, or is counted.
func TestTheEndTellsOfWhatItCuts(t *testing.T) {
	t.Parallel()
	const download = "/cgi-bin/media/get"
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	simulated := serveWeChat(t, w, func(s *http.Server) {
		next := s.Handler
		s.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != download {
				next.ServeHTTP(rw, r)
				return
			}
			rw.Header().Set("Content-Type", "image/jpeg")
			rw.Header().Set("Content-Length", "5000000")
			_, _ = rw.Write(make([]byte, 1<<20))
			_ = http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		})
	})
	w.Inject(wechattest.Fault{Path: send, Delay: time.Hour})
	p := serving(t, simulated.URL, "[proxy]\ndrain_timeout = \"500ms\"\n[log]\naccess = true\n[upstream]\ntimeout = \"10m\"\n"+fourLines)
	p.awaitReady()
	dial := func(request string) net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.proxy, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, request)
		return conn
	}
	downloads := dial("GET " + download + "?media_id=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := io.ReadFull(downloads, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	uploads := dial("POST /cgi-bin/media/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nhalf")
	dial("POST " + send + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
	p.eventually("three requests under way", func() bool {
		return strings.Contains(p.mustAsk("GET", p.admin+"/metrics", "").body, "wxproxy_requests_in_flight 3")
	})
	p.signal(syscall.SIGTERM)
	if said, err := io.ReadAll(uploads); err != nil || !strings.HasPrefix(string(said), "HTTP/1.1 503 ") || !strings.Contains(string(said), "nothing was sent") {
		t.Errorf("the upload got %q, %v; want 503", said, err)
	}
	p.mustEnd(exitFailure)
	end, cut := p.logged("drain_timeout is over; the requests still under way are cut"), p.logged("drain_timeout is over; an answer under way is cut")
	if len(end) != 1 || end[0]["requests"] != 3.0 {
		t.Errorf("got %v; want one line that counts 3 requests", end)
	}
	if len(cut) != 1 || cut[0]["account"] != "shop" || cut[0]["path"] != download {
		t.Errorf("got %v; want a line about the download", cut)
	}
	refused := 0
	for _, line := range p.logged("request") {
		if line["path"] == "/cgi-bin/media/upload" && line["status"] == 503.0 {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("got %d lines about the upload in %s; want one", refused, p.stderr.tail())
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	const oneSignal = 5 * time.Millisecond // as in internal/cli
	p := drainingWithARequestThatHangs(t, "10m")
	p.eventually("draining", func() bool { return len(p.logged("draining; a second signal ends at once")) == 1 })
	time.Sleep(2 * oneSignal) // or it would count as one with the first
	p.signal(syscall.SIGTERM)
	p.mustEnd(exitFailure)
	if len(p.logged("second signal: ending at once")) != 1 {
		t.Errorf("got %s; want a line about the second signal", p.stderr.tail())
	}
}

// drainingWithARequestThatHangs returns a proxy that got SIGTERM while WeChat
// does not answer.
func drainingWithARequestThatHangs(t *testing.T, timeout string) *program {
	t.Helper()
	w := startWeChat(t)
	w.Inject(wechattest.Fault{Path: send, Delay: time.Hour})
	p := serving(t, w.URL, "[proxy]\ndrain_timeout = \""+timeout+"\"\n[upstream]\ntimeout = \"10m\"\n"+fourLines)
	p.awaitReady()
	go p.ask("POST", p.proxy+send, `{}`) // which is cut
	p.eventually("the request at WeChat", func() bool { return w.Calls(send) == 1 })
	p.signal(syscall.SIGTERM)
	p.eventually("a line about draining", func() bool { return len(p.logged("draining; a second signal ends at once")) == 1 })
	return p
}

// Load balancers look at readiness from time to time only, and go on to send
// requests, also on new connections.
func TestRequestsAreTakenForShutdownDelayWhileReadinessIsGone(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, "[proxy]\nshutdown_delay = \"2s\"\n"+fourLines)
	p.awaitReady()
	began := time.Now()
	p.signal(syscall.SIGTERM)
	p.eventually("/readyz with status 503 at both listeners", func() bool {
		return p.mustAsk("GET", p.admin+"/readyz", "").code == 503 && p.mustAsk("GET", p.proxy+"/wxproxy/readyz", "").code == 503
	})
	if took := time.Since(began); took >= 2*time.Second {
		t.Errorf("got 503 after %v; want it at once", took)
	}
	taken := 0
	for time.Since(began) < 1500*time.Millisecond {
		a := p.call("POST", send, `{}`)
		if a.code != http.StatusOK || !a.last {
			t.Fatalf("%v after SIGTERM: got %d %s, the last on its connection: %t; want an answer, and that the caller comes anew", time.Since(began), a.code, a.body, a.last)
		}
		taken++
		time.Sleep(20 * time.Millisecond)
	}
	p.rewrite("[proxy]\nshutdown_delay = \"1h\"\n" + fourLines)
	p.signal(syscall.SIGHUP)
	p.mustEnd(exitOK)
	if lines := p.logged("nothing is reloaded any more: wxproxy is about to end"); len(lines) != 1 {
		t.Errorf("got %v; want a line about the signal", lines)
	}
	if took := time.Since(began); took < 2*time.Second || len(p.logged("draining; a second signal ends at once")) != 1 || len(p.logged("drained")) != 1 {
		t.Errorf("got an end after %v; want it after shutdown_delay and a drain", took)
	}
	if taken == 0 || w.Calls(send) != taken {
		t.Errorf("got %d requests at WeChat of %d", w.Calls(send), taken)
	}
}

func TestASecondSignalEndsShutdownDelayAtOnce(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, "[proxy]\nshutdown_delay = \"5m\"\n"+fourLines+"[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789abcdef\"\n")
	for range 5 {
		p.call("GET", userInfo, "", "Authorization: Bearer wrong").mustBe(t, 401, "unauthenticated")
	}
	p.signal(syscall.SIGTERM)
	p.eventually("a line about the end", func() bool {
		return len(p.logged("about to end; requests are taken for shutdown_delay, a second signal ends at once")) == 1
	})
	time.Sleep(10 * time.Millisecond) // or it would count as one with the first
	p.signal(syscall.SIGTERM)
	p.mustEnd(exitFailure)
	shown := 0.0
	for _, line := range p.logged("audit") {
		shown += line["count"].(float64)
	}
	if shown != 5 {
		t.Errorf("got %v wrong keys in the audit; want all 5", shown)
	}
}
