package token

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

// A scriptedWeChat is a fakeWeChat whose opinion of a token can be told, and
// that can be made to replace one by force.
type scriptedWeChat struct {
	fakeWeChat

	verdicts   []Verdict // of the probes, in turn; the last one for ever
	probes     int
	forces     int
	forceErr   error
	forceFails bool // the forced refresh changes nothing
}

func (w *scriptedWeChat) Probe(context.Context, secret.Secret) Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes++
	return w.verdicts[min(w.probes, len(w.verdicts))-1]
}

func (w *scriptedWeChat) Force(ctx context.Context) (Token, error) {
	w.mu.Lock()
	w.forces++
	if w.forceErr == nil && !w.forceFails {
		w.rotate()
	}
	err := w.forceErr
	w.mu.Unlock()
	if err != nil {
		return Token{}, err
	}
	return w.Fetch(ctx)
}

// counts are fetches, of these by force, and probes.
func (w *scriptedWeChat) counts() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%d fetches, %d forced, %d probes", len(w.asked), w.forces, w.probes)
}

// A tally is how often it was probed and forced, and how many tokens it issued.
type tally struct{ probes, forces, issued int }

func (w *scriptedWeChat) done() tally {
	w.mu.Lock()
	defer w.mu.Unlock()
	return tally{w.probes, w.forces, w.issued}
}

// newScripted returns a Keeper of w with all that w can do.
func newScripted(w *scriptedWeChat, store Store) *Keeper {
	return newKeeper(&w.fakeWeChat, func(o *Options) {
		o.Probe, o.Force, o.Store = w.Probe, w.Force, store
		if w.classic {
			o.Force = nil
		}
	})
}

func TestARefusedTokenIsReplacedOnlyIfItIsDead(t *testing.T) {
	type row struct {
		name     string
		classic  bool
		verdicts []Verdict
		change   func(*scriptedWeChat)
		want     string // the token to use
		counts   string
		problem  string
	}
	quota := &Refusal{Code: 45009, Reason: "reach max api daily quota limit"}
	for _, test := range []row{
		{name: "stable, superseded", verdicts: []Verdict{Dead}, change: func(w *scriptedWeChat) { w.revoke() },
			want: "token-2", counts: "2 fetches, 0 forced, 0 probes"},
		{name: "stable, the API is not open", verdicts: []Verdict{Alive}, want: "token-1", counts: "2 fetches, 0 forced, 1 probes"},
		{name: "stable, the probe is not clear", verdicts: []Verdict{Unclear}, want: "token-1", counts: "2 fetches, 0 forced, 1 probes"},
		{name: "stable, the probe flaps", verdicts: []Verdict{Dead, Alive}, want: "token-1", counts: "2 fetches, 0 forced, 2 probes"},
		{name: "stable, dead and repeated", verdicts: []Verdict{Dead, Dead, Alive}, want: "token-2", counts: "3 fetches, 1 forced, 3 probes"},
		{name: "stable, dead, force changes nothing", verdicts: []Verdict{Dead}, change: func(w *scriptedWeChat) { w.forceFails = true },
			want: "token-1", counts: "3 fetches, 1 forced, 2 probes", problem: "a forced refresh changed nothing"},
		{name: "stable, dead, force is refused", verdicts: []Verdict{Dead}, change: func(w *scriptedWeChat) { w.forceErr = quota },
			want: "token-1", counts: "2 fetches, 1 forced, 2 probes", problem: "errcode 45009"},
		{name: "stable, the token API is away and the token good", verdicts: []Verdict{Alive}, change: func(w *scriptedWeChat) { w.err = errAway },
			want: "token-1", counts: "2 fetches, 0 forced, 1 probes", problem: "connection refused"},
		{name: "classic, the token is good", classic: true, verdicts: []Verdict{Alive}, want: "token-1", counts: "1 fetches, 0 forced, 1 probes"},
		{name: "classic, flapping", classic: true, verdicts: []Verdict{Dead, Alive}, want: "token-1", counts: "1 fetches, 0 forced, 2 probes"},
		{name: "classic, dead", classic: true, verdicts: []Verdict{Dead, Dead, Alive}, want: "token-2", counts: "2 fetches, 0 forced, 3 probes"},
		{name: "classic, the probe is not clear", classic: true, verdicts: []Verdict{Unclear}, want: "token-2", counts: "2 fetches, 0 forced, 2 probes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &scriptedWeChat{verdicts: test.verdicts}
				w.classic = test.classic
				k := newScripted(w, MemoryStore())
				defer k.Stop()
				k.Start()
				wantToken(t, k, "token-1")
				time.Sleep(standing) // or it would be too young to be believed dead
				if test.change != nil {
					w.mu.Lock()
					rotates := test.change
					w.mu.Unlock()
					rotates(w)
				}
				wantReplaced(t, k, "token-1", test.want)
				if got := w.counts(); got != test.counts {
					t.Errorf("got %s; want %s", got, test.counts)
				}
				problem := k.Status().LastError
				if (problem == nil) != (test.problem == "") || problem != nil && !strings.Contains(problem.Error(), test.problem) {
					t.Errorf("got the problem %v; want %q", problem, test.problem)
				}
			})
		})
	}
}

func TestACallerThatHammersAClosedAPICostsNextToNothing(t *testing.T) {
	for _, classic := range []bool{false, true} {
		t.Run(fmt.Sprintf("classic %t", classic), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &scriptedWeChat{verdicts: []Verdict{Alive}}
				w.classic = classic
				k := newScripted(w, MemoryStore())
				defer k.Stop()
				k.Start()
				wantToken(t, k, "token-1")
				const minutes = 5
				for range minutes * 600 {
					wantReplaced(t, k, "token-1", "token-1")
					time.Sleep(100 * time.Millisecond)
				}
				if got, most := w.fetches(), 1+minutes*2; got > most || classic && got > 1 {
					t.Errorf("got %d fetches; want at most one in 30 s, and none of the classic API", got)
				}
				if w.forces > 0 || w.issued != 1 {
					t.Errorf("got %d forced refreshes and %d tokens; want none and one", w.forces, w.issued)
				}
			})
		})
	}
}

func TestForcedRefreshesStayWithinWeChatsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scriptedWeChat{verdicts: []Verdict{Dead}}
		var forced []time.Time
		k := newKeeper(&w.fakeWeChat, func(o *Options) {
			o.Probe = w.Probe
			o.Force = func(ctx context.Context) (Token, error) {
				forced = append(forced, time.Now())
				return w.Force(ctx)
			}
		})
		defer k.Stop()
		k.Start()
		time.Sleep(time.Until(beijingMidnight(time.Now())))
		start := time.Now()
		for time.Since(start) < 23*time.Hour {
			value, err := k.Token(time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.Replace(value, time.Minute); err != nil {
				t.Fatal(err)
			}
			time.Sleep(7 * time.Second)
		}
		if len(forced) != forcedPerDay {
			t.Errorf("got %d forced refreshes in a day; want %d", len(forced), forcedPerDay)
		}
		for i := 1; i < len(forced); i++ {
			if apart := forced[i].Sub(forced[i-1]); apart < standing {
				t.Errorf("got two %v apart; want %v at least", apart, standing)
			}
		}
		s := k.Status()
		if s.State != StateGone || s.LastError == nil || !strings.Contains(s.LastError.Error(), "used up") || IssuerOfWeChat.Explain(s.LastError).Remedy == "" {
			t.Errorf("got %+v; want a token that is gone, and words", s)
		}
		time.Sleep(2 * time.Hour)
		value, _ := k.Token(time.Minute)
		if better, err := k.Replace(value, time.Minute); err != nil || better == value {
			t.Errorf("on the next day: got the same token, %v; want another", err)
		}
	})
}

// beijingMidnight returns when the day of now ends in Beijing.
func beijingMidnight(now time.Time) time.Time {
	return time.Unix((BeijingDay(now)+1)*24*60*60-8*60*60, 0)
}

func TestBudgetsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		open := func() Store {
			s, err := FileStore(filepath.Join(dir, "tokens"))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		w := &scriptedWeChat{verdicts: []Verdict{Dead}}
		for range forcedPerDay {
			k := newScripted(w, open())
			k.Start()
			value, err := k.Token(time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(standing)
			if better, err := k.Replace(value, time.Minute); err != nil || better == value {
				t.Fatalf("got the same token, %v; want another", err)
			}
			k.Stop()
			again := newScripted(w, open())
			again.Start()
			value, _ = again.Token(time.Minute)
			if same, _ := again.Replace(value, time.Minute); same != value {
				t.Error("a restart within 30 s: got another token; want none forced")
			}
			again.Stop()
			time.Sleep(standing)
		}
		k := newScripted(w, open())
		k.Start()
		value, _ := k.Token(time.Minute)
		if same, _ := k.Replace(value, time.Minute); same != value || w.forces != forcedPerDay {
			t.Errorf("got %d forced refreshes; want %d and no more", w.forces, forcedPerDay)
		}
		if got := k.Status().FetchesToday; got != w.fetches() {
			t.Errorf("got %d fetches today; want %d, those before the restarts too", got, w.fetches())
		}
		k.Stop()
	})
}

func TestAClassicTokenIsNotRotatedForRejectionsBeyondItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scriptedWeChat{verdicts: []Verdict{Dead}}
		w.classic = true
		store := MemoryStore()
		now := time.Now()
		if _, err := store.Save(Key{AppID: "wx1"}, Record{
			Token:   Token{secret.New("stored"), now.Add(2 * time.Hour)},
			Durable: Durable{Spent: Spent{Day: BeijingDay(now), Fetches: fetchesPerDay - 1, RotatedAt: now.Add(-10 * time.Second)}},
		}); err != nil {
			t.Fatal(err)
		}
		k := newScripted(w, store)
		defer k.Stop()
		k.Start()
		wantToken(t, k, "stored")
		wantReplaced(t, k, "stored", "stored") // rotated 10 s ago
		time.Sleep(21 * time.Second)
		wantReplaced(t, k, "stored", "token-1")
		time.Sleep(time.Hour)
		wantReplaced(t, k, "token-1", "token-1")
		if s := k.Status(); s.LastError == nil || !strings.Contains(IssuerOfWeChat.Explain(s.LastError).Remedy, "/cgi-bin/token") {
			t.Errorf("got %+v; want words about the budget", s)
		}
		time.Sleep(time.Hour)
		wantToken(t, k, "token-2") // it was due
		w.fail(errAway)
		time.Sleep(2 * time.Hour)
		before := w.fetches()
		for range 3600 {
			_, _ = k.Token(time.Second)
			time.Sleep(time.Second)
		}
		if got := w.fetches() - before; got > 13 {
			t.Errorf("got %d fetches in an hour without a token; want one in 5 minutes", got)
		}
	})
}

func TestBudgetsOfAClockThatWasWrongBlockNothing(t *testing.T) {
	now := time.Now()
	for name, spent := range map[string]Spent{
		"forced tomorrow":  {Day: BeijingDay(now), ForcedAt: now.Add(24 * time.Hour), RotatedAt: now.Add(24 * time.Hour)},
		"another day":      {Day: BeijingDay(now) + 3, Fetches: 5000, Forced: 20},
		"less than none":   {Day: BeijingDay(now), Fetches: -5, Forced: -5},
		"forced long ago":  {Day: BeijingDay(now), ForcedAt: now.Add(-standing), RotatedAt: now.Add(-standing)},
		"never used, ever": {},
	} {
		s := Spent{}.plus(spent, now)
		if s.Fetches != 0 || s.Forced != 0 || recently(s.ForcedAt, now) || recently(s.RotatedAt, now) {
			t.Errorf("%s: got %+v; want nothing that counts", name, s)
		}
	}
	s := Spent{Day: BeijingDay(now), Fetches: 1}.plus(Spent{Day: BeijingDay(now), Fetches: 4, Forced: 2, ForcedAt: now, RotatedAt: now}, now)
	if s.Fetches != 5 || s.Forced != 2 || !recently(s.ForcedAt, now) || !recently(s.RotatedAt, now) {
		t.Errorf("got %+v; want the sum", s)
	}
}

func TestANewSecretIsTriedAtOnce(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		most time.Duration
	}{
		{"refused as wrong", &Refusal{Code: 40125, Reason: "invalid appsecret"}, 2 * secretLook},
		{"refused as invalid", &Refusal{Code: 40001, Reason: "invalid credential"}, 2 * secretLook},
		{"unreadable", UnreadableSecret, 2 * secretLook},
		{"an unknown app_id", &Refusal{Code: 40013, Reason: "invalid appid"}, 2 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fakeWeChat{err: test.err}
				var mu sync.Mutex
				changed, looks := false, 0
				k := newKeeper(w, func(o *Options) {
					o.SecretChanged = func() bool {
						mu.Lock()
						defer mu.Unlock()
						looks++
						return changed
					}
				})
				defer k.Stop()
				k.Start()
				time.Sleep(50 * time.Second)
				wantFetches(t, w, 1)
				w.fail(nil)
				mu.Lock()
				changed = true
				mu.Unlock()
				start := time.Now()
				for k.Status().State == StateGone {
					time.Sleep(time.Second)
				}
				if took := time.Since(start); took > test.most {
					t.Errorf("took %v; want %v at most", took, test.most)
				}
				mu.Lock()
				defer mu.Unlock()
				if hasLooked := looks > 0; hasLooked != IssuerOfWeChat.BlamesSecret(test.err) {
					t.Errorf("got %d looks at the secret", looks)
				}
			})
		})
	}
}

func TestAnAccountThatNobodyCallsSleeps(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
	}{{"healthy", nil}, {"failing", &Refusal{Code: 40164, Reason: "invalid ip"}}} {
		t.Run(test.name, func(t *testing.T) {
			w := &fakeWeChat{err: test.err}
			inBubble(t, w, func(t *testing.T, k *Keeper) {
				time.Sleep(23 * time.Hour)
				_, _ = k.Token(time.Second) // one call keeps it awake for a day
				before := w.fetches()
				time.Sleep(23 * time.Hour)
				if w.fetches() == before || k.Status().Asleep {
					t.Error("got no fetch within a day after a call; want some")
				}
				time.Sleep(4 * time.Hour)
				asleep := w.fetches()
				time.Sleep(1000 * time.Hour)
				if got := w.fetches(); got != asleep || !k.Status().Asleep {
					t.Errorf("got %d fetches in its sleep, %+v; want none", got-asleep, k.Status())
				}
				w.fail(nil)
				if _, err := k.Token(time.Minute); err != nil {
					t.Errorf("the call that wakes it: %v", err)
				}
				if got := w.fetches(); got != asleep+1 || k.Status().Asleep {
					t.Errorf("got %d fetches for the call that wakes it; want 1", got-asleep)
				}
				time.Sleep(2 * time.Hour)
				if got := w.fetches(); got < asleep+2 {
					t.Error("got no refresh after the account woke")
				}
			})
		})
	}
}

func TestCallersWithoutATokenMakeItComeBackSoon(t *testing.T) {
	w := &fakeWeChat{err: errAway}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		const outage = 10 * time.Minute
		for range outage / (100 * time.Millisecond) {
			_, err := k.Token(time.Second)
			if u := wantUnavailable(t, err); u.RetryAfter() > waiting {
				t.Fatalf("got Retry-After %v; want %v at most", u.RetryAfter(), waiting)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got, most := w.fetches(), int(outage/waiting)+2; got > most {
			t.Errorf("got %d fetches in %v; want %d at most", got, outage, most)
		}
		w.fail(nil)
		start := time.Now()
		for _, err := k.Token(time.Second); err != nil; _, err = k.Token(time.Second) {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v to recover; want 5s at most", took)
		}
	})
	w = &fakeWeChat{err: &Refusal{Code: 45009, Reason: "quota"}}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		for range 500 {
			_, err := k.Token(time.Second)
			wantUnavailable(t, err)
			time.Sleep(100 * time.Millisecond)
		}
		wantFetches(t, w, 1)
	})
}

func TestTheClockOnTheWallEndsNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWeChat{}
		k := newKeeper(w)
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		s := *k.state.Load()
		s.next = time.Now().Round(0).Add(-3 * time.Hour) // the plan as it looks after three hours on the wall
		k.setState(&s)
		w.revoke()
		wantToken(t, k, "token-1")
		synctest.Wait()
		wantToken(t, k, "token-2")
		wantFetches(t, w, 2)
	})
}

func TestAHungStoreLosesNoTokenAndHoldsUpNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &scriptedStore{delay: time.Hour, stored: Record{Token: Token{secret.New("stored"), time.Now().Add(3 * time.Hour)}}}
		w := &fakeWeChat{err: errAway}
		k := newKeeper(w, func(o *Options) { o.Store = store })
		k.Start()
		_, err := k.Token(time.Minute)
		wantUnavailable(t, err)
		time.Sleep(30 * time.Minute)
		if got := store.savedSoFar(); got != "" {
			t.Errorf("saved %q over what the store has not told yet", got)
		}
		time.Sleep(31 * time.Minute) // the store has answered, and the next retry takes it
		wantToken(t, k, "stored")
		start := time.Now()
		k.Stop()
		if took := time.Since(start); took > lastSave {
			t.Errorf("the end took %v; want %v at most", took, lastSave)
		}
		time.Sleep(3 * time.Hour)
	})
}
