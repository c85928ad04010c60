package token

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

// forceable is a fakeWeChat that replaces its token by force.
func forceable(w *fakeWeChat) func(*Options) {
	return func(o *Options) {
		if w.classic {
			return
		}
		o.Force = func(ctx context.Context) (Token, error) {
			w.change(func(w *fakeWeChat) {
				if w.err == nil {
					w.rotate()
				}
			})
			return w.Fetch(ctx)
		}
	}
}

func inForceableBubble(t *testing.T, w *fakeWeChat, f func(t *testing.T, k *Keeper)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(w, forceable(w))
		defer k.Stop()
		k.Start()
		synctest.Wait()
		f(t, k)
	})
}

func wantLimit(t *testing.T, err error, least, most time.Duration, words string) {
	t.Helper()
	var limit *Limit
	if !errors.As(err, &limit) || limit.Retry < least || limit.Retry > most || !strings.Contains(limit.Error(), words) {
		t.Errorf("got %v; want a limit because of %q, for %v to %v", err, words, least, most)
	}
}

func TestALeakedTokenIsReplacedWithinTheLimits(t *testing.T) {
	for _, classic := range []bool{false, true} {
		w := &fakeWeChat{classic: classic}
		inForceableBubble(t, w, func(t *testing.T, k *Keeper) {
			wantLimit(t, k.ReplaceByForce(time.Minute), standing, standing, "less than 30 s old")
			time.Sleep(standing)
			if err := k.ReplaceByForce(time.Minute); err != nil {
				t.Error(err)
			}
			wantToken(t, k, "token-2")
			wantCounts(t, k, "forced/success=1 start/success=1")
			if s := k.Status(); s.State != StateFresh || s.LastError != nil {
				t.Errorf("got %+v; want a fresh token", s)
			}
			time.Sleep(standing - time.Second)
			wantLimit(t, k.ReplaceByForce(time.Minute), time.Second, time.Second, "less than 30 s ago")
			time.Sleep(time.Second)
			if err := k.ReplaceByForce(time.Minute); err != nil {
				t.Error(err)
			}
			wantToken(t, k, "token-3")
		})
	}
}

func TestForcedRefreshesByHandCountAmongTheTwentyOfADay(t *testing.T) {
	w := &fakeWeChat{}
	inForceableBubble(t, w, func(t *testing.T, k *Keeper) {
		for range forcedPerDay {
			time.Sleep(standing)
			if err := k.ReplaceByForce(time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(standing)
		left := untilBeijingMidnight(time.Now())
		wantLimit(t, k.ReplaceByForce(time.Minute), left, left, "20 forced refreshes a day")
		wantToken(t, k, "token-21")
		time.Sleep(left)
		if err := k.ReplaceByForce(time.Minute); err != nil {
			t.Errorf("on the next day: %v", err)
		}
	})
}

func TestTheClassicBudgetHoldsForReplacementsByForce(t *testing.T) {
	w := &fakeWeChat{classic: true}
	inForceableBubble(t, w, func(t *testing.T, k *Keeper) {
		k.spend(func(s *Spent) { s.Fetches = fetchesPerDay })
		time.Sleep(time.Minute)
		wantLimit(t, k.ReplaceByForce(time.Minute), time.Hour, 24*time.Hour, "500 tokens were fetched today")
		wantFetches(t, w, 1)
	})
}

func TestAReplacementByForceJoinsNoOrdinaryFetch(t *testing.T) {
	w := &fakeWeChat{}
	inForceableBubble(t, w, func(t *testing.T, k *Keeper) {
		time.Sleep(time.Hour)
		w.delay(2 * time.Second)
		go k.Refresh("", time.Minute)
		synctest.Wait()
		var asking sync.WaitGroup
		for range 50 {
			asking.Go(func() {
				if err := k.ReplaceByForce(time.Minute); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		wantToken(t, k, "token-2")
		wantCounts(t, k, "asked/success=1 forced/success=1 start/success=1")
	})
}

func TestATokenThatIsNotReplacedIsSaidToBeSo(t *testing.T) {
	w := &fakeWeChat{}
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(w, func(o *Options) { o.Force = w.Fetch }) // another program used up what WeChat allows
		defer k.Stop()
		k.Start()
		time.Sleep(time.Hour)
		wantLimit(t, k.ReplaceByForce(time.Minute), standing, standing, "WeChat repeated it")
		if s := k.Status(); s.State != StateFresh || s.LastError != nil {
			t.Errorf("got %+v; want the token as it was", s)
		}
		time.Sleep(standing)
		w.fail(&Refusal{Code: 40164, Reason: "invalid ip 203.0.113.7"})
		if u := wantUnavailable(t, k.ReplaceByForce(time.Minute)); IssuerOfWeChat.Explain(u).Code != 40164 || u.Retry <= 0 {
			t.Errorf("got %v, again in %v; want WeChat's refusal", u, u.Retry)
		}
		wantToken(t, k, "token-1")
		w.fail(nil)
		w.delay(5 * time.Second)
		time.Sleep(standing)
		var late *Timeout
		if err := k.ReplaceByForce(time.Second); !errors.As(err, &late) {
			t.Errorf("got %v; want a time-out", err)
		}
		k.Stop()
		if err := k.ReplaceByForce(time.Second); !errors.Is(err, ErrStopped) {
			t.Errorf("when it has stopped: got %v", err)
		}
	})
}

// A process that has just started knows from the token's life how old it is.
func TestAYoungTokenOutOfTheStoreIsNotReplacedByForce(t *testing.T) {
	for age, young := range map[time.Duration]bool{10 * time.Second: true, 31 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			store := MemoryStore()
			first := &fakeWeChat{}
			if _, err := store.Save(Key{AppID: "wx1"}, Record{Token: Token{secret.New("token-0"), time.Now().Add(UsualLife - age)}}); err != nil {
				t.Fatal(err)
			}
			k := newKeeper(first, forceable(first), func(o *Options) { o.Store = store })
			defer k.Stop()
			k.Start()
			synctest.Wait()
			wantToken(t, k, "token-0")
			if err := k.ReplaceByForce(time.Minute); (err != nil) != young {
				t.Errorf("%v old: got %v", age, err)
			}
		})
	}
}
