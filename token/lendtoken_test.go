package token

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

func TestNobodyIsLentATokenThatIsAboutToExpire(t *testing.T) {
	for _, classic := range []bool{false, true} {
		w := &fakeWeChat{classic: classic, latency: 100 * time.Millisecond}
		inBubble(t, w, func(t *testing.T, k *Keeper) {
			wantToken(t, k, "token-1")
			for second := range 4 * 60 * 60 {
				value, left, err := k.Lend(30 * time.Second)
				if err != nil || left < 300*time.Second || value != w.current.Value.Reveal() || left > 2*time.Hour {
					t.Fatalf("after %d s: got %v, %v; want more than 300 s of the current token", second, left, err)
				}
				time.Sleep(time.Second)
			}
			if got := w.fetches(); got > 12 {
				t.Errorf("got %d fetches in four hours; want few", got)
			}
		})
	}
}

// until the token has so much left, and nobody could renew it.
func briefToken(t *testing.T, w *fakeWeChat, f func(t *testing.T, k *Keeper)) {
	t.Helper()
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "token-1")
		w.fail(errAway)
		time.Sleep(time.Until(k.Status().Expires) - 100*time.Second)
		f(t, k)
	})
}

func TestWhoeverWouldGetLessWaitsForTheSuccessor(t *testing.T) {
	w := &fakeWeChat{}
	briefToken(t, w, func(t *testing.T, k *Keeper) {
		time.Sleep(waiting)
		w.fail(nil)
		w.delay(2 * time.Second)
		value, left, err := k.Lend(30 * time.Second)
		if err != nil { // somebody has asked a moment ago, while WeChat was away
			time.Sleep(wantUnavailable(t, err).RetryAfter())
			value, left, err = k.Lend(30 * time.Second)
		}
		if value != "token-2" || left < 7000*time.Second || err != nil {
			t.Errorf("got %q, %v, %v; want the successor", value, left, err)
		}
	})
}

func TestWithoutASuccessorNothingIsLent(t *testing.T) {
	w := &fakeWeChat{}
	briefToken(t, w, func(t *testing.T, k *Keeper) {
		began := time.Now()
		value, left, err := k.Lend(30 * time.Second)
		if u := wantUnavailable(t, err); value != "" || left != 0 || !errors.Is(u, errAway) || u.RetryAfter() <= 0 {
			t.Errorf("got %q, %v, %v; want nothing, and why", value, left, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %v; want the failure at once", took)
		}
		wantToken(t, k, "token-1") // which calls go on with
		w.fail(nil)
		w.delay(time.Minute)
		time.Sleep(waiting)
		began = time.Now()
		if _, _, err := k.Lend(5 * time.Second); err == nil || time.Since(began) > 5*time.Second {
			t.Errorf("got %v after %v; want an error by the caller's deadline", err, time.Since(began))
		}
	})
}

// Whatever the life that WeChat says, less than 300 s is not handed out, and WeChat is
// not asked again for everybody who wants it.
func TestATokenThatIsBornWithLessIsNotLent(t *testing.T) {
	for _, life := range []time.Duration{time.Second, 2 * time.Second, 60 * time.Second, 290 * time.Second} {
		for _, classic := range []bool{false, true} {
			w := &fakeWeChat{life: life, classic: classic, window: time.Second}
			inBubble(t, w, func(t *testing.T, k *Keeper) {
				wantToken(t, k, "token-1")
				for range 600 {
					value, left, err := k.Lend(30 * time.Second)
					if value != "" || left != 0 || err == nil {
						t.Fatalf("%v, classic %v: got %q, %v; want nothing", life, classic, value, left)
					}
					u := wantUnavailable(t, err)
					if !errors.Is(u, ErrBrief) || u.Retry <= 0 || u.Retry > standing {
						t.Fatalf("%v, classic %v: got %v, retry in %v; want why, and when to come again", life, classic, u, u.Retry)
					}
					time.Sleep(100 * time.Millisecond)
				}
				if got, most := w.fetches(), 12+int(2*time.Minute/life); got > most {
					t.Errorf("%v, classic %v: got %d fetches in a minute; want %d at most", life, classic, got, most)
				}
				if _, err := k.Token(time.Second); err != nil && life > 2*time.Second {
					t.Errorf("got %v; want calls that go on", err)
				}
			})
		}
	}
}

func TestAKeeperWhoseTokenIsLentFromNowOnRenewsItEarlier(t *testing.T) {
	w := &fakeWeChat{classic: true}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "token-1")
		next := newKeeper(w, func(o *Options) { o.Lent = true })
		next.Inherit(k)
		next.Start()
		defer next.Stop()
		s := next.Status()
		if before := s.Expires.Sub(s.NextRefresh); before != lentBefore {
			t.Errorf("got the next refresh %v before the end; want %v", before, lentBefore)
		}
	})
}

func TestADeadTokenIsNotLent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scriptedWeChat{verdicts: []Verdict{Dead}, forceFails: true}
		k := newScripted(w, MemoryStore())
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		time.Sleep(time.Minute)
		wantReplaced(t, k, "token-1", "token-1")
		if value, _, err := k.Lend(time.Second); err == nil {
			t.Errorf("got %q; want words", value)
		}
	})
}

func TestAClassicTokenThatProgramsKeepIsRenewedHalfAnHourBeforeItsEnd(t *testing.T) {
	for _, life := range []time.Duration{2 * time.Hour, 40 * time.Minute, lentBefore + 20*time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeWeChat{classic: true, life: life}
			k := newKeeper(w, func(o *Options) { o.Lent = true })
			defer k.Stop()
			k.Start()
			wantToken(t, k, "token-1")
			s := k.Status()
			least, most := lentBefore, lentBefore+lentJitter
			if life < lentBefore {
				least, most = 0, life/2
			}
			if before := s.Expires.Sub(s.NextRefresh); before < least || before > most {
				t.Errorf("life %v: got the next refresh %v before the end; want %v to %v", life, before, least, most)
			}
		})
	}
}

// A machine that was suspended has missed the moment at which the classic token is
// renewed for those who subtract 1500 s.
func TestAClassicTokenIsLentWithMoreThanTheLargestMarginThoughTheTimerIsLate(t *testing.T) {
	for _, failing := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeWeChat{classic: true, latency: 2 * time.Second}
			if failing {
				w.fail(errAway)
			}
			k := newKeeper(w, func(o *Options) { o.Lent = true })
			defer k.Stop()
			now := time.Now()
			k.setState(&state{token: Token{secret.New("token-0"), now.Add(20 * time.Minute)}, next: now.Add(time.Hour)})
			value, left, err := k.Lend(30 * time.Second)
			switch {
			case !failing && (value != "token-1" || left < 7000*time.Second || err != nil):
				t.Errorf("got %q, %v, %v; want the successor", value, left, err)
			case failing && (value != "token-0" || left < 1100*time.Second || err != nil):
				t.Errorf("WeChat is away: got %q, %v, %v; want what is left", value, left, err)
			}
		})
	}
}

func TestAReloadThatChangesRefreshBeforeCountsAtOnce(t *testing.T) {
	for _, row := range []struct {
		name                       string
		classic                    bool
		from, to                   time.Duration
		atLeast, atMost, waitFirst time.Duration
	}{
		{"earlier", false, 5 * time.Minute, time.Hour, 36 * time.Minute, time.Hour, 0},
		{"later", false, time.Hour, 5 * time.Minute, 3 * time.Minute, 5 * time.Minute, 0},
		{"classic", true, 5 * time.Minute, 30 * time.Minute, 18 * time.Minute, 30 * time.Minute, 0},
		{"due by now", false, 5 * time.Minute, time.Hour, 40 * time.Minute, 40 * time.Minute, 80 * time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := &fakeWeChat{classic: row.classic}
			synctest.Test(t, func(t *testing.T) {
				k := newKeeper(w, func(o *Options) { o.RefreshBefore = row.from })
				k.Start()
				wantToken(t, k, "token-1")
				time.Sleep(row.waitFirst)
				next := newKeeper(w, func(o *Options) { o.RefreshBefore = row.to })
				next.Inherit(k)
				k.Stop()
				s := next.Status()
				if before := s.Expires.Sub(s.NextRefresh); before < row.atLeast || before > row.atMost {
					t.Errorf("got the next refresh %v before the end; want %v to %v", before, row.atLeast, row.atMost)
				}
				same := newKeeper(w, func(o *Options) { o.RefreshBefore = row.from })
				same.Inherit(k)
				if got, want := same.Status().NextRefresh, k.Status().NextRefresh; !got.Equal(want) {
					t.Errorf("without a change got the next refresh at %v; want %v, as before", got, want)
				}
			})
		})
	}
}
