package traffic_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
)

// upstreamFunc is a WeChat that answers a message.
type upstreamFunc func(m *upstream.Message, resp *fasthttp.Response) error

func (f upstreamFunc) Send(m *upstream.Message, resp *fasthttp.Response) error { return f(m, resp) }

func ok(_ *upstream.Message, resp *fasthttp.Response) error {
	resp.SetBodyString(rawtest.OKBody)
	return nil
}

type fixedTokens struct{}

func (fixedTokens) Token(time.Duration) (string, error)           { return "OURS", nil }
func (fixedTokens) Replace(string, time.Duration) (string, error) { return "OURS", nil }

// config returns one of a proxy that counts, with one account.
func config(u upstreamFunc) proxy.Config {
	kind := &proxy.Kind{Table: &accountkind.WeChat, Upstream: u, Hosts: []string{"api.weixin.qq.com"}}
	return proxy.Config{
		Accounts: []proxy.Account{{Name: "shop", AppID: "wxshop", Kind: kind, Tokens: fixedTokens{}}}, HostNames: []string{"proxy"},
		TokenWait: time.Second, Log: slog.New(slog.DiscardHandler), Counts: traffic.NewCounts(),
	}
}

// handle has p answer one request.
func handle(t *testing.T, p *proxy.Proxy, raw string) {
	t.Helper()
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(new(fasthttp.Request), nil, nil)
	if err := ctx.Request.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
		t.Fatalf("reading the test's request: %v", err)
	}
	p.Handler().Handle(ctx, math.MaxInt64)
}

func TestNoRequestIsCountedTwiceOrNotAtAllWhateverComesAtOnce(t *testing.T) {
	c := config(func(m *upstream.Message, resp *fasthttp.Response) error {
		resp.SetStatusCode(200 + int(m.Target[len("/0")-1]-'0'))
		return nil
	})
	for n := range 10 {
		c.Clients = append(c.Clients, proxy.Client{Name: fmt.Sprint("c", n), KeySHA256: sha256.Sum256(fmt.Append(nil, "key", n))})
	}
	p := proxy.New(c)
	const callers, calls = 8, 300
	var calling sync.WaitGroup
	for caller := range callers {
		calling.Go(func() {
			for n := range calls {
				handle(t, p, rawtest.Get(fmt.Sprintf("/%d", n%7), fmt.Sprintf("Authorization: Bearer key%d", (n+caller)%10)))
			}
		})
	}
	for range 20 {
		c.Counts.Snapshot()
		c.Counts.EndMinute(time.Now())
		c.Counts.Hour()
	}
	calling.Wait()
	n := uint64(0)
	for _, r := range c.Counts.Snapshot().Requests {
		n += r.N
	}
	if n != callers*calls || c.Counts.Snapshot().Count() != n {
		t.Errorf("got %d requests and %d durations; want %d", n, c.Counts.Snapshot().Count(), callers*calls)
	}
}

func TestMinutesThatWereMissedAreEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(ok)
		p, begin := proxy.New(c), time.Now().Truncate(time.Minute)
		handle(t, p, rawtest.Get("/p"))
		c.Counts.EndMinute(begin.Add(-7 * time.Minute)) // the machine slept from then on
		handle(t, p, rawtest.Get("/p"))
		c.Counts.EndMinute(begin.Add(-time.Minute))
		handle(t, p, rawtest.Get("/p"))
		c.Counts.EndMinute(begin.Add(-time.Minute)) // a clock that was set back
		handle(t, p, rawtest.Get("/p"))
		c.Counts.EndMinute(begin.Add(time.Minute)) // a clock that is set back just now
		handle(t, p, rawtest.Get("/p"))
		got := map[int]uint32{}
		for i, m := range c.Counts.Hour() {
			if m.Requests > 0 {
				got[i] = m.Requests
			}
			if m.Count() != uint64(m.Requests) {
				t.Errorf("minute %d: got %d durations; want %d", i, m.Count(), m.Requests)
			}
		}
		if want := (map[int]uint32{52: 1, 58: 2, 59: 1}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v; want %v", got, want)
		}
	})
}
