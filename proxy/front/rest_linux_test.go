package front

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
)

// deeply calls f with much of a stack in use.
func deeply(depth int, f func()) int {
	var page [1024]byte
	if depth == 0 {
		f()
		return 0
	}
	return deeply(depth-1, f) + bytes.Count(page[:], []byte{1})
}

// stacks returns how many bytes of all goroutines' stacks are in use.
func stacks() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse
}

func TestCallersWhoRestHoldNoStackOfARequest(t *testing.T) {
	if rawtest.IsPlain() {
		return // fasthttp's server has its own way
	}
	const callers, depth = 100, 64 // KiB of stack each
	server, l, end := served(t, Limits{MaxConnections: 2 * callers, IdleTimeout: time.Minute}, func(ctx *fasthttp.RequestCtx) {
		deeply(depth, func() { ctx.Response.SetBodyString(rawtest.OKBody) })
	})
	crowd := &server.front.crowd
	weighs := func(want int) func() bool {
		return func() bool { crowd.mu.Lock(); defer crowd.mu.Unlock(); return crowd.weight == want }
	}
	before := stacks()
	var all []*rawtest.Caller
	for range callers {
		c := rawtest.Dial(t, l.Addr())
		c.Call(rawtest.Get("/p"))
		all = append(all, c)
	}
	rawtest.WaitUntil(t, "all to rest", weighs(callers*restingWeight))
	rawtest.WaitUntil(t, "their stacks to be free", func() bool { return stacks() < before+callers*depth<<10/4 })
	for _, c := range all[:callers/2] {
		if a := c.Call(rawtest.Get("/p")); a.Body != rawtest.OKBody {
			t.Fatalf("got %q from a connection that had rested; want the answer", a.Body)
		}
	}
	for _, c := range all {
		c.Conn.Close()
	}
	rawtest.WaitUntil(t, "nobody to count", weighs(0))
	if err := end(); err != nil {
		t.Error(err)
	}
}
