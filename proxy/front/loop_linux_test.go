package front

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
)

// served returns a server for callers in plain text, where it listens, and what ends it.
func served(t *testing.T, handle func(*fasthttp.RequestCtx)) (f *front, addr net.Addr, end func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	limits := Limits{MaxBody: 4 << 20, MaxConnections: 5000, IdleTimeout: time.Minute}
	server, ended := NewServer(&fakeHandler{handle: handle}, limits, slog.New(slog.DiscardHandler)), make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	return server.front, ln.Addr(), func() error { return errors.Join(Drain(t.Context(), l), <-ended) }
}

// goroutine returns which one calls it.
func goroutine() string {
	var stack [64]byte
	name, _, _ := bytes.Cut(stack[:runtime.Stack(stack[:], false)], []byte(" ["))
	return string(name)
}

func TestAGoroutineThatHasServedACallerServesOthers(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	_, addr, end := served(t, func(*fasthttp.RequestCtx) {
		mu.Lock()
		defer mu.Unlock()
		seen[goroutine()]++
	})
	const callers = 60
	for range callers {
		c := rawtest.Dial(t, addr)
		if a := c.Call(rawtest.Get("/p", "Connection: close")); a.Status() != fasthttp.StatusOK || !c.Ended() {
			t.Fatalf("got %q; want 200, and the end", a.Head)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if len(seen) > callers/2 {
		t.Errorf("got %d goroutines for %d callers, one after the other; want few", len(seen), callers)
	}
}

func TestFewGoroutinesWaitForCallersAndNoneBehindTheEnd(t *testing.T) {
	t.Parallel()
	f, addr, end := served(t, func(ctx *fasthttp.RequestCtx) { ctx.Response.SetBodyString(rawtest.OKBody) })
	var callers []*rawtest.Caller
	for range 2 * maxSpare {
		c := rawtest.Dial(t, addr)
		c.Call(rawtest.Get("/p"))
		callers = append(callers, c)
	}
	for _, c := range callers {
		c.Conn.Close()
	}
	rawtest.WaitUntil(t, "goroutines wait for callers", func() bool { return f.spare.Load() == maxSpare })
	last := rawtest.Dial(t, addr)
	last.Call(rawtest.Get("/p"))
	if err := end(); err != nil {
		t.Error(err)
	}
	last.Conn.Close() // its goroutine ends now
	rawtest.WaitUntil(t, "no goroutine waits", func() bool { return f.spare.Load() == 0 })
}
