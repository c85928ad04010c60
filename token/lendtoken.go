package token

import (
	"errors"
	"time"
)

const (
	// leastLent is the least life of a token that programs get to keep. WeChat
	// never answers less than 300 s, and SDKs subtract that much and store what is
	// left: for 0 some do so without an end.
	leastLent = 301 * time.Second

	// lentBefore is how long before its end a classic token is renewed that
	// programs keep: the largest margin that an SDK subtracts is 1500 s.
	lentBefore = 30 * time.Minute

	// largestMargin is what the most cautious SDKs subtract, and one second.
	largestMargin = 1501 * time.Second

	// lentJitter is how much earlier that is at most.
	lentJitter = 2 * time.Minute

	// lentTries is how often WeChat is asked for the successor of a token that it
	// repeats, because it was asked a moment too early, or of a ticket of a brief life.
	lentTries = 3
)

// ErrBrief is why a token that is good is not handed out.
var ErrBrief = errors.New("it is about to expire, and there is no successor yet that lives for more than 300 s")

// lendToken returns a token and how long it lives: more than 300 s. Callers that would
// get less wait for the successor, and get an error if that lives no longer: a life
// that margins make negative is worse than none. The successor of a classic token can
// be had at any time: it is waited for as soon as the largest margin makes the life
// negative, in case the timer is late.
func (k *Keeper) lendToken(wait time.Duration) (string, time.Duration, error) {
	start := time.Now()
	deadline := start.Add(wait)
	if s := k.state.Load(); k.options.rotatesLent() && s.token.ValidAt(time.Now()) &&
		time.Until(s.token.Expires) < largestMargin && !recently(s.fetchedAt, time.Now()) {
		k.awaitSuccessor(wait)
	}
	for try := 1; ; try++ {
		if _, err := k.Token(time.Until(deadline)); err != nil {
			return "", 0, err
		}
		s := k.state.Load()
		left, err := k.lends(s, start, try > lentTries)
		switch {
		case err != nil:
			return "", 0, err
		case left > 0:
			return s.value, left, nil
		}
		if err := k.renew(time.Until(deadline)); err != nil {
			return "", 0, err
		}
		if after := k.state.Load(); after.value != s.value && !after.fetchedAt.Before(start) {
			k.noteBrief(after) // if it is: whatever WeChat says
		} else if time.Until(after.token.Expires) < leastLent {
			time.Sleep(min(minPause, max(time.Until(deadline), 0)))
		}
	}
}

// lends returns how much life the token has that is lent, and 0 if another one is to
// be asked for. At the last try, or shortly after one that brought nothing, it returns
// an error instead.
func (k *Keeper) lends(s *state, start time.Time, last bool) (time.Duration, error) {
	left := time.Until(s.token.Expires)
	switch {
	case s.stuck != nil:
		return 0, k.unavailable(s.stuck, examineEvery)
	case left >= leastLent:
		return left, nil
	case recently(s.askedForLonger, time.Now()):
		return 0, k.unavailable(ErrBrief, time.Until(s.askedForLonger.Add(standing)))
	case last && !s.fetchedAt.Before(start):
		k.noteBrief(s)
		return 0, k.unavailable(ErrBrief, standing)
	case last:
		return 0, k.unavailable(ErrBrief, minPause)
	}
	return 0, nil
}

// renew waits until WeChat was asked for the token's successor.
func (k *Keeper) renew(wait time.Duration) error {
	f, err := k.beginSuccession()
	if err != nil {
		return err
	}
	if !f.hasBegun() {
		go k.run(f)
	}
	if !f.await(wait) {
		return k.timeout(wait)
	}
	if s := k.state.Load(); s.err != nil {
		return k.unavailable(s.err, max(time.Until(s.next), 0))
	}
	return nil
}

// beginSuccession returns the flight under way, or one that it launches, unless
// WeChat is not to be asked now.
func (k *Keeper) beginSuccession() (*flight, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, now := k.state.Load(), time.Now()
	if f, err := k.underWay(s); f != nil || err != nil {
		return f, err
	}
	if wait := s.backsOff(now, k.options); wait > 0 {
		return nil, k.unavailable(s.err, wait)
	}
	f := k.launch(s, "")
	f.asked = true
	return f, nil
}

// noteBrief notes that WeChat's tokens live too briefly, if the one of s does, so
// that not everybody asks it for another one.
func (k *Keeper) noteBrief(s *state) {
	if time.Until(s.token.Expires) >= leastLent {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	next := *k.state.Load()
	next.askedForLonger = time.Now()
	k.update(&next)
}
