package platforms

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform"
	"wxproxy/proxy"
	"wxproxy/token"
	"wxproxy/token/store"
)

// called returns what the proxy has of so many accounts of a platform, all of which were
// called for, in any order.
func called(tb testing.TB, n int) []*proxy.Account {
	tb.Helper()
	const component = "wxc0c0c0c0c0c0c0c0"
	s, now := store.NewMemory(), time.Now()
	for i := range n {
		if _, err := s.Amend(token.Key{Platform: component, AppID: fmt.Sprintf("wx%016x", i)}, func(r *token.Record) bool {
			r.Refresh, r.AuthorizedAt = secret.New(fmt.Sprintf("refreshtoken@@@%043d", i)), now
			r.Token, r.Notice.FetchedAt = token.Token{Value: secret.New(fmt.Sprintf("%0136d", i)), Expires: now.Add(2 * time.Hour)}, now
			return true
		}); err != nil {
			tb.Fatal(err)
		}
	}
	p := platform.New(platform.Options{
		Name: "saas", AppID: component, Store: s, HTTP: http.DefaultClient, URL: "http://127.0.0.1:1",
		Secret: func() (secret.Secret, error) { return secret.New("x"), nil },
	})
	p.Start()
	tb.Cleanup(p.Stop)
	for deadline := now.Add(time.Minute); !p.Loaded(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("the store is not read within a minute")
		}
	}
	r := &Running{Platform: p}
	all := make([]*proxy.Account, n)
	for j, i := range rand.Perm(n) {
		a, _ := r.forProxy(fmt.Sprintf("wx%016x", i))
		if _, err := a.Tokens.Token(time.Minute); err != nil {
			tb.Fatal(err)
		}
		all[j] = &a
	}
	return all
}

// ask asks of an account what the proxy does in each request.
func ask(tb testing.TB, a *proxy.Account, sent time.Time) {
	if a.Authorized() != nil {
		tb.Fatal("got an account that cannot be called for; want one that can")
	}
	value, err := a.Tokens.Token(time.Second)
	if err != nil {
		tb.Fatal(err)
	}
	a.Accepted(value, sent)
}

func TestARequestForAnAccountOfAPlatformAllocatesNothing(t *testing.T) {
	a, now := called(t, 1)[0], time.Now()
	if allocs := testing.AllocsPerRun(100, func() { ask(t, a, now) }); allocs != 0 {
		t.Errorf("got %v allocations; want none", allocs)
	}
}

// BenchmarkAccount tells what the proxy asks of an account in each request, with one that is
// called all the time and with 100,000 in any order.
func BenchmarkAccount(b *testing.B) {
	all, now := called(b, 100_000), time.Now()
	for _, row := range []struct {
		name string
		of   int
	}{{"one", 1}, {"all", len(all)}} {
		b.Run(row.name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				ask(b, all[i%row.of], now)
				i++
			}
		})
	}
}
