package wecom

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
)

// WeCom bans the IP address of all accounts for wrong secrets. Callers, operators who
// refresh or reload, and new starts change nothing about how often one is shown.
func TestAWrongSecretIsShownSeldom(t *testing.T) {
	for name, kept := range stores(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newFake()
				g := guard(kept)
				k := keeper(w.client(g, "wrong"), kept)
				k.Start()
				for minute := range 4 * 60 {
					if _, err := k.Token(time.Second); err == nil {
						t.Fatal("got a token; want none")
					}
					switch {
					case minute%3 == 0:
						_, _ = k.Refresh("", time.Second)
					case minute%7 == 0: // a reload that changes something else
						k.Retry()
						next := keeper(w.client(g, "wrong"), kept)
						next.Inherit(k)
						next.Start()
						k.Stop()
						k = next
					case minute%11 == 0: // a new start
						k.Stop()
						g = guard(kept)
						k = keeper(w.client(g, "wrong"), kept)
						k.Start()
					}
					time.Sleep(time.Minute)
				}
				k.Stop()
				least := []time.Duration{0, 5, 10, 20, 40, 60, 60, 60}
				for i, at := range w.asked {
					if i > 0 && at.Sub(w.asked[i-1]) < least[min(i, len(least)-1)]*time.Minute {
						t.Errorf("question %d came after %v; want %d minutes at least", i+1, at.Sub(w.asked[i-1]), least[min(i, len(least)-1)])
					}
				}
				if n := len(w.asked); n < 6 || n > 7 {
					t.Errorf("got %d questions in four hours; want 6 or 7", n)
				}
			})
		})
	}
}

func TestAnotherSecretIsTriedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kept := newFake(), store.NewMemory()
		var mu sync.Mutex
		now := "wrong"
		c := w.client(guard(kept), "")
		c.Secret = func() (secret.Secret, error) {
			mu.Lock()
			defer mu.Unlock()
			return secret.New(now), nil
		}
		k := keeper(c, kept)
		k.Start()
		defer k.Stop()
		time.Sleep(12 * time.Minute)
		wantFetches(t, w, 2)
		mu.Lock()
		now = "right"
		mu.Unlock()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		wantToken(t, k, "token-1")
		wantFetches(t, w, 3)
		if r, err := kept.Load(c.Key); err != nil || !r.Trial.Worked || r.Trial.Refusals != 0 || !r.Trial.Until.IsZero() {
			t.Errorf("got %+v, %v; want it forgotten", r.Trial, err)
		}
		for i, secret := range []string{"wrong", "another wrong one"} { // the first is known still
			mu.Lock()
			now = secret
			mu.Unlock()
			if err := fetch(c); err == nil || w.fetches() != 3+i {
				t.Errorf("%s: got %v after %d questions; want it refused after %d", secret, err, w.fetches(), 3+i)
			}
		}
	})
}

// A secret that is refused is not shown by another account either, as one that was renamed.
func TestASecretIsWrongForAllAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		g := guard(nil)
		_ = fetch(w.client(g, "wrong"))
		renamed := w.client(g, "wrong")
		renamed.Key.AppID = "ww1.name.renamed"
		err := fetch(renamed)
		if paused, ok := errors.AsType[*token.Paused](err); !ok || paused.Asked || Explain(err).Code != 40001 {
			t.Errorf("got %v; want it paused", err)
		}
		wantFetches(t, w, 1)
		time.Sleep(6 * time.Minute)
		_ = fetch(renamed)
		wantFetches(t, w, 2)
	})
}

// Accounts that have the same secret and fetch at the same time, as at a start, show it once.
func TestASecretOfManyAccountsIsShownByOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		w.holds = time.Second
		g := guard(nil)
		var all sync.WaitGroup
		for n := range 40 {
			all.Go(func() {
				if err := fetch(w.application(g, n, "wrong")); err == nil {
					t.Error("got a token for a wrong secret")
				}
			})
		}
		all.Wait()
		wantFetches(t, w, 1)
		for n := range 3 {
			all.Go(func() {
				if err := fetch(w.application(g, n, "right")); err != nil {
					t.Errorf("got %v for a right secret", err)
				}
			})
		}
		all.Wait()
		wantFetches(t, w, 4)
	})
}

// application returns the Client of one of many accounts.
func (w *fakeWeCom) application(g *Guard, n int, corpSecret string) *Client {
	c := w.client(g, corpSecret)
	c.Key.AppID = fmt.Sprintf("ww1.%d", n)
	return c
}

func TestWrongSecretsOfManyAccountsHaveABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kept := newFake(), store.NewMemory()
		g := guard(kept)
		worked := w.application(g, 1000, "right")
		if err := fetch(worked); err != nil {
			t.Fatal(err)
		}
		const all = 150
		for n := range all {
			_ = fetch(w.application(g, n, fmt.Sprint("wrong-", n)))
		}
		if w.wrong != mostWrong {
			t.Errorf("%d wrong secrets were shown; want %d", w.wrong, mostWrong)
		}
		if n, most := g.Wrong(); n != mostWrong || most != mostWrong {
			t.Errorf("got %d of %d wrong secrets told; want %d", n, most, mostWrong)
		}
		err := fetch(w.application(g, all, "right"))
		paused, ok := errors.AsType[*token.Paused](err)
		if !ok || !errors.Is(err, errManyWrong) || !errors.Is(err, token.ErrNotAsked) || time.Until(paused.Until) > window {
			t.Errorf("an account that never worked: got %v; want it to wait", err)
		}
		if err := fetch(worked); err != nil {
			t.Errorf("an account that worked: got %v; want its token", err)
		}
		again := guard(kept) // a new start knows who worked
		for n := range mostWrong {
			again.wrong = append(again.wrong, time.Now().Add(-time.Duration(n)))
		}
		if err := fetch(w.application(again, 1000, "right")); err != nil {
			t.Errorf("an account that worked before the start: got %v; want its token", err)
		}
		time.Sleep(61 * time.Minute)
		if err := fetch(w.application(g, all, "right")); err != nil {
			t.Errorf("an hour later: got %v; want a token", err)
		}
		if n, _ := g.Wrong(); n != 0 {
			t.Errorf("an hour later: got %d wrong secrets told; want none", n)
		}
	})
}

func TestTheBudgetCountsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		w.holds = 3 * time.Second
		g := guard(nil)
		var all sync.WaitGroup
		for n := range 3 * mostWrong {
			all.Go(func() { _ = fetch(w.application(g, n, fmt.Sprint("wrong-", n))) })
		}
		all.Wait()
		if w.wrong > mostWrong || w.most > mostWrong {
			t.Errorf("%d wrong secrets were shown, %d at a time; want %d at most", w.wrong, w.most, mostWrong)
		}
		if g.underWay != 0 {
			t.Errorf("%d are said to be under way; want none", g.underWay)
		}
	})
}

// A question without an answer, or with one that says nothing of the secret, costs nothing.
func TestOnlyRefusedSecretsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		g := guard(nil)
		w.holds = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c := w.client(g, "right")
		if _, err := c.Fetch(ctx); err == nil || errors.As(err, new(*token.Paused)) {
			t.Errorf("got %v; want a failure that passes", err)
		}
		w.set(func() { w.holds, w.errcode = 0, -1 })
		if err := fetch(c); err == nil || errors.As(err, new(*token.Paused)) {
			t.Errorf("got %v; want a refusal that passes", err)
		}
		w.set(func() { w.errcode = 0 })
		if err := fetch(c); err != nil || g.underWay != 0 || len(g.wrong) != 0 {
			t.Errorf("got %v, %d under way, %d wrong; want a token", err, g.underWay, len(g.wrong))
		}
	})
}

func TestAnApplicationThatAsksTooOftenRests(t *testing.T) {
	for name, kept := range stores(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newFake()
				w.errcode = 45009
				k := keeper(w.client(guard(kept), "right"), kept)
				k.Start()
				time.Sleep(30 * time.Minute)
				_, _ = k.Refresh("", time.Second)
				if s := k.Status(); s.LastError == nil || s.Problem().Code != 45009 || time.Until(s.NextRefresh) < 29*time.Minute {
					t.Errorf("got %v, next at %v; want it to rest", s.LastError, s.NextRefresh)
				}
				wantFetches(t, w, 1)
				k.Stop()
				k = keeper(w.client(guard(kept), "another"), kept) // a new start, and another secret
				k.Start()
				time.Sleep(29 * time.Minute)
				wantFetches(t, w, 1)
				w.set(func() { w.errcode, w.secrets = 0, map[string]string{"ww1": "another"} })
				time.Sleep(2 * time.Minute)
				wantFetches(t, w, 2)
				wantToken(t, k, "token-1")
				k.Stop()
			})
		})
	}
}

// hangingStore hangs, and panics.
type hangingStore struct {
	token.PlatformStore
	hang chan struct{}
}

func (s hangingStore) Load(token.Key) (token.Record, error) { <-s.hang; return token.Record{}, nil }
func (s hangingStore) Amend(token.Key, func(*token.Record) bool) (token.Record, error) {
	panic("canary")
}

func TestAStoreThatHangsHoldsNobodyUpForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, hang := newFake(), make(chan struct{})
		c := w.client(guard(hangingStore{hang: hang}), "wrong")
		began := time.Now()
		for range 3 {
			if err := fetch(c); !errors.As(err, new(*token.Paused)) {
				t.Errorf("got %v; want it paused", err)
			}
		}
		if took := time.Since(began); took > 4*storePatience {
			t.Errorf("it took %v", took)
		}
		wantFetches(t, w, 1)
		close(hang)
	})
}

func TestPausesDouble(t *testing.T) {
	for refusals, want := range []time.Duration{0, 5, 10, 20, 40, 60, 60, 60} {
		if refusals == 0 {
			continue
		}
		if got := pauseAfter(refusals, 0); got != want*time.Minute {
			t.Errorf("%d refusals: got %v; want %d minutes", refusals, got, want)
		}
	}
	if got := pauseAfter(1<<30, 0.999); got > longestPause*11/10 {
		t.Errorf("got %v", got)
	}
}

// What is stored does not tell the secret, and what is said does not either.
func TestSecretsAreNotTold(t *testing.T) {
	const canary = "canary-5f4dcc3b5aa765d6"
	kept := store.NewMemory()
	w := newFake()
	c := w.client(guard(kept), canary)
	first, second := fetch(c), fetch(c)
	r, _ := kept.Load(c.Key)
	for _, text := range []string{first.Error(), second.Error(), fmt.Sprintf("%+v", r), fmt.Sprintf("%+v", Explain(second))} {
		if strings.Contains(text, canary) {
			t.Errorf("%q tells the secret", text)
		}
	}
	if a, b := hashOf("ww1", secret.New("x")), hashOf("ww2", secret.New("x")); a == b || len(a) != 32 {
		t.Errorf("got %q and %q; want two hashes", a, b)
	}
}
