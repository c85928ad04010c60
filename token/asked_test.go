package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

// wantCounts fails the test unless these fetches were counted.
func wantCounts(t *testing.T, k *Keeper, want string) {
	t.Helper()
	var got []string
	for _, c := range k.Fetches() {
		got = append(got, fmt.Sprintf("%s/%s=%d", c.Reason, c.Outcome, c.N))
	}
	slices.Sort(got)
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got the fetches %q; want %q", s, want)
	}
}

func TestFetchesAreCountedByReasonAndOutcome(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantCounts(t, k, "start/success=1")
		w.revoke()
		wantReplaced(t, k, "token-1", "token-2")
		wantCounts(t, k, "refused/success=1 start/success=1")
		time.Sleep(100 * time.Minute)
		w.fail(errAway)
		for range 6 {
			time.Sleep(5 * time.Minute)
			k.use(time.Now())
		}
		w.fail(&Refusal{Code: 40125, Reason: "invalid appsecret"})
		time.Sleep(5 * time.Minute)
		got := map[string]bool{}
		for _, c := range k.Fetches() {
			got[c.Reason+"/"+c.Outcome] = true
		}
		if !got["due/transient"] || !got["due/configuration"] || len(got) > 5 {
			t.Errorf("got %v; want failures of both classes", k.Fetches())
		}
	})
}

func TestForcedFetchesAreCountedAsSuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWeChat{}
		k := newKeeper(w, func(o *Options) {
			o.Probe = func(context.Context, secret.Secret) Verdict { return Dead }
			o.Force = func(ctx context.Context) (Token, error) {
				w.revoke()
				return w.Fetch(ctx)
			}
		})
		defer k.Stop()
		wantToken(t, k, "token-1")
		time.Sleep(standing)
		wantReplaced(t, k, "token-1", "token-2")
		wantCounts(t, k, "forced/success=1 refused/success=1 start/success=1")
	})
}

func TestRefreshAsksWeChatOnceAndNotForAYoungToken(t *testing.T) {
	for _, classic := range []bool{false, true} {
		w := &fakeWeChat{classic: classic, latency: time.Second}
		inBubble(t, w, func(t *testing.T, k *Keeper) {
			wantToken(t, k, "token-1")
			if err := k.Refresh("", time.Minute); err != nil || w.fetches() != 1 {
				t.Errorf("a young token: got %v and %d fetches; want 1", err, w.fetches())
			}
			time.Sleep(31 * time.Second)
			var asking sync.WaitGroup
			for range 100 {
				asking.Go(func() {
					if err := k.Refresh("", time.Minute); err != nil {
						t.Error(err)
					}
				})
			}
			asking.Wait()
			wantFetches(t, w, 2)
			wantCounts(t, k, "asked/success=1 start/success=1")
		})
	}
}

func TestRefreshForATokenThatFailedIsPassive(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "token-1")
		w.revoke()
		for _, failed := range []string{"another", "token-1", "token-1"} {
			if err := k.Refresh(failed, time.Minute); err != nil {
				t.Errorf("%s: %v", failed, err)
			}
		}
		wantToken(t, k, "token-2")
		wantFetches(t, w, 2)
	})
}

func TestRefreshSaysWhyThereIsNoToken(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		time.Sleep(time.Hour)
		w.fail(&Refusal{Code: 40125, Reason: "invalid appsecret"})
		for _, when := range []string{"when it fails", "while it backs off"} {
			var why *Unavailable
			var refusal *Refusal
			if err := k.Refresh("", time.Minute); !errors.As(err, &why) || !errors.As(err, &refusal) || why.Retry <= 0 {
				t.Errorf("%s: got %v; want the refusal and when to come again", when, err)
			}
		}
		wantFetches(t, w, 2)
		wantToken(t, k, "token-1") // is served all the same

		w.fail(nil)
		w.delay(5 * time.Second)
		time.Sleep(2 * time.Minute) // until the retry is under way
		var late *Timeout
		time.Sleep(time.Hour)
		if err := k.Refresh("", time.Second); !errors.As(err, &late) {
			t.Errorf("got %v; want a time-out", err)
		}
		k.Stop()
		if err := k.Refresh("", time.Second); !errors.Is(err, ErrStopped) {
			t.Errorf("when it has stopped: got %v", err)
		}
	})
}

func TestRefreshAsksDuringABackOffButNotAllTheTime(t *testing.T) {
	w := &fakeWeChat{err: &Refusal{Code: 50004, Reason: "forbidden"}}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		for range 10 {
			if err := k.Refresh("", time.Minute); err == nil {
				t.Error("got a token that WeChat refuses")
			}
		}
		wantFetches(t, w, 2) // at once, and then not again
		time.Sleep(askedPause)
		w.fail(nil)
		if err := k.Refresh("", time.Minute); err != nil {
			t.Errorf("got %v; want a token, as WeChat has one now", err)
		}
		wantFetches(t, w, 3)
	})
}

func TestWhoeverRepairedSomethingDoesNotWaitForTheBackOff(t *testing.T) {
	for _, err := range []error{
		&Refusal{Code: 40164, Reason: "invalid ip"}, &Refusal{Code: 40125, Reason: "invalid appsecret"},
		&Refusal{Code: 45009, Reason: "reach max api daily quota limit"}, errAway,
	} {
		w := &fakeWeChat{err: err}
		inBubble(t, w, func(t *testing.T, k *Keeper) {
			for failures := k.state.Load().failures; failures < 4; failures = k.state.Load().failures {
				time.Sleep(time.Second)
			}
			before := w.fetches()
			k.Retry() // as a reload does
			synctest.Wait()
			if got := w.fetches() - before; got != 1 {
				t.Errorf("%v: got %d fetches; want one at once", err, got)
			}
			for range 10 {
				k.Retry()
			}
			synctest.Wait()
			if got := w.fetches() - before; got != 1 {
				t.Errorf("%v: got %d fetches for eleven reloads in a moment; want one", err, got)
			}
			w.fail(nil)
			time.Sleep(askedPause)
			if refused := k.Refresh("", time.Minute); refused != nil {
				t.Errorf("%v: got %v; want a token", err, refused)
			}
			got := w.fetches()
			k.Retry()
			synctest.Wait()
			wantFetches(t, w, got) // nothing is wrong
		})
	}
}

func TestRefreshKeepsToTheClassicBudget(t *testing.T) {
	w := &fakeWeChat{classic: true}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		k.spend(func(s *Spent) { s.Fetches = fetchesPerDay })
		time.Sleep(time.Minute)
		if err := k.Refresh("", time.Minute); !errors.Is(err, ErrManyFetches) {
			t.Errorf("got %v; want no fetch", err)
		}
		wantFetches(t, w, 1)
	})
}
