package proxy

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// A noisy client is held back, and a quiet one does not notice.
func TestQuotasAreEachClientsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
			time.Sleep(5 * time.Second)
			resp.SetBodyString(rawtest.OKBody)
			return nil
		})
		noisy, quiet := keyed("noisy", "noisy-key"), keyed("quiet", "quiet-key")
		noisy.MaxInFlight = 2
		p := threeAccounts(slow, noisy, quiet)
		var mu sync.Mutex
		got := map[int]int{}
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() {
				began := time.Now()
				ctx := handle(t, p, rawtest.Get("/p", "Authorization: Bearer noisy-key"))
				mu.Lock()
				defer mu.Unlock()
				got[ctx.Response.StatusCode()]++
				if ctx.Response.StatusCode() == 429 && (slugOf(ctx) != "too_many_requests" || string(ctx.Response.Header.Peek("Retry-After")) != "1" ||
					time.Since(began) != time.Second) {
					t.Errorf("got %s after %v; want too_many_requests and Retry-After, after a moment", ctx.Response.Body(), time.Since(began))
				}
			})
		}
		calls.Go(func() {
			began := time.Now()
			if ctx := handle(t, p, rawtest.Get("/p", "Authorization: Bearer quiet-key")); ctx.Response.StatusCode() != 200 || time.Since(began) != 5*time.Second {
				t.Errorf("the quiet one got %d after %v", ctx.Response.StatusCode(), time.Since(began))
			}
		})
		calls.Wait()
		if got[200] != 2 || got[429] != 8 {
			t.Errorf("got %v; want two answers", got)
		}
		if ctx := handle(t, p, rawtest.Get("/p", "Authorization: Bearer noisy-key")); ctx.Response.StatusCode() != 200 {
			t.Errorf("later: got %d; want an answer", ctx.Response.StatusCode())
		}
	})
}

func TestWhatTheProxyAnswersItselfCountsTowardsTheRate(t *testing.T) {
	for _, row := range []struct{ name, raw string }{
		{"a token", rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=key")},
		{"a token by POST", post("/cgi-bin/stable_token", `{"grant_type":"client_credential","appid":"wxshop","secret":"key"}`)},
		{"a signature", rawtest.Get("/wxproxy/jsapi-signature?url=https%3A%2F%2Fshop.example%2F", "Authorization: Bearer key")},
		{"a ticket", rawtest.Get("/cgi-bin/ticket/getticket?type=jsapi", "Authorization: Bearer key")},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := account("shop", "wxshop")
				a.Ticket = func(string, time.Duration) (string, error) { return "ticket", nil }
				a.LendTicket = func(string, time.Duration) (string, time.Duration, error) { return "ticket", time.Hour, nil }
				client := keyed("orders", "key")
				client.Interval, client.MaxInFlight = time.Minute, 1
				p := New(withAccounts(new(recorder), []Client{client}, a))
				for i, want := range []int{200, 429} {
					if ctx := handle(t, p, row.raw); ctx.Response.StatusCode() != want {
						t.Errorf("request %d: got %d %s; want %d", i+1, ctx.Response.StatusCode(), ctx.Response.Body(), want)
					}
				}
				time.Sleep(time.Minute)
				if ctx := handle(t, p, row.raw); ctx.Response.StatusCode() != 200 {
					t.Errorf("a minute later: got %d %s; want 200", ctx.Response.StatusCode(), ctx.Response.Body())
				}
			})
		})
	}
}

func TestAStreamHoldsItsPlaceUntilItsEnd(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := rawtest.StartRaw(t, streaming(release))
	client := keyed("orders", "key")
	client.MaxInFlight = 1
	c := config(hostsAt(t, nil, w.URL))
	c.Clients = []Client{client}
	s := serve(t, c, defaultLimits)
	first, second := s.dial(t), s.dial(t)
	first.Send(rawtest.Get("/p", "Authorization: Bearer key"))
	rawtest.WaitUntil(t, "the answer's beginning", func() bool { return len(w.Received()) == 1 })
	if a := second.Call(rawtest.Get("/p", "Authorization: Bearer key")); a.Status() != 429 {
		t.Errorf("got %q; want 429 while the first answer streams", a.Head)
	}
	close(release)
	if _, err := rawtest.ReadAnswer(first.R, false); err != nil {
		t.Error(err)
	}
	rawtest.WaitUntil(t, "a place", func() bool {
		return s.dial(t).Call(rawtest.Get("/p", "Authorization: Bearer key")).Status() == 200
	})
}

// streaming is a script whose answers are long, and wait in their middle until
// release is closed.
func streaming(release chan struct{}) func(net.Conn, string) bool {
	return func(conn net.Conn, _ string) bool {
		const half = 8 << 10
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n%s", 2*half, strings.Repeat("x", half))
		<-release
		_, err := io.WriteString(conn, strings.Repeat("x", half))
		return err == nil
	}
}
