package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
)

// requestsIn returns what was counted, a line for each series, in order.
func requestsIn(c *traffic.Counts) string {
	var lines []string
	for _, r := range c.Snapshot().Requests {
		lines = append(lines, fmt.Sprintf("%s,%s,%d=%d", r.Account, r.Client, r.Status, r.N))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

func TestRequestsAreCountedByConfiguredNamesOnly(t *testing.T) {
	const key = "Authorization: Bearer key"
	rows := []struct{ name, request, want string }{
		{"a call", rawtest.Get("/p", key), "shop,orders,200=1"},
		{"by the app_id", rawtest.Get("/@wxshop/p", key), "shop,orders,200=1"},
		{"a status of WeChat's", rawtest.Get("/418", key), "shop,orders,418=1"},
		{"a status that is none", rawtest.Get("/1000", key), "shop,orders,0=1"},
		{"without a key", rawtest.Get("/p"), ",,401=1"},
		{"with a wrong key", rawtest.Get("/p", "Authorization: Bearer evil"), ",,401=1"},
		{"an account that is none", rawtest.Get("/@evil/p", key), ",orders,404=1"},
		{"an account that is none, in the header", rawtest.Get("/p", key, "Wxproxy-Account: evil"), ",orders,404=1"},
		{"a path that is forbidden", rawtest.Get("/forbidden", key), "shop,orders,403=1"},
		{"a target that cannot be read", rawtest.Get("/a//b", key), ",,400=1"},
		{"a method that is none", "EVIL /p HTTP/1.1\r\nHost: x\r\n\r\n", ",,400=1"},
		{"a virtual token that claims to be the client's", rawtest.Get("/p?access_token=" +
			virtual.New(virtual.IDOf("wxshop"), virtual.IDOf("orders"), time.Now().Add(time.Hour), new(virtual.Key))), "shop,,200=1"},
		{"a body that is too large, announced", "POST /p HTTP/1.1\r\nHost: x\r\n" + key + "\r\nContent-Length: 10\r\n\r\n0123456789", "shop,orders,200=1"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := config(upstreamFunc(func(m *upstream.Message, resp *fasthttp.Response) error {
				status := 200
				fmt.Sscanf(string(m.Target), "/%d", &status)
				resp.SetStatusCode(status)
				return nil
			}))
			client := keyed("orders", "key")
			client.Deny = []string{"/forbidden"}
			c.Clients = []Client{client}
			handle(t, New(c), row.request)
			if got := requestsIn(c.Counts); got != row.want {
				t.Errorf("got %s; want %s", got, row.want)
			}
			if n := c.Counts.Snapshot().Count(); n != 1 {
				t.Errorf("got %d durations; want 1", n)
			}
		})
	}
}

func TestASuccessorCountsOnWhereItsPredecessorEnded(t *testing.T) {
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	for range 2 {
		p := New(c)
		handle(t, p, rawtest.Get("/p"))
		handle(t, p, rawtest.Get("/p"))
	}
	if got := requestsIn(c.Counts); got != "shop,,200=4" {
		t.Errorf("got %s; want one series with 4 requests", got)
	}
}

func TestWhatBecameOfARefusedTokenIsCounted(t *testing.T) {
	fails := upstreamFunc(func(m *upstream.Message, resp *fasthttp.Response) error {
		if strings.Contains(string(m.Target), "new") {
			return upstream.ErrTimeout
		}
		resp.SetBodyString(rawtest.RefusedBody)
		return nil
	})
	rows := []struct {
		name     string
		upstream Upstream
		tokens   *fixedTokens
		calls    int
		want     map[traffic.RetryOutcome]uint64
		errcodes map[int]uint64
	}{
		{"accepted at once", &recorder{answers: []string{rawtest.OKBody}}, &fixedTokens{token: "old"}, 1, nil, nil},
		{"another errcode", &recorder{answers: []string{`{"errcode":45009}`}}, &fixedTokens{token: "old"}, 3, nil, map[int]uint64{45009: 3}},
		{"accepted then", &recorder{answers: []string{rawtest.RefusedBody, rawtest.OKBody}}, &fixedTokens{token: "old", replacement: "new"}, 1,
			map[traffic.RetryOutcome]uint64{traffic.RetryAccepted: 1}, map[int]uint64{40001: 1}},
		{"an error of another kind then", &recorder{answers: []string{rawtest.RefusedBody, `{"errcode":-1}`}}, &fixedTokens{token: "old", replacement: "new"}, 1,
			map[traffic.RetryOutcome]uint64{traffic.RetryAccepted: 1}, map[int]uint64{40001: 1, -1: 1}},
		{"refused again", &recorder{answers: []string{rawtest.RefusedBody}}, &fixedTokens{token: "old", replacement: "new"}, 1,
			map[traffic.RetryOutcome]uint64{traffic.RetryRefused: 1}, map[int]uint64{40001: 2}},
		{"no answer then", fails, &fixedTokens{token: "old", replacement: "new"}, 1, map[traffic.RetryOutcome]uint64{traffic.RetryFailed: 1}, map[int]uint64{40001: 1}},
		{"no good token", fails, &fixedTokens{token: "old", replaceErr: errors.New("none")}, 1,
			map[traffic.RetryOutcome]uint64{traffic.RetryUnavailable: 1}, map[int]uint64{40001: 1}},
		{"an API that is closed", &recorder{answers: []string{rawtest.RefusedBody}}, &fixedTokens{token: "old", replacement: "old"}, 2,
			map[traffic.RetryOutcome]uint64{traffic.RetryRefused: 1, traffic.RetryInVain: 1}, map[int]uint64{40001: 3}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := config(row.upstream, shopWith(row.tokens)...)
			p := New(c)
			for range row.calls {
				handle(t, p, rawtest.Get("/p"))
			}
			s := c.Counts.Snapshot()
			for _, r := range s.Retries {
				if r.Account != "shop" || r.Errcode != 40001 || r.N != row.want[r.Outcome] {
					t.Errorf("got the retry %+v; want %v", r, row.want)
				}
			}
			for _, e := range s.Errcodes {
				if e.Account != "shop" || e.N != row.errcodes[e.Errcode] {
					t.Errorf("got the errcode %+v; want %v", e, row.errcodes)
				}
			}
			if len(s.Retries) != len(row.want) || len(s.Errcodes) != len(row.errcodes) {
				t.Errorf("got %v and %v; want %v and %v", s.Retries, s.Errcodes, row.want, row.errcodes)
			}
		})
	}
}

func TestHowMuchIsToldApartIsBounded(t *testing.T) {
	body, status := "", 200
	c := config(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		resp.SetStatusCode(status)
		resp.SetBodyString(body)
		return nil
	}))
	p := New(c)
	const calls = 2000
	for i := range calls {
		status, body = 200, fmt.Sprintf(`{"errcode":%d}`, 60_000+i)
		if i%2 == 0 {
			body = fmt.Sprintf(`{"errcode":%d}`, rand.Int32()-1<<30)
		}
		handle(t, p, rawtest.Get("/p"))
		status, body = 200+i%500, ""
		handle(t, p, rawtest.Get("/p"))
	}
	const maxStatuses, maxErrcodes = 15, 100
	s := c.Counts.Snapshot()
	requests, errcodes, other := uint64(0), uint64(0), uint64(0)
	for _, r := range s.Requests {
		requests += r.N
	}
	for _, e := range s.Errcodes {
		errcodes += e.N
		if e.Errcode == traffic.OtherErrcode {
			other = e.N
		}
	}
	if most := maxStatuses + 2; len(s.Requests) > most || requests != 2*calls { // with 200 and the other ones
		t.Errorf("got %d requests in %d series; want %d in no more than %d", requests, len(s.Requests), 2*calls, most)
	}
	if len(s.Errcodes) > maxErrcodes+1 || errcodes != calls || other == 0 {
		t.Errorf("got %d errcodes, %d of them others, in %d series; want %d in no more than %d", errcodes, other, len(s.Errcodes), calls, maxErrcodes+1)
	}
}

func TestOnlyPairsThatMeetTakeMemory(t *testing.T) {
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	kind := c.Accounts[0].Kind
	c.Accounts = nil
	for n := range 1000 {
		c.Accounts = append(c.Accounts, account(fmt.Sprint("a", n), fmt.Sprint("wx", n)))
		c.Accounts[n].Kind = kind
		c.Clients = append(c.Clients, keyed(fmt.Sprint("c", n), fmt.Sprint("key", n)))
	}
	p := New(c)
	for n := range 100 {
		handle(t, p, rawtest.Get(fmt.Sprintf("/@a%d/p", n), fmt.Sprintf("Authorization: Bearer key%d", n%50)))
	}
	if got := len(c.Counts.Snapshot().Requests); got != 100 {
		t.Errorf("got %d series; want 100", got)
	}
}

func TestTheLastHourIsKnownByTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, status := rawtest.OKBody, 200
		c := config(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
			time.Sleep(60 * time.Millisecond)
			resp.SetStatusCode(status)
			resp.SetBodyString(body)
			return nil
		}), shop(), account("blog", "wxblog"))
		p, counts := New(c), c.Counts
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { counts.Run(ctx) })
		call := func(path string) { handle(t, p, rawtest.Get(path)) }
		mustBe := func(when string, account string, want map[int]traffic.Totals) {
			t.Helper()
			hour := counts.Hour()
			if account != "" {
				hour = counts.AccountHour(account)
			}
			if len(hour) != 60 || hour[60-1].Start != time.Now().Truncate(time.Minute) {
				t.Fatalf("%s: got %d minutes until %v; want 60 until now", when, len(hour), hour[len(hour)-1].Start)
			}
			for i, m := range hour {
				if m.Totals != want[i] {
					t.Errorf("%s: minute %d: got %+v; want %+v", when, i, m.Totals, want[i])
				}
				if n := uint64(m.Requests); account == "" && (m.Count() != n || m.Total != time.Duration(n)*60*time.Millisecond) {
					t.Errorf("%s: minute %d: got %d durations, %v in all; want %d of 60 ms", when, i, m.Count(), m.Total, n)
				}
			}
		}

		time.Sleep(10 * time.Second) // into the first minute
		mustBe("at first", "", nil)
		call("/@shop/p")
		status = 502
		call("/@blog/p")
		mustBe("within the minute", "", map[int]traffic.Totals{59: {Requests: 2, Failed: 1}})
		time.Sleep(time.Minute)
		status, body = 200, `{"errcode":45009}`
		call("/@shop/p")
		mustBe("in the next minute", "", map[int]traffic.Totals{58: {Requests: 2, Failed: 1}, 59: {Requests: 1, Errcodes: 1}})
		mustBe("one account", "shop", map[int]traffic.Totals{58: {Requests: 1}, 59: {Requests: 1, Errcodes: 1}})
		mustBe("the other account", "blog", map[int]traffic.Totals{58: {Requests: 1, Failed: 1}})
		mustBe("no account", "evil", nil)
		time.Sleep(58 * time.Minute)
		mustBe("at the end of the hour", "", map[int]traffic.Totals{0: {Requests: 2, Failed: 1}, 1: {Requests: 1, Errcodes: 1}})
		time.Sleep(time.Minute)
		mustBe("behind it", "", map[int]traffic.Totals{0: {Requests: 1, Errcodes: 1}})
		time.Sleep(200 * time.Minute)
		mustBe("hours later", "", nil)
		mustBe("hours later, one account", "shop", nil)
		call("/@shop/p")
		mustBe("hours later, a request", "shop", map[int]traffic.Totals{59: {Requests: 1, Errcodes: 1}})
		cancel()
		running.Wait()
	})
}

func TestUnreadableRequestsAreCountedIfSomebodySpoke(t *testing.T) {
	t.Parallel()
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	s := serve(t, c, front.Limits{MaxBody: 100, MaxConnections: 10, IdleTimeout: time.Second, StallTimeout: time.Second})
	silent, loud := s.dial(t), s.dial(t)
	silent.Conn.Close()
	loud.Send("EVIL\r\n\r\n")
	rawtest.ReadAnswer(loud.R, false)
	expecting := s.dial(t)
	expecting.Send("POST /@evil/p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	rawtest.ReadAnswer(expecting.R, false)
	shutdown(s, time.Second)
	if got := requestsIn(c.Counts); got != ",,400=1 ,,404=1" {
		t.Errorf("got %s; want the two that were refused", got)
	}
	if d := c.Counts.Snapshot().Durations; d.Count() != 2 || d.Total > time.Minute {
		t.Errorf("got %d durations, %v in all; want 2 short ones", d.Count(), d.Total)
	}
}

func TestNothingIsCountedWhenNobodyWantsToKnow(t *testing.T) {
	c := config(&recorder{answers: []string{rawtest.RefusedBody}})
	c.Counts = nil
	ctx := handle(t, New(c), rawtest.Get("/p"))
	if got := cmp.Or(string(ctx.Response.Body()), "nothing"); got != rawtest.RefusedBody {
		t.Errorf("got %s; want WeChat's answer", got)
	}
}
