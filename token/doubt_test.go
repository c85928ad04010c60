package token

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

// A storm is a disturbance in which WeChat refuses good tokens, in answers, in
// probes and, if the test says so, in what forces or fetches them.
type storm struct {
	scriptedWeChat
	rages bool
	fetch error // what the token API answers in it
}

func (w *storm) set(rages bool) {
	w.change(func(*fakeWeChat) {
		w.rages, w.err = rages, nil
		if rages {
			w.err = w.fetch
		}
	})
}

func (w *storm) Probe(context.Context, secret.Secret) Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes++
	if w.rages {
		return Dead
	}
	return Alive
}

// examined returns how often a token was probed and replaced by force.
func (w *storm) examined() (probes, forces int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.probes, w.forces
}

// storms are those that leave a token behind which is said to be dead.
func storms() map[string]*storm {
	quota := &Refusal{Code: 45009, Reason: "reach max api daily quota limit"}
	classic := &storm{fetch: &Refusal{Code: 40014, Reason: "invalid access_token"}}
	classic.classic = true
	return map[string]*storm{
		"force changes nothing":      {scriptedWeChat: scriptedWeChat{forceFails: true}},
		"force is refused":           {scriptedWeChat: scriptedWeChat{forceErr: quota}},
		"force finds nobody":         {scriptedWeChat: scriptedWeChat{forceErr: errAway}},
		"the token API refuses, too": {fetch: &Refusal{Code: 40001, Reason: "invalid credential"}},
		"the token API has no quota": {fetch: quota},
		"the token API is away":      {fetch: errAway},
		"a classic token, no other":  classic,
		"a frozen account, a moment": {fetch: &Refusal{Code: 50004, Reason: "user not allow"}},
	}
}

// keeper returns a Keeper of w that has held its token for a while, and the log.
func (w *storm) keeper(log *strings.Builder) *Keeper {
	return newKeeper(&w.fakeWeChat, func(o *Options) {
		o.Probe, o.Force = w.Probe, w.Force
		if w.classic {
			o.Force = nil
		}
		o.Log = slog.New(slog.NewTextHandler(log, nil))
	})
}

// refuse has a caller be refused in the storm, and checks that the account says so.
func (w *storm) refuse(t *testing.T, k *Keeper) {
	t.Helper()
	w.set(true)
	_, _ = k.Replace("token-1", time.Minute)
	s := k.Status()
	if s.State != StateGone || s.LastError == nil || !s.Expires.IsZero() {
		t.Fatalf("in the storm: got %+v; want a token that is gone, without any life, and why", s)
	}
	w.set(false)
}

func TestACallThatWeChatAcceptsEndsWhatAStormLeft(t *testing.T) {
	for name, w := range storms() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				k := w.keeper(&log)
				k.Start()
				wantToken(t, k, "token-1")
				time.Sleep(time.Minute)
				plan := k.Status().NextRefresh
				before := time.Now()
				w.refuse(t, k)
				time.Sleep(time.Second)
				value, err := k.Token(time.Second)
				if err != nil {
					t.Fatal(err)
				}
				k.Accepted(value, before)
				k.Accepted("of somebody else", time.Now())
				if s := k.Status(); s.State != StateGone {
					t.Errorf("after answers that say nothing of it: got %s; want gone", s.State)
				}
				k.Accepted(value, time.Now())
				s := k.Status()
				if s.State != StateFresh || s.Expires.IsZero() || s.NextRefresh.Sub(plan).Abs() > time.Minute {
					t.Errorf("got %+v; want a fresh token and the plan %v", s, plan)
				}
				if s.LastError != nil && IssuerOfWeChat.Explain(s.LastError).Code != 50004 {
					t.Errorf("got the problem %v; want none", s.LastError)
				}
				if !k.IsHonoured(value) {
					t.Error("got a token that is not known to be honoured")
				}
				asked := w.fetches()
				wantReplaced(t, k, value, value) // WeChat has just stood by it
				if got := w.fetches(); got != asked {
					t.Errorf("got %d fetches for a rejection right after; want none", got-asked)
				}
				k.Stop()
				if strings.Contains(log.String(), "expires_in=1h5") && !strings.Contains(log.String(), "honours the token again") {
					t.Errorf("got %s; want no life of a token that cannot be used", log.String())
				}
			})
		})
	}
}

// Also a retry that was under way when WeChat accepted a call leaves nothing behind
// that another call would not end.
func TestARetryUnderWayDoesNotOutliveTheDoubtItCameFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scriptedWeChat{verdicts: []Verdict{Alive}}
		k := newScripted(w, MemoryStore())
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		time.Sleep(time.Minute)
		plan := k.Status().NextRefresh
		w.fail(errAway)
		_, _ = k.Replace("token-1", time.Minute)
		w.delay(2 * time.Second)
		time.Sleep(1500 * time.Millisecond) // the retry is under way
		k.Accepted("token-1", time.Now())
		time.Sleep(2 * time.Second)
		k.Accepted("token-1", time.Now())
		if s := k.Status(); s.State != StateFresh || s.LastError != nil || !s.NextRefresh.Equal(plan) {
			t.Errorf("got %+v; want a fresh token, and the plan %v", s, plan)
		}
	})
}

func TestAProbeEndsWhatAStormLeftWithinHalfAMinute(t *testing.T) {
	for name, w := range storms() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				k := w.keeper(&log)
				k.Start()
				wantToken(t, k, "token-1")
				time.Sleep(time.Minute)
				w.refuse(t, k)
				time.Sleep(30 * time.Second)
				synctest.Wait()
				if s := k.Status(); s.State != StateFresh || time.Until(s.Expires) < time.Hour || time.Until(s.NextRefresh) < time.Hour {
					t.Errorf("got %+v; want a fresh token, and its plan", s)
				}
				k.Stop()
			})
		})
	}
}

func TestATokenThatStaysDeadIsExaminedAndReplacedWithoutCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &storm{scriptedWeChat: scriptedWeChat{forceErr: errAway}}
		var log strings.Builder
		k := w.keeper(&log)
		k.Start()
		wantToken(t, k, "token-1")
		time.Sleep(time.Minute)
		w.set(true)
		wantReplaced(t, k, "token-1", "token-1")
		before, _ := w.examined()
		time.Sleep(10 * time.Minute)
		if s := k.Status(); s.State != StateGone || time.Until(s.NextRefresh) > 40*time.Minute {
			t.Errorf("got %+v; want a token that is gone, and a plan that is near", s)
		}
		probes, forces := w.examined()
		if probes -= before; probes < 20 || probes > 60 {
			t.Errorf("got %d probes in 10 minutes; want two in half a minute, and few", probes)
		}
		if forces < 2 || forces > 6 {
			t.Errorf("got %d forced refreshes in 10 minutes; want a few", forces)
		}
		w.change(func(*fakeWeChat) { w.forceErr = nil })
		time.Sleep(40 * time.Minute)
		if s := k.Status(); s.State != StateFresh || s.LastError != nil {
			t.Errorf("got %+v; want another token", s)
		}
		k.Stop()
	})
}

func TestManyAcceptedAnswersEndADoubtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := storms()["force changes nothing"]
		var log strings.Builder
		k := w.keeper(&log)
		k.Start()
		wantToken(t, k, "token-1")
		time.Sleep(time.Minute)
		w.refuse(t, k)
		time.Sleep(time.Second)
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() { k.Accepted("token-1", time.Now()) })
		}
		callers.Wait()
		k.Stop()
		if got := strings.Count(log.String(), "honours the token again"); got != 1 {
			t.Errorf("got %d lines; want one", got)
		}
	})
}

func TestATokenThatWeChatsEdgesDoNotKnowYetIsNotCalledDead(t *testing.T) {
	for _, lag := range []time.Duration{0, 400 * time.Millisecond, time.Second, 2500 * time.Millisecond} {
		for _, classic := range []bool{false, true} {
			t.Run(fmt.Sprint(lag, " classic ", classic), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := &scriptedWeChat{}
					w.classic = classic
					issued := time.Now()
					k := newKeeper(&w.fakeWeChat, func(o *Options) {
						o.Force = w.Force
						o.Probe = func(context.Context, secret.Secret) Verdict {
							if time.Since(issued) < lag {
								return Dead
							}
							return Alive
						}
					})
					defer k.Stop()
					k.Start()
					wantToken(t, k, "token-1")
					began := time.Now()
					wantReplaced(t, k, "token-1", "token-1")
					if took := time.Since(began); took < max(lag, time.Second) || took > max(lag, time.Second)+2*time.Second {
						t.Errorf("took %v; want a pause, and no more than it takes", took)
					}
					if s := k.Status(); s.State != StateFresh || s.LastError != nil || w.forces > 0 || w.issued != 1 {
						t.Errorf("got %+v, %d forced refreshes, %d tokens; want all well", s, w.forces, w.issued)
					}
					if !k.IsHonoured("token-1") {
						t.Error("got a token that no probe found good")
					}
				})
			})
		}
	}
}

func TestAYoungTokenIsNeverReplacedByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scriptedWeChat{verdicts: []Verdict{Dead}}
		k := newScripted(w, MemoryStore())
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		issued := time.Now()
		for time.Since(issued) < 25*time.Second {
			wantReplaced(t, k, "token-1", "token-1")
			time.Sleep(700 * time.Millisecond)
		}
		if s := k.Status(); s.State != StateGone || s.LastError == nil || w.forces != 0 {
			t.Errorf("got %+v, %d forced refreshes; want none, and a token that is said to be dead", s, w.forces)
		}
		if k.IsHonoured("token-1") {
			t.Error("got a token that is honoured; want nobody to say so")
		}
		wantFetches(t, &w.fakeWeChat, 2)
		time.Sleep(time.Until(issued.Add(31 * time.Second)))
		wantReplaced(t, k, "token-1", "token-2")
	})
}

// Young is what WeChat issued a moment ago, not what this process asked for then.
func TestTheAgeOfATokenIsThatOfItsIssue(t *testing.T) {
	for _, old := range []time.Duration{time.Minute, 2200 * time.Second, 6500 * time.Second} {
		for _, how := range []string{"asked for", "stored", "shared"} {
			t.Run(fmt.Sprint(how, " ", old), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := &scriptedWeChat{verdicts: []Verdict{Dead, Dead, Alive}}
					w.rotate()
					time.Sleep(old)
					store := MemoryStore()
					k := newScripted(w, store)
					defer k.Stop()
					switch how {
					case "stored":
						if _, err := store.Save(k.options.key(), Record{Token: w.current}); err != nil {
							t.Fatal(err)
						}
					case "shared":
						next, _ := k.state.Load().merged(Record{Token: w.current,
							Notice: Notice{Generation: 1, FetchedAt: time.Now(), Next: time.Now().Add(time.Hour)}}, time.Now(), k.options)
						k.setState(next)
					}
					wantToken(t, k, "token-1")
					began := time.Now()
					wantReplaced(t, k, "token-1", "token-2")
					if took := time.Since(began); took > 0 || w.done().forces != 1 {
						t.Errorf("took %v and %d forced refreshes; want one at once", took, w.done().forces)
					}
				})
			})
		}
	}
}

func TestATokenThatARestartFindsIsAsYoungAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scriptedWeChat{verdicts: []Verdict{Dead}}
		store := MemoryStore()
		w.rotate()
		issued := time.Now()
		time.Sleep(10 * time.Second)
		if _, err := store.Save(Key{AppID: "wx1"}, Record{Token: w.current}); err != nil {
			t.Fatal(err)
		}
		k := newScripted(w, store)
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		wantReplaced(t, k, "token-1", "token-1")
		time.Sleep(time.Until(issued.Add(standing - time.Second/2)))
		if w.done().forces != 0 {
			t.Errorf("got %d forced refreshes of a young token; want none", w.done().forces)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if w.done().forces != 1 {
			t.Errorf("got %d forced refreshes when it is old enough; want one", w.done().forces)
		}
	})
}

// A token that dies too soon to be replaced is said to be dead as soon as that is
// known, is not sent twice, and is replaced when it may be, whether anybody calls then
// or not.
func TestATokenThatDiesTooSoonIsSaidToBeDead(t *testing.T) {
	for _, test := range []struct {
		name    string
		classic bool
		refused string
	}{{"stable, just issued", false, "token-1"}, {"classic, just rotated", true, "token-2"}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &scriptedWeChat{verdicts: []Verdict{Dead}}
				w.classic = test.classic
				k := newScripted(w, MemoryStore())
				defer k.Stop()
				k.Start()
				wantToken(t, k, "token-1")
				if test.classic {
					time.Sleep(standing)
					wantReplaced(t, k, "token-1", "token-2")
				}
				if k.IsDead(test.refused) {
					t.Error("got a dead token before it was refused")
				}
				var callers sync.WaitGroup
				for range 10 {
					callers.Go(func() { wantReplaced(t, k, test.refused, test.refused) })
				}
				callers.Wait()
				asked, before := w.fetches(), w.done()
				for range 10 {
					wantReplaced(t, k, test.refused, test.refused)
				}
				s := k.Status()
				if !k.IsDead(test.refused) || s.State != StateGone || !s.Expires.IsZero() || s.LastError == nil ||
					!strings.Contains(IssuerOfWeChat.Explain(s.LastError).Remedy, "half a minute") || time.Until(s.NextRefresh) > standing {
					t.Errorf("got %+v; want a dead token, why, and its replacement soon", s)
				}
				if test.classic {
					_, _ = k.Refresh("", time.Minute) // which would be another rotation
				}
				if w.fetches() != asked || w.done() != before {
					t.Errorf("got %d fetches more, and %+v after %+v; want none", w.fetches()-asked, w.done(), before)
				}
				time.Sleep(standing + 4*time.Second)
				synctest.Wait()
				if s := k.Status(); w.done().issued != before.issued+1 || s.State != StateFresh || s.LastError != nil || k.IsDead(test.refused) {
					t.Errorf("got %+v, %d tokens; want another one", s, w.done().issued)
				}
			})
		})
	}
}

func TestAClassicTokenThatWeChatHonoursAfterItsRotationIsFresh(t *testing.T) {
	for _, verdict := range []Verdict{Alive, Unclear} {
		synctest.Test(t, func(t *testing.T) {
			w := &scriptedWeChat{verdicts: []Verdict{Dead, Dead, verdict}}
			w.classic = true
			k := newScripted(w, MemoryStore())
			defer k.Stop()
			k.Start()
			wantToken(t, k, "token-1")
			time.Sleep(standing)
			wantReplaced(t, k, "token-1", "token-2")
			probes := w.done().probes
			for range 10 {
				wantReplaced(t, k, "token-2", "token-2")
			}
			if s := k.Status(); s.State != StateFresh || k.IsDead("token-2") || k.IsHonoured("token-2") != (verdict == Alive) || w.done().probes != probes+1 {
				t.Errorf("got %+v, %d probes; want a fresh token after one", s, w.done().probes-probes)
			}
		})
	}
}

func TestATokenThatDiesBeyondTheBudgetIsSaidToBeDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &scriptedWeChat{verdicts: []Verdict{Dead}}
		w.classic = true
		k := newScripted(w, MemoryStore())
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		time.Sleep(time.Minute)
		k.spend(func(s *Spent) { s.Fetches = fetchesPerDay })
		plan := k.Status().NextRefresh
		wantReplaced(t, k, "token-1", "token-1")
		s := k.Status()
		if s.State != StateGone || !strings.Contains(IssuerOfWeChat.Explain(s.LastError).Remedy, "/cgi-bin/token") || !s.NextRefresh.Equal(plan) {
			t.Errorf("got %+v; want a dead token, words about the budget, and the plan %v", s, plan)
		}
		w.change(func(*fakeWeChat) { w.verdicts = []Verdict{Alive} })
		time.Sleep(standing)
		synctest.Wait()
		if s := k.Status(); s.State != StateFresh {
			t.Errorf("got %+v; want a token that is fresh again", s)
		}
	})
}

func TestATokenMadeForWhoWasRefusedIsHandedOutWhenWeChatKnowsIt(t *testing.T) {
	for _, classic := range []bool{false, true} {
		t.Run(fmt.Sprint("classic ", classic), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const lag = 700 * time.Millisecond
				w := &scriptedWeChat{}
				w.classic = classic
				var made time.Time
				k := newKeeper(&w.fakeWeChat, func(o *Options) {
					o.Force = w.Force
					o.Probe = func(_ context.Context, value secret.Secret) Verdict {
						if value.Equal("token-2") && made.IsZero() {
							made = time.Now()
						}
						if value.Equal("token-2") && time.Since(made) >= lag {
							return Alive
						}
						return Dead
					}
				})
				defer k.Stop()
				k.Start()
				wantToken(t, k, "token-1")
				time.Sleep(time.Minute)
				began := time.Now()
				wantReplaced(t, k, "token-1", "token-2")
				if took := time.Since(began); took != time.Second {
					t.Errorf("took %v; want the one second that it takes", took)
				}
			})
		})
	}
}

func TestOnlyAGoodProbeMakesATokenHonoured(t *testing.T) {
	for _, test := range []struct {
		name     string
		verdicts []Verdict
		want     bool
	}{
		{"a good probe", []Verdict{Alive}, true},
		{"a good one at the second look", []Verdict{Dead, Alive}, true},
		{"one that is not clear", []Verdict{Unclear}, false},
		{"a bad one", []Verdict{Dead}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &scriptedWeChat{verdicts: test.verdicts, forceFails: true}
				k := newScripted(w, MemoryStore())
				defer k.Stop()
				k.Start()
				wantToken(t, k, "token-1")
				time.Sleep(time.Minute)
				wantReplaced(t, k, "token-1", "token-1")
				if got := k.IsHonoured("token-1"); got != test.want {
					t.Errorf("got %v; want %v", got, test.want)
				}
				time.Sleep(standing)
				if k.IsHonoured("token-1") {
					t.Error("half a minute later: got it still")
				}
			})
		})
	}
}
