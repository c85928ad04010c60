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

// wantAsked fails the test unless a refresh succeeds, and asks WeChat or does not.
func wantAsked(t *testing.T, k *Keeper, when string, want bool) {
	t.Helper()
	if asked, err := k.Refresh("", time.Minute); err != nil || asked != want {
		t.Errorf("%s: got asked %v, %v; want %v", when, asked, err, want)
	}
}

func TestRefreshAsksWeChatOnce(t *testing.T) {
	for _, classic := range []bool{false, true} {
		w := &fakeWeChat{classic: classic, latency: time.Second}
		inBubble(t, w, func(t *testing.T, k *Keeper) {
			wantToken(t, k, "token-1")
			time.Sleep(31 * time.Second)
			var asking sync.WaitGroup
			for range 100 {
				asking.Go(func() { wantAsked(t, k, "at the same time", true) })
			}
			asking.Wait()
			wantFetches(t, w, 2)
			wantCounts(t, k, "asked/success=1 start/success=1")
			wantAsked(t, k, "a moment later", false)
		})
	}
}

// A stable token is repeated, so that asking costs nothing and tells whether the
// AppSecret is right.
func TestRefreshAsksForAStableTokenHoweverYoung(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "token-1")
		wantAsked(t, k, "a young token", true)
		wantAsked(t, k, "again", false)
		time.Sleep(askedPause)
		w.fail(&Refusal{Code: 40125, Reason: "invalid appsecret"})
		if asked, err := k.Refresh("", time.Minute); err == nil || !asked {
			t.Errorf("a wrong AppSecret: got asked %v, %v; want the refusal", asked, err)
		}
		wantFetches(t, w, 3)
	})
}

// A fetch that is under way may have begun with another AppSecret.
func TestRefreshIsNoPartOfAFetchThatBeganBefore(t *testing.T) {
	w := &fakeWeChat{latency: 2 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(w)
		defer k.Stop()
		k.Start()
		time.Sleep(time.Second)
		wantAsked(t, k, "during the first fetch", true)
		wantFetches(t, w, 2)
	})
}

// A classic token ends when another one is fetched: a young one stays unless its
// AppSecret may be another one.
func TestRefreshAsksForAYoungClassicTokenOnlyIfTheAppSecretMayBeAnother(t *testing.T) {
	for _, row := range []struct {
		name    string
		changed bool // the AppSecret
		others  bool // fetched the token
		want    bool
	}{
		{"the same", false, false, false}, {"another", true, false, true}, {"not known", false, true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeWeChat{classic: true}
			changed := false
			k := newKeeper(w, func(o *Options) { o.Kind, o.SecretChanged = Rotating{}, func() bool { return changed } })
			defer k.Stop()
			wantToken(t, k, "token-1")
			changed = row.changed
			if row.others {
				s := k.state.Load()
				r := Record{Token: Token{secret.New("another"), time.Now().Add(time.Hour)}, Notice: Notice{Generation: s.generation + 1, FetchedAt: time.Now()}}
				next, newer := s.merged(r, time.Now(), k.options)
				if !newer {
					t.Fatal("got a token that was not taken over")
				}
				k.mu.Lock()
				k.update(next)
				k.mu.Unlock()
			}
			wantAsked(t, k, row.name, row.want)
			time.Sleep(standing)
			wantAsked(t, k, row.name+", when it is old", true)
		})
	}
}

// An AppSecret that cannot be read is no question to WeChat, and is not counted as one.
func TestWhatNeverReachedWeChatIsNotCounted(t *testing.T) {
	w := &fakeWeChat{err: UnreadableSecret}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		time.Sleep(time.Minute)
		if n := k.Status().FetchesToday; n != 0 || w.fetches() == 0 {
			t.Errorf("got %d fetches today after %d attempts; want none", n, w.fetches())
		}
		if asked, err := k.Refresh("", time.Minute); asked || err == nil {
			t.Errorf("got asked %v, %v; want an error, and nothing asked", asked, err)
		}
		w.fail(nil)
		time.Sleep(askedPause)
		wantAsked(t, k, "a file that is back", true)
		if n := k.Status().FetchesToday; n != 1 {
			t.Errorf("got %d fetches today; want one", n)
		}
	})
}

func TestRefreshForATokenThatFailedIsPassive(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "token-1")
		w.revoke()
		time.Sleep(time.Minute)
		for i, failed := range []string{"another", "token-1", "token-1"} {
			if asked, err := k.Refresh(failed, time.Minute); err != nil || asked != (i == 1) {
				t.Errorf("%s: got asked %v, %v", failed, asked, err)
			}
			time.Sleep(time.Millisecond)
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
			if _, err := k.Refresh("", time.Minute); !errors.As(err, &why) || !errors.As(err, &refusal) || why.Retry <= 0 {
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
		if _, err := k.Refresh("", time.Second); !errors.As(err, &late) {
			t.Errorf("got %v; want a time-out", err)
		}
		k.Stop()
		if _, err := k.Refresh("", time.Second); !errors.Is(err, ErrStopped) {
			t.Errorf("when it has stopped: got %v", err)
		}
	})
}

func TestRefreshAsksDuringABackOffButNotAllTheTime(t *testing.T) {
	w := &fakeWeChat{err: &Refusal{Code: 50004, Reason: "forbidden"}}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		for range 10 {
			if _, err := k.Refresh("", time.Minute); err == nil {
				t.Error("got a token that WeChat refuses")
			}
		}
		wantFetches(t, w, 2) // at once, and then not again
		time.Sleep(askedPause)
		w.fail(nil)
		if _, err := k.Refresh("", time.Minute); err != nil {
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
			if _, refused := k.Refresh("", time.Minute); refused != nil {
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
		if _, err := k.Refresh("", time.Minute); !errors.Is(err, ErrManyFetches) {
			t.Errorf("got %v; want no fetch", err)
		}
		wantFetches(t, w, 1)
	})
}
