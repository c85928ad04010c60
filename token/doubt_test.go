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

func (w *storm) Probe(context.Context, Secret) Verdict {
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
				if s.LastError != nil && Explain(s.LastError).Code != 50004 {
					t.Errorf("got the problem %v; want none", s.LastError)
				}
				if !k.Honours(value) {
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
						o.Probe = func(context.Context, Secret) Verdict {
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
					if !k.Honours("token-1") {
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
		k := newScripted(w, NewMemory())
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		issued := time.Now()
		for time.Since(issued) < 25*time.Second {
			wantReplaced(t, k, "token-1", "token-1")
			time.Sleep(700 * time.Millisecond)
		}
		if s := k.Status(); s.State != StateFresh || w.forces != 0 {
			t.Errorf("got %s, %d forced refreshes; want none, and a token that is tried on", s.State, w.forces)
		}
		if k.Honours("token-1") {
			t.Error("got a token that is honoured; want nobody to say so")
		}
		wantFetches(t, &w.fakeWeChat, 2)
		time.Sleep(time.Until(issued.Add(31 * time.Second)))
		wantReplaced(t, k, "token-1", "token-2")
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
					o.Probe = func(_ context.Context, value Secret) Verdict {
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
				k := newScripted(w, NewMemory())
				defer k.Stop()
				k.Start()
				wantToken(t, k, "token-1")
				time.Sleep(time.Minute)
				wantReplaced(t, k, "token-1", "token-1")
				if got := k.Honours("token-1"); got != test.want {
					t.Errorf("got %v; want %v", got, test.want)
				}
				time.Sleep(standing)
				if k.Honours("token-1") {
					t.Error("half a minute later: got it still")
				}
			})
		})
	}
}
