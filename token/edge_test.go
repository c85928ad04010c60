package token

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

func TestARejectionOfAnExpiredTokenAsksForANewOneAndDoesNotProbe(t *testing.T) {
	for _, test := range []struct{ name, refused string }{
		{"the expired one", "token-1"},
		{"another", "of somebody else"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &scriptedWeChat{verdicts: []Verdict{Alive}} // the old token is honoured a little longer
				w.classic, w.life = true, time.Minute
				k := newScripted(w, MemoryStore())
				defer k.Stop()
				k.Start()
				wantToken(t, k, "token-1")
				w.fail(errAway)
				time.Sleep(90 * time.Second)
				w.fail(nil)
				w.change(func(*fakeWeChat) { w.probes = 0 })
				wantReplaced(t, k, test.refused, "token-2")
				if w.probes > 0 {
					t.Errorf("got %d probes; want none of a token that nobody would use", w.probes)
				}
			})
		})
	}
}

func TestAClassicRotationThatSucceedsAtTheSecondTryCountsForHalfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scriptedWeChat{verdicts: []Verdict{Dead}}
		w.classic = true
		k := newScripted(w, MemoryStore())
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		time.Sleep(standing)
		w.fail(errAway)
		_, err := k.Replace("token-1", time.Minute)
		wantUnavailable(t, err)
		w.fail(nil)
		time.Sleep(2 * time.Second)
		wantReplaced(t, k, "token-1", "token-2") // by the retry
		wantReplaced(t, k, "token-2", "token-2")
		time.Sleep(24 * time.Second) // and three of them were needed to see that it is dead
		wantReplaced(t, k, "token-2", "token-2")
		time.Sleep(6 * time.Second)
		wantReplaced(t, k, "token-2", "token-3")
	})
}

func TestAPlanBeyondTheEndOfTheTokenDoesNotHold(t *testing.T) {
	now := time.Now()
	o := NewKeeper(Options{Issuer: IssuerOfWeChat}).options
	token := Token{secret.New("t"), now.Add(time.Hour)}
	s := &state{token: token, next: now.Round(0).Add(26 * time.Hour)} // the clock was set back by a day
	if got := s.due(token, now, o).Sub(now.Round(0)); got > time.Hour {
		t.Errorf("got the next refresh in %v; want it before the token ends", got)
	}
	s.next = now.Round(0).Add(57 * time.Minute)
	if got := s.due(token, now, o); !got.Equal(s.next) {
		t.Errorf("got %v; want the plan to hold", got)
	}
}

func TestANewSecretIsFoundByAnAccountThatWasJustWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWeChat{err: &Refusal{Code: 40125, Reason: "invalid appsecret"}}
		var mu sync.Mutex
		changed := false
		k := newKeeper(w, func(o *Options) {
			o.SecretChanged = func() bool { mu.Lock(); defer mu.Unlock(); return changed }
		})
		defer k.Stop()
		k.Start()
		time.Sleep(unusedFor + time.Minute)
		synctest.Wait()
		if left := time.Until(k.Status().NextRefresh); left < 5*time.Second || !k.Status().Asleep {
			t.Skip("the retry fell onto the hour")
		}
		_, err := k.Token(time.Second)
		wantUnavailable(t, err)
		w.fail(nil)
		mu.Lock()
		changed = true
		mu.Unlock()
		time.Sleep(2*secretLook + time.Second)
		wantToken(t, k, "token-1")
	})
}

func TestThe500thFetchIsReportedAlsoWhenItFails(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
	}{{"it succeeds", nil}, {"it fails", errAway}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &keptStore{kept: map[Key]Record{{AppID: "wx1"}: {Durable: Durable{Spent: Spent{Day: BeijingDay(time.Now()), Fetches: fetchesPerDay - 1}}}}}
				var log strings.Builder
				w := &fakeWeChat{classic: true, err: test.err}
				k := newKeeper(w, func(o *Options) { o.Store, o.Log = store, slog.New(slog.NewTextHandler(&log, nil)) })
				k.Start()
				_, err := k.Token(time.Second)
				if (err == nil) != (test.err == nil) {
					t.Errorf("got %v", err)
				}
				time.Sleep(10 * time.Minute)
				k.Stop()
				if got := strings.Count(log.String(), "many token fetches today"); got != 1 {
					t.Errorf("got %d lines about the budget; want 1 in\n%s", got, log.String())
				}
			})
		})
	}
}

func TestAThousandRefusedWithADeadTokenCostOneForcedRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scriptedWeChat{verdicts: []Verdict{Dead, Dead, Alive}}
		w.latency = 200 * time.Millisecond
		k := newScripted(w, MemoryStore())
		defer k.Stop()
		wantToken(t, k, "token-1")
		time.Sleep(standing)
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() { wantReplaced(t, k, "token-1", "token-2") })
		}
		callers.Wait()
		if got, want := w.counts(), "3 fetches, 1 forced, 3 probes"; got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	})
}

func TestAForcedRefreshIsNotRepeatedWithin30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scriptedWeChat{verdicts: []Verdict{Dead}, forceErr: errAway}
		k := newScripted(w, MemoryStore())
		defer k.Stop()
		wantToken(t, k, "token-1")
		time.Sleep(standing)
		wantReplaced(t, k, "token-1", "token-1")
		time.Sleep(29 * time.Second)
		if _, err := k.Refresh("", time.Minute); err == nil {
			t.Error("got a refresh of a dead token that succeeded")
		}
		if w.forces != 1 {
			t.Errorf("got %d forced refreshes; want one", w.forces)
		}
		if err := k.Status().LastError; err == nil || !strings.Contains(err.Error(), "less than 30 s ago") {
			t.Errorf("got the problem %v; want it in words", err)
		}
	})
}
