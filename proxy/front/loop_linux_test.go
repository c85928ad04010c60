package front

import (
	"bytes"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
)

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
	_, l, end := served(t, Limits{MaxConnections: 5000, IdleTimeout: time.Minute}, func(*fasthttp.RequestCtx) {
		mu.Lock()
		defer mu.Unlock()
		seen[goroutine()]++
	})
	const callers = 60
	for range callers {
		c := rawtest.Dial(t, l.Addr())
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
	server, l, end := served(t, Limits{MaxConnections: 5000, IdleTimeout: time.Minute}, func(ctx *fasthttp.RequestCtx) { ctx.Response.SetBodyString(rawtest.OKBody) })
	var callers []*rawtest.Caller
	for range 2 * maxSpare {
		c := rawtest.Dial(t, l.Addr())
		c.Call(rawtest.Get("/p"))
		callers = append(callers, c)
	}
	for _, c := range callers {
		c.Conn.Close()
	}
	rawtest.WaitUntil(t, "goroutines wait for callers", func() bool { return server.front.spare.Load() == maxSpare })
	last := rawtest.Dial(t, l.Addr())
	last.Call(rawtest.Get("/p"))
	if err := end(); err != nil {
		t.Error(err)
	}
	last.Conn.Close() // its goroutine ends now
	rawtest.WaitUntil(t, "no goroutine waits", func() bool { return server.front.spare.Load() == 0 })
}
