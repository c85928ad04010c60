package token

import (
	"cmp"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	// unusedFor is how long an account has had no call when it is left to rest.
	unusedFor = 24 * time.Hour

	// secretLook is how often the AppSecret is looked at that WeChat refused.
	secretLook = 2 * time.Second
)

// arm has the timer start the next flight of s in left, which is not measured by
// the wall clock. The caller holds k.mu.
func (k *Keeper) arm(s *state, left time.Duration) {
	if k.timer != nil {
		k.timer.Stop()
	}
	if k.stopped {
		return
	}
	step := left
	if k.looksAtSecret(s) {
		step = min(step, secretLook)
	}
	if k.examinesDead(s) {
		step = min(step, s.examineIn(time.Now()))
	}
	k.timer = time.AfterFunc(step, func() { k.wake(s, left-step) })
}

// wake starts the flight that s has planned, unless there is left to wait or the
// account rests. A new AppSecret is tried at once.
func (k *Keeper) wake(s *state, left time.Duration) {
	now := time.Now()
	switch asleep := k.isAsleep(now); {
	case asleep && left > 0:
		k.rearm(s, left)
	case asleep: // the next caller starts it
	case left <= 0, k.looksAtSecret(s) && k.options.SecretChanged():
		k.refresh(s)
	case k.examinesDead(s) && s.examineIn(now) == 0:
		k.reexamine(s)
	default:
		k.rearm(s, left)
	}
}

// looksAtSecret reports whether another AppSecret would be tried at once.
func (k *Keeper) looksAtSecret(s *state) bool {
	return k.options.SecretChanged != nil && (k.options.Issuer.BlamesSecret(s.err) || k.options.Issuer.BlamesSecret(s.denied) && !k.options.Kind.rotates())
}

// examinesDead reports whether the token is dead and may be good again.
func (k *Keeper) examinesDead(s *state) bool { return s.stuck != nil && k.options.Probe != nil }

// rearm goes on waiting, unless the state has moved on since s was read.
func (k *Keeper) rearm(s *state, left time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state.Load() == s {
		k.arm(s, left)
	}
}

// use notes that a caller asks, once a minute at most: many do.
func (k *Keeper) use(now time.Time) {
	const minute = 60
	if seconds := now.Unix(); seconds-k.used.Load() >= minute {
		k.used.Store(seconds)
	}
}

// isAsleep reports whether the account has had no call for a day.
func (k *Keeper) isAsleep(now time.Time) bool {
	return now.Unix()-k.used.Load() >= int64(unusedFor/time.Second)
}

// An Adjustment is what of their Options may change while keepers are in use, one or many.
// The zero value says nothing yet.
type Adjustment struct{ now atomic.Pointer[Adjusted] }

// Adjusted is what an Adjustment says.
type Adjusted struct {
	Name          string // empty: that of the Options
	Platform      string // what the log calls the platform that the accounts have authorized; empty: none
	RefreshBefore time.Duration
	Lent          bool
}

// Set has it say something else from now on. Keepers plan by it when they plan next, or
// Replan.
func (a *Adjustment) Set(to Adjusted) {
	a.now.Store(&to)
}

// adjusted returns what is said instead of the options themselves.
func (o *Options) adjusted() Adjusted {
	if o.Adjusted != nil {
		if said := o.Adjusted.now.Load(); said != nil {
			return *said
		}
	}
	return Adjusted{Name: o.Name, RefreshBefore: o.RefreshBefore, Lent: o.Lent}
}

func (o *Options) name() string { return cmp.Or(o.adjusted().Name, o.Name) }

func (o *Options) lent() bool { return o.adjusted().Lent }

func (o *Options) refreshBefore() time.Duration {
	if before := o.adjusted().RefreshBefore; before > 0 {
		return before
	}
	return RotationWindow
}

// Replan has the token be due when what was adjusted says so, unless something else is
// planned.
func (k *Keeper) Replan() {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, now := k.state.Load(), time.Now()
	if k.stopped || !s.mayReplan(now, k.options) {
		return
	}
	next := *s
	next.next = k.options.replanned(s.token, now, rand.Float64())
	k.update(&next)
}
