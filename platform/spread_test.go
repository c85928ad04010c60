package platform_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/background"
	"wxproxy/internal/secret"
	"wxproxy/platform"
	"wxproxy/token"
	"wxproxy/token/store"
)

// A counting WeChat issues tokens to whoever asks, and counts in which minute that was.
type counting struct {
	mu        sync.Mutex // guards what follows
	began     time.Time
	perMinute map[int]int

	issued atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	body := fmt.Sprintf(`{"component_access_token":"component-%d","expires_in":7200}`, c.issued.Add(1))
	if strings.HasSuffix(r.URL.Path, "/api_authorizer_token") {
		c.mu.Lock()
		c.perMinute[int(time.Since(c.began)/time.Minute)]++
		c.mu.Unlock()
		body = fmt.Sprintf(`{"authorizer_access_token":"token-%d","expires_in":7200}`, c.issued.Add(1))
	}
	time.Sleep(100 * time.Millisecond) // as long as WeChat takes
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// inMinutes returns how many there were from one minute to another, and in the busiest of them.
func (c *counting) inMinutes(from, to int) (sum, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for m := from; m < to; m++ {
		sum, most = sum+c.perMinute[m], max(most, c.perMinute[m])
	}
	return sum, most
}

// Who calls for all accounts at the same time has them refreshed within a minute or two, but
// once only.
func TestRefreshesOfManyAuthorizersAreSpread(t *testing.T) {
	const n = 3_000
	synctest.Test(t, func(t *testing.T) {
		s, w := store.NewMemory(), &counting{began: time.Now(), perMinute: map[int]int{}}
		fill(t, s, n)
		for i := range n { // all got their tokens at once, as after a call for each
			if _, err := s.Amend(token.Key{Platform: component, AppID: numbered(i)}, func(r *token.Record) bool {
				r.Token.Expires = w.began.Add(2 * time.Hour)
				return true
			}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Amend(token.Key{Platform: component, AppID: component}, func(r *token.Record) bool {
			r.Ticket, r.TicketCreated, r.TicketArrived = secret.New("ticket@@@a"), w.began, w.began
			return true
		}); err != nil {
			t.Fatal(err)
		}
		p := platform.New(platform.Options{
			Name: "saas", AppID: component, HTTP: &http.Client{Transport: w}, URL: "https://api.weixin.qq.com", Store: s,
			Secret: func() (secret.Secret, error) { return secret.New(appSecret), nil }, Queue: background.NewQueue(32),
		})
		p.Start()
		defer p.Stop()
		synctest.Wait()
		for i := range n {
			if _, err := served(p, numbered(i)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(4 * time.Hour)
		if sum, _ := w.inMinutes(0, 60); sum != 0 {
			t.Errorf("got %d refreshes in the first hour; want the stored tokens used", sum)
		}
		sum, most := w.inMinutes(60, 120)
		t.Logf("the first time: %d refreshes, at most %d in a minute", sum, most)
		if sum != n || most > n/15 {
			t.Errorf("got %d refreshes before the tokens end, %d of them in a minute; want %d, spread over half an hour", sum, most, n)
		}
		sum, most = w.inMinutes(120, 240)
		t.Logf("the second time: %d refreshes, at most %d in a minute", sum, most)
		if sum < n*9/10 || sum > n*11/10 || most > n/15 {
			t.Errorf("got %d refreshes two hours later, %d of them in a minute; want %d, spread as before", sum, most, n)
		}
	})
}
