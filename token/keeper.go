package token

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/internal/background"
)

// Options say what a Keeper keeps, and how.
type Options struct {
	Name          string            // of the account, for its users
	AppID         string            // for the logs and the store
	Platform      string            // the app id of the platform that the account authorized, for the store; empty: none
	Fetch         Fetch             // how WeChat is asked
	Force         Fetch             // how WeChat is made to replace a token that it repeats although it is dead; nil: not at all
	Probe         Probe             // how a refused token is examined; nil: not at all
	SecretChanged func() bool       // whether the AppSecret is another one than the last fetch sent; nil: it never is
	Issuer        *Issuer           // what WeChat's answers mean; never nil
	Store         Store             // nil: a restart begins without a token
	Shared        Sharer            // the Store, if other processes use it, too; nil: none does
	Queue         *background.Queue // of flights without a waiting caller; nil: they start at once
	RefreshBefore time.Duration     // so long before its expiry a token is due; 0: five minutes
	Kind          Kind              // nil: Repeating
	Lent          bool              // programs get the token to keep it for a while
	Adjusted      *Adjustment       // is said instead of Name, RefreshBefore and Lent, once it says something; nil: never
	Spread        bool              // the first token is due up to a quarter earlier, as many Keepers begin at the same time
	Lazy          bool              // it is fetched when somebody asks for it, not at the start
	Counted       func(FetchCount)  // is told of each fetch, with N 1; nil: nobody counts those of several keepers
	Report        func(Report)      // is told what came of each fetch; it must not block; nil: nobody is
	Renewed       func() bool       // whether there is another credential to ask with than last time; nil: it is no question
	Log           *slog.Logger      // nil: nothing is logged
}

// A Keeper keeps the access token of one account fresh. Its methods may be called
// concurrently. It has no goroutine at rest, only a timer, which starts one flight to WeChat
// when the token is due. After a day without a call the account rests until the next one.
type Keeper struct {
	state      atomic.Pointer[state] // replaced under mu, read without
	used       atomic.Int64          // when a caller last asked, in Unix seconds, to the minute
	rejections atomic.Int64
	doubted    atomic.Bool // a refusal of the token has changed the state

	secretDoubted atomic.Bool // WeChat refused the AppSecret last
	options       Options

	flights, saves sync.WaitGroup

	mu      sync.Mutex // guards what follows and is not held during I/O
	stopped bool
	hasRead bool         // the store was asked for its record
	pending *pendingLoad // the question, until a flight has taken the answer; nil: there is none
	timer   *time.Timer  // of the state's next flight
	unsaved bool         // the store has not yet got what the state holds
	saving  bool         // a goroutine is handing it to the store
	lost    bool         // the last save failed
	ignored string       // why what the store had last is of no use; empty: it is
	leases  []func()     // each ends a lease; to be called after the next save
	unwatch func()       // ends listening to other processes; nil: nobody listens
	fetches []FetchCount
	denials denials
}

// NewKeeper returns a Keeper that does nothing before it is started or asked.
func NewKeeper(o Options) *Keeper {
	if o.Kind == nil {
		o.Kind = Repeating{}
	}
	if o.Issuer == nil {
		panic("BUG: a Keeper has to know its Issuer")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{options: o}
	k.setState(&state{})
	return k
}

// setState replaces the state by s. The caller holds k.mu, unless k is not in use yet.
func (k *Keeper) setState(s *state) {
	if value := s.token.Value.Reveal(); value != s.value {
		if s.value != "" {
			s.before = s.value
		}
		s.value = value
	}
	k.state.Store(s)
	k.doubted.Store(s.isDoubted())
	k.secretDoubted.Store(s.denied != nil || k.options.Issuer.refusesSecret(s.err))
}

// Start gets the first token in the background, out of the store if it has a
// good one, and keeps it fresh from then on. One that is lazy rests until somebody asks.
func (k *Keeper) Start() {
	if k.watch(); !k.options.Lazy {
		k.used.Store(time.Now().Unix())
	}
	if !k.resume() && !k.options.Lazy {
		k.refresh(k.state.Load())
	}
}

// Stop ends the fetch under way, if any, and waits until that is done and, if the store is not
// too slow for that, its token stored. A token that is still valid is served on.
func (k *Keeper) Stop() {
	k.mu.Lock()
	k.stopped = true
	if k.timer != nil {
		k.timer.Stop()
	}
	if f := k.state.Load().flight; f != nil {
		f.cancel()
		go k.run(f) // or it would wait for its turn in the queue
	}
	unwatch := k.unwatch
	k.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	k.flights.Wait()
	k.awaitSaves()
}

// Token returns a token that is valid now. Only before the first fetch, or
// after a long outage, is there none: then it waits, at most that long, for the
// fetch under way, and fails at once if the last fetch failed and WeChat is not
// to be asked again yet. The error is an [*Unavailable] or a [*Timeout].
func (k *Keeper) Token(wait time.Duration) (string, error) {
	s, now := k.state.Load(), time.Now()
	k.use(now)
	if s.value == "" || !now.Before(s.token.Expires) {
		return k.obtain("", wait)
	}
	if s.flight == nil && !now.Before(s.next) {
		k.refresh(s) // the timer is late, was lost while the machine slept, or let the account sleep
	}
	return s.value, nil
}

// Replace returns the token to use instead of refused, which WeChat rejected.
// It asks WeChat at most once, however many callers were refused with the same
// token, and not at all if that is not the current one. It returns refused
// itself when WeChat stands by it, and for a while after that: then WeChat is
// flapping, or the token is not what its answer was about. The error is an
// [*Unavailable] or a [*Timeout]; the current token stays in place then.
func (k *Keeper) Replace(refused string, wait time.Duration) (string, error) {
	k.rejections.Add(1)
	return k.obtain(refused, wait)
}

// obtain returns a token other than refused, or refused itself when WeChat says that
// it is good. It looks again after every flight, because a flight that began before
// the refusal says nothing of it.
func (k *Keeper) obtain(refused string, wait time.Duration) (string, error) {
	deadline := time.Now().Add(wait)
	for {
		value, f, err := k.look(refused)
		if f == nil {
			return value, err
		}
		if !f.hasBegun() {
			go k.run(f)
		}
		if !f.await(time.Until(deadline)) {
			late := k.timeout(wait)
			late.Refused = refused != ""
			return "", late
		}
	}
}

// look returns the token for a caller that was refused with refused, or the flight to
// wait for.
func (k *Keeper) look(refused string) (string, *flight, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, now := k.state.Load(), time.Now()
	value := s.token.Value.Reveal()
	stands := s.token.ValidAt(now) && s.standsBy(now, k.options)
	switch {
	case s.token.ValidAt(now) && value != refused, stands && (k.stopped || s.isJudged(now, k.options)):
		return value, nil, nil
	case k.stopped:
		return "", nil, k.unavailable(ErrStopped, 0)
	case s.flight != nil:
		return "", s.flight, nil
	}
	if wait := s.backsOff(now, k.options); wait > 0 {
		return "", nil, k.unavailable(s.err, wait)
	}
	if !s.token.ValidAt(now) {
		refused = "" // whatever was refused, what is missing is a token
	}
	f := k.launch(s, refused)
	f.examines = stands
	return "", f, nil
}
