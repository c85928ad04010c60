package token

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAThousandRefusedAtOnceCostOneFetch(t *testing.T) {
	for _, classic := range []bool{false, true} {
		w := &fakeWeChat{classic: classic, latency: 300 * time.Millisecond}
		inBubble(t, w, func(t *testing.T, k *Keeper) {
			wantToken(t, k, "token-1")
			const want = "token-2"
			if !classic { // which needs no reason to rotate
				w.revoke()
			}
			var callers sync.WaitGroup
			for range 1000 {
				callers.Go(func() { wantReplaced(t, k, "token-1", want) })
			}
			callers.Wait()
			wantFetches(t, w, 2)
			if got := k.Status().Rejections; got != 1000 {
				t.Errorf("got %d rejections; want 1000", got)
			}
			wantReplaced(t, k, "token-1", want) // one that comes late
			wantFetches(t, w, 2)
		})
	}
}

func TestWeChatStandsByItsTokenForHalfAMinute(t *testing.T) {
	w := &fakeWeChat{latency: 100 * time.Millisecond}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "token-1")
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() { wantReplaced(t, k, "token-1", "token-1") })
		}
		callers.Wait()
		wantFetches(t, w, 2)

		time.Sleep(29 * time.Second)
		w.revoke()
		wantReplaced(t, k, "token-1", "token-1")
		wantFetches(t, w, 2)

		time.Sleep(2 * time.Second)
		wantReplaced(t, k, "token-1", "token-2")
		wantFetches(t, w, 3)

		w.revoke() // WeChat said nothing of this one yet
		wantReplaced(t, k, "token-2", "token-3")
		wantFetches(t, w, 4)
	})
}

func TestARejectionThatWeChatDoesNotUpholdChangesNoPlan(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		time.Sleep(time.Hour)
		plan := k.Status().NextRefresh
		wantReplaced(t, k, "token-1", "token-1")
		if got := k.Status().NextRefresh; got.Before(plan) || got.After(plan.Add(2*time.Minute)) {
			t.Errorf("got next refresh %v; want about %v", got, plan)
		}
	})
}

func TestTheClassicTokenRotatesForRejectionsOnceInHalfAMinute(t *testing.T) {
	w := &fakeWeChat{classic: true}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantReplaced(t, k, "token-1", "token-2")
		time.Sleep(29 * time.Second)
		wantReplaced(t, k, "token-2", "token-2")
		wantReplaced(t, k, "token-1", "token-2")
		wantFetches(t, w, 2)
		time.Sleep(time.Second)
		wantReplaced(t, k, "token-2", "token-3")
		wantFetches(t, w, 3)
	})
}

func TestAScheduledRotationDoesNotCountAsOneForARejection(t *testing.T) {
	w := &fakeWeChat{classic: true}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		time.Sleep(115*time.Minute + 121*time.Second)
		synctest.Wait()
		wantToken(t, k, "token-2")
		wantReplaced(t, k, "token-2", "token-3")
	})
}

func TestAScheduledRotationDoesNotAllowMoreForRejections(t *testing.T) {
	w := &fakeWeChat{classic: true, life: 20 * time.Second}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantReplaced(t, k, "token-1", "token-2")
		time.Sleep(15 * time.Second)
		synctest.Wait()
		wantToken(t, k, "token-3")
		wantReplaced(t, k, "token-3", "token-3")
	})
}

func TestATokenThatIsNotTheCurrentOneIsOnlyCompared(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantReplaced(t, k, "of somebody else", "token-1")
		wantReplaced(t, k, "", "token-1")
		wantFetches(t, w, 1)
	})
}

func TestARejectionDoesNotJoinAFetchThatBeganBefore(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		w.delay(2 * time.Second)
		k.refresh(k.state.Load()) // as if it were due
		time.Sleep(time.Second)
		start := time.Now()
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() { wantReplaced(t, k, "token-1", "token-1") })
		}
		callers.Wait()
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("waited %v; want 1s for the fetch under way and 2s for the own one", waited)
		}
		wantFetches(t, w, 3)
	})
}

func TestAFetchUnderWayThatBringsAnotherTokenSettlesTheRejection(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		w.delay(2 * time.Second)
		k.refresh(k.state.Load())
		time.Sleep(time.Second)
		w.revoke()
		wantReplaced(t, k, "token-1", "token-2")
		wantFetches(t, w, 2)
	})
}

func TestAFailedReplacementKeepsTheTokenAndIsNotRepeatedAtOnce(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		w.fail(errAway)
		for range 3 {
			_, err := k.Replace("token-1", time.Minute)
			if u := wantUnavailable(t, err); u.Retry <= 0 || u.Retry > 1200*time.Millisecond {
				t.Errorf("got retry after %v; want a good second", u.Retry)
			}
		}
		wantFetches(t, w, 2)
		wantToken(t, k, "token-1")

		w.fail(nil)
		w.revoke()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		wantToken(t, k, "token-2") // nobody had to ask
	})
}

func TestAReplacementWaitsAtMostItsTime(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		w.delay(5 * time.Second)
		start := time.Now()
		if got, err := k.Replace("token-1", time.Second); err == nil {
			t.Errorf("got %q; want a timeout", got)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %v; want 1s", waited)
		}
		wantToken(t, k, "token-1")
	})
}

func TestARejectionWithoutAnyTokenIsAWaitForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWeChat{latency: time.Second}
		k := newKeeper(w)
		defer k.Stop()
		k.Start()
		wantReplaced(t, k, "from before", "token-1")
		wantFetches(t, w, 1)
	})
}

func TestAWaitForWhatARefusalMeansIsNotBlamedOnWeChat(t *testing.T) {
	w := &fakeWeChat{}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "token-1")
		w.delay(5 * time.Second)
		_, err := k.Replace("token-1", time.Second)
		timeout, ok := errors.AsType[*Timeout](err)
		if !ok || timeout.RetryAfter() != time.Second || strings.Contains(err.Error(), "WeChat has not answered") || !strings.Contains(err.Error(), "not settled within 1s; that takes seconds: set upstream.timeout to 10s or more") {
			t.Errorf("got %v; want what was waited for", err)
		}
	})
}
