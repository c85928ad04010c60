package token

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

func TestATokenIsRefreshedBeforeItExpiresWithoutBeingAskedFor(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "token-1")
		time.Sleep(115*time.Minute - time.Second)
		synctest.Wait()
		wantFetches(t, w, 1)

		time.Sleep(2 * time.Minute)
		synctest.Wait()
		wantToken(t, k, "token-2")
		if got := k.Status().State; got != StateFresh {
			t.Errorf("got state %q; want fresh", got)
		}
	})
}

func TestADayOfRefreshesAsksWeChatHardlyMoreThanNeeded(t *testing.T) {
	for _, test := range []struct {
		name          string
		classic       bool
		before        time.Duration
		least, atMost int
	}{
		{"stable", false, 5 * time.Minute, 12, 20},
		{"stable, due an hour before expiry", false, time.Hour, 12, 40},
		{"classic", true, 5 * time.Minute, 12, 13},
		{"classic, due an hour before expiry", true, time.Hour, 20, 24},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &fakeWeChat{classic: test.classic, latency: 80 * time.Millisecond}
			synctest.Test(t, func(t *testing.T) {
				k := newKeeper(w, func(o *Options) { o.RefreshBefore = test.before })
				defer k.Stop()
				k.Start()
				for range 24 * 60 {
					time.Sleep(time.Minute)
					if _, err := k.Token(0); err != nil {
						t.Fatalf("at %v: %v", time.Now(), err)
					}
				}
			})
			if got := w.fetches(); got < test.least || got > test.atMost {
				t.Errorf("got %d fetches; want %d to %d", got, test.least, test.atMost)
			}
		})
	}
}

func TestATokenThatWeChatRepeatsIsAskedForAgainWithoutAStorm(t *testing.T) {
	w := &fakeWeChat{window: 3 * time.Minute} // two minutes later than we ask
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		time.Sleep(118 * time.Minute)
		synctest.Wait()
		wantToken(t, k, "token-2")
		times := w.times()
		for i := 2; i < len(times); i++ {
			if gap := times[i].Sub(times[i-1]); gap < minRepeat {
				t.Errorf("fetches %d and %d are %v apart; want at least %v", i-1, i, gap, minRepeat)
			}
		}
		if len(times) > 16 {
			t.Errorf("got %d fetches; want few", len(times))
		}
	})
}

func TestAValidTokenIsServedWhileWeChatIsAwayAndAnExpiredOneIsNot(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		time.Sleep(114 * time.Minute)
		w.fail(errAway)
		for range 5 {
			time.Sleep(time.Minute)
			wantToken(t, k, "token-1")
		}
		time.Sleep(61 * time.Second)
		if got := k.Status().State; got != StateGone {
			t.Errorf("got state %q; want gone", got)
		}
		start := time.Now()
		_, err := k.Token(time.Minute)
		if u := wantUnavailable(t, err); u.Retry <= 0 || u.Retry > 72*time.Second || u.RetryAfter() != u.Retry {
			t.Errorf("got retry after %v; want at most 72 s", u.Retry)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v during the back-off; want an answer at once", waited)
		}
		time.Sleep(54 * time.Minute)
		if got := w.fetches(); got > 70 {
			t.Errorf("got %d fetches in an hour; want at most about one a minute", got)
		}

		w.fail(nil)
		time.Sleep(73 * time.Second)
		wantToken(t, k, "token-2")
	})
}

func TestAStartWithoutWeChatRecoversByItself(t *testing.T) {
	w := &fakeWeChat{err: errAway}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		if s := k.Status(); s.State != StateGone || s.LastError == nil || !s.Expires.IsZero() || !s.RefreshedAt.IsZero() {
			t.Errorf("got status %+v; want gone with the reason", s)
		}
		time.Sleep(10 * time.Second)
		w.fail(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if s := k.Status(); s.State != StateFresh || s.LastError != nil || s.RefreshedAt.IsZero() {
			t.Errorf("got status %+v; want fresh and no error", s)
		}
	})
}

func TestFailuresOfAnotherClassBeginTheirOwnBackOff(t *testing.T) {
	w := &fakeWeChat{err: errAway}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		time.Sleep(30 * time.Minute)
		w.fail(&Refusal{Code: 40164, Reason: "invalid ip 1.2.3.4, not in whitelist"})
		for IssuerOfWeChat.Explain(k.Status().LastError).Code == 0 {
			time.Sleep(time.Second)
		}
		_, err := k.Token(0)
		if u := wantUnavailable(t, err); u.Retry > 72*time.Second {
			t.Errorf("got retry after %v; want the first step, a minute", u.Retry)
		}
	})
}

func TestACallerWaitsForTheFirstTokenAtMostItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWeChat{latency: 3 * time.Second}
		k := newKeeper(w)
		defer k.Stop()
		k.Start()

		start := time.Now()
		_, err := k.Token(time.Second)
		timeout, ok := errors.AsType[*Timeout](err)
		if !ok || !timeout.Timeout() || timeout.RetryAfter() != time.Second || !strings.Contains(err.Error(), "shop") {
			t.Errorf("got %v; want a *Timeout of account shop", err)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %v; want 1s", waited)
		}
		wantToken(t, k, "token-1")
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("the token came after %v; want 3s", waited)
		}
		wantFetches(t, w, 1)
	})
}

func TestAKeeperThatWasNotStartedFetchesWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWeChat{}
		k := newKeeper(w)
		defer k.Stop()
		wantToken(t, k, "token-1")
	})
}

func TestAFetchThatHangsIsEndedByTheKeeper(t *testing.T) {
	w := &fakeWeChat{latency: time.Hour}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		_, err := k.Token(time.Minute)
		if u := wantUnavailable(t, err); !errors.Is(u, context.DeadlineExceeded) {
			t.Errorf("got cause %v; want the deadline", u.Cause)
		}
	})
}

func TestAPanicOfTheFetchIsAFailureThatTellsNoSecret(t *testing.T) {
	var table map[string]int
	for _, test := range []struct {
		name  string
		panic any
		want  string
	}{
		{"a string", "canary", "panic with a string"},
		{"an error", errors.New("canary"), "panic with a *errors.errorString"},
		{"of the runtime", func() (r any) { defer func() { r = recover() }(); table["x"] = 1; return nil }(), "nil map"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &fakeWeChat{panics: test.panic}
			inBubble(t, w, func(t *testing.T, k *Keeper) {
				_, err := k.Token(0)
				if text := wantUnavailable(t, err).Error(); !strings.Contains(text, test.want) || strings.Contains(text, "canary") {
					t.Errorf("got %q; want %q and no canary", text, test.want)
				}
				w.change(func(w *fakeWeChat) { w.panics = nil })
				time.Sleep(2 * time.Second)
				wantToken(t, k, "token-1")
			})
		})
	}
}

func TestATokenWithoutLifeIsNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKeeper(Options{Issuer: IssuerOfWeChat, Name: "shop", Fetch: func(context.Context) (Token, error) {
			return Token{Value: secret.New("dead"), Expires: time.Now()}, nil
		}})
		defer k.Stop()
		_, err := k.Token(time.Second)
		wantUnavailable(t, err)
	})
}

func TestARequestKicksARefreshWhoseTimerWasLost(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		k.mu.Lock()
		k.timer.Stop() // as good as: the machine slept
		k.mu.Unlock()
		time.Sleep(117 * time.Minute)
		w.delay(time.Second)
		for range 100 {
			wantToken(t, k, "token-1")
		}
		if got := k.Status().State; got != StateDue {
			t.Errorf("got state %q; want due", got)
		}
		time.Sleep(2 * time.Second)
		wantToken(t, k, "token-2")
		wantFetches(t, w, 2)
	})
}

func TestATimerThatComesTooLateStartsNothing(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		old := k.state.Load()
		w.revoke()
		wantReplaced(t, k, "token-1", "token-2")
		k.refresh(old)
		synctest.Wait()
		wantFetches(t, w, 2)
	})
}

func TestStopCancelsTheFetchUnderWayAndWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		k := NewKeeper(Options{Issuer: IssuerOfWeChat, Name: "shop", Fetch: func(ctx context.Context) (Token, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			ended.Store(true)
			return Token{}, ctx.Err()
		}})
		k.Start()
		var waiters sync.WaitGroup
		waiters.Go(func() {
			_, err := k.Token(time.Minute)
			if u := wantUnavailable(t, err); !errors.Is(u, ErrStopped) {
				t.Errorf("the waiter got %v; want that the proxy stops", err)
			}
		})
		synctest.Wait()
		k.Stop()
		if !ended.Load() {
			t.Error("Stop returned before the fetch ended")
		}
		waiters.Wait()
		if got := k.Status().LastError; got != nil {
			t.Errorf("got last error %v; want none, since nothing failed", got)
		}
		k.Stop() // once more does no harm
	})
}

func TestAStoppedKeeperServesItsTokenAndAsksNoMore(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		k.Stop()
		time.Sleep(118 * time.Minute)
		wantToken(t, k, "token-1")
		_, err := k.Replace("token-1", time.Minute)
		wantUnavailable(t, err)
		time.Sleep(3 * time.Minute)
		_, err = k.Token(time.Minute)
		wantUnavailable(t, err)
		wantFetches(t, w, 1)
	})
}

func TestATokenFetchedWhileStoppingIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := MemoryStore()
		k := NewKeeper(Options{Issuer: IssuerOfWeChat, Name: "shop", AppID: "wx1", Store: store, Fetch: func(ctx context.Context) (Token, error) {
			<-ctx.Done() // the answer was on its way
			return Token{secret.New("late"), time.Now().Add(time.Hour)}, nil
		}})
		k.Start()
		synctest.Wait()
		k.Stop()
		if got, err := store.Load(Key{AppID: "wx1"}); err != nil || got.Token.Value.Reveal() != "late" {
			t.Errorf("got %v from the store; want the token that came last", err)
		}
	})
}

func TestStatusTellsAboutTheAccount(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantReplaced(t, k, "token-1", "token-1")
		wantReplaced(t, k, "other", "token-1")
		s := k.Status()
		if s.State != StateFresh || s.FetchesToday != 2 || s.Rejections != 2 || s.LastError != nil {
			t.Errorf("got %+v; want fresh, 2 fetches, 2 rejections, no error", s)
		}
		if left := time.Until(s.Expires); left != 2*time.Hour {
			t.Errorf("expires in %v; want 2h", left)
		}
		if until := time.Until(s.NextRefresh); until < 115*time.Minute || until > 117*time.Minute {
			t.Errorf("next refresh in %v; want 115 to 117 minutes", until)
		}
		if !s.RefreshedAt.Equal(time.Now()) {
			t.Errorf("refreshed at %v; want now", s.RefreshedAt)
		}
		time.Sleep(16*time.Hour + time.Minute) // the bubble begins at 08:00 in Beijing
		if got := k.Status().FetchesToday; got > 1 {
			t.Errorf("got %d fetches just after midnight in Beijing; want at most 1", got)
		}
		w.fail(errAway)
		wantToken(t, k, k.state.Load().token.Value.Reveal())
	})
}

func TestAFailedRefreshOfAValidTokenIsDue(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		w.fail(errAway)
		_, err := k.Replace("token-1", time.Minute)
		wantUnavailable(t, err)
		if s := k.Status(); s.State != StateDue || s.LastError == nil {
			t.Errorf("got %+v; want due with the error", s)
		}
	})
}

func TestServingATokenAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWeChat{}
		k := newKeeper(w)
		defer k.Stop()
		wantToken(t, k, "token-1")
		serve := func() {
			if _, err := k.Token(time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if got := testing.AllocsPerRun(100, serve); got != 0 {
			t.Errorf("fresh: got %v allocations; want 0", got)
		}
		w.delay(time.Second)
		time.Sleep(117 * time.Minute)
		serve()
		if got := testing.AllocsPerRun(100, serve); got != 0 {
			t.Errorf("due: got %v allocations; want 0", got)
		}
	})
}

func TestManyCallersAtRandom(t *testing.T) {
	for _, classic := range []bool{false, true} {
		t.Run(fmt.Sprintf("classic %v", classic), func(t *testing.T) {
			w := &fakeWeChat{classic: classic, latency: 200 * time.Millisecond, life: 400 * time.Second}
			synctest.Test(t, func(t *testing.T) {
				k := newKeeper(w)
				defer k.Stop()
				k.Start()
				var callers sync.WaitGroup
				for range 50 {
					callers.Go(func() { callAtRandom(t, k, w) })
				}
				callers.Wait()
			})
		})
	}
}

// callAtRandom uses k for some minutes, in which tokens die and WeChat fails.
func callAtRandom(t *testing.T, k *Keeper, w *fakeWeChat) {
	for range 100 {
		time.Sleep(rand.N(10 * time.Second))
		value, err := k.Token(time.Second)
		if (value == "") == (err == nil) {
			t.Errorf("got token %q and error %v; want one of them", value, err)
		}
		switch rand.N(20) {
		case 0:
			w.revoke()
		case 1:
			w.fail(errAway)
		case 2, 3:
			w.fail(nil)
		}
		if rand.N(3) == 0 && err == nil {
			value, err = k.Replace(value, time.Second)
			if (value == "") == (err == nil) {
				t.Errorf("got replacement %q and error %v; want one of them", value, err)
			}
		}
		k.Status()
	}
}

func BenchmarkToken(b *testing.B) {
	w := &fakeWeChat{}
	k := newKeeper(w)
	defer k.Stop()
	if _, err := k.Token(time.Minute); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Token(time.Second); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheTokenBeforeIsKnown(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "token-1")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		wantToken(t, k, "token-2")
		heir := newKeeper(w)
		heir.Inherit(k)
		for _, one := range []*Keeper{k, heir} {
			if got := one.Known([]string{"x"}); !slices.Equal(got, []string{"x", "token-2", "token-1"}) {
				t.Errorf("got %q; want both tokens", got)
			}
		}
	})
}
