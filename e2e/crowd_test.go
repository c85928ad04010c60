package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// crowd is how many callers come at once.
const crowd = 1000

func TestATokenThatDiesUnderAThousandRequestsCostsOneFetch(t *testing.T) {
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
			all := &gate{holds: crowd, open: make(chan struct{})}
			simulated := serveWeChat(t, w, func(s *http.Server) { s.Handler = all.before(s.Handler) })
			p := serving(t, simulated.URL, "[upstream]\nmax_connections = 1000\n"+fourLines+"token_api = \""+api+"\"\n")
			p.awaitReady()
			w.Revoke(appID)
			before := w.Fetches(appID)

			var callers sync.WaitGroup
			var mu sync.Mutex
			failures := map[string]int{}
			for i := range crowd {
				callers.Go(func() {
					a, err := p.ask("POST", p.proxy+send, fmt.Sprintf(`{"touser":"%d"}`, i))
					if err == nil && a.code == http.StatusOK && a.body == `{"errcode":0,"errmsg":"ok"}` && a.header.Get("Wxproxy-Attempts") == "2" {
						return
					}
					mu.Lock()
					defer mu.Unlock()
					failures[fmt.Sprintf("%d %s attempts %s %v", a.code, a.body, a.header.Get("Wxproxy-Attempts"), err)]++
				})
			}
			callers.Wait()

			for failure, n := range failures {
				t.Errorf("got %d times %s; want success at the second attempt", n, failure)
			}
			after := w.Fetches(appID)
			if n := after.Stable - before.Stable + after.Classic - before.Classic; n != 1 || after.Forced != 0 {
				t.Errorf("got %+v, then %+v; want exactly one fetch more", before, after)
			}
			mustBeDistinct(t, w.Sent(), crowd)
			if n := w.Doubled(); n != 0 {
				t.Errorf("got %d requests with two tokens; want none", n)
			}
			p.stop()
		})
	}
}

// A gate holds the first requests for send until so many have come.
type gate struct {
	holds int
	open  chan struct{} // closed when they have come

	mu   sync.Mutex // guards came
	came int
}

func (g *gate) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == send {
			g.pass()
		}
		next.ServeHTTP(rw, r)
	})
}

func (g *gate) pass() {
	g.mu.Lock()
	g.came++
	if g.came == g.holds {
		close(g.open)
	}
	g.mu.Unlock()
	select {
	case <-g.open:
	case <-time.After(patience):
	}
}

// mustBeDistinct fails the test unless there are want messages, all different.
func mustBeDistinct(t *testing.T, sent []wechattest.Message, want int) {
	t.Helper()
	times := map[string]int{}
	for _, message := range sent {
		times[string(message.Body)]++
	}
	if len(sent) != want || len(times) != want {
		t.Errorf("got %d messages, %d of them different; want %d, each once", len(sent), len(times), want)
	}
}
