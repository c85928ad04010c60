package platform

import (
	"errors"
	"time"

	"wxproxy/platform/internal/waiting"
	"wxproxy/token"
)

const (
	// forwardPatience is for how long an event is not forwarded because its code is not
	// redeemed yet.
	forwardPatience = time.Minute

	firstPause, longestPause = time.Second, time.Minute // between two tries to redeem a code

	atATime = 32 // accounts whose events are acted upon

	// turnPause is when to look again whether another replica got on with an account.
	turnPause = 3 * time.Second
)

// wake has the account's events acted upon after wait, or earlier if that is planned.
func (a *Authorizer) wake(wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	due := time.Now().Add(wait)
	if a.timer != nil {
		if !due.Before(a.due) {
			return
		}
		a.timer.Stop()
	}
	a.due = due
	a.timer = time.AfterFunc(wait, func() {
		a.mu.Lock()
		a.timer = nil
		busy := a.isWorking
		a.again, a.isWorking = busy, true
		a.mu.Unlock()
		if !busy {
			a.platform.background(a.workOff)
		}
	})
}

// wakeAll has the events of all accounts that wait tried again: there is a new ticket.
func (p *Platform) wakeAll() {
	p.each(func(a *Authorizer) {
		a.mu.Lock()
		waits := a.waits
		a.mu.Unlock()
		if waits {
			p.hurry(a)
		}
	})
}

// hurry has an account's first event tried again at once.
func (p *Platform) hurry(a *Authorizer) {
	_ = p.change(a, func(q *waiting.Queue, _ *token.Record) bool {
		e := q.NextToAct()
		if e == nil || e.Next.IsZero() {
			return false
		}
		e.Next = time.Time{}
		return true
	})
	a.wake(0)
}

// workOff acts upon the account's events until none waits, or it has to wait itself.
func (a *Authorizer) workOff() {
	again := true
	for again {
		var wait time.Duration
		a.platform.survive(func() { wait = a.platform.turn(a) })
		a.mu.Lock()
		if again = a.again; again {
			a.again = false
		} else {
			a.isWorking = false
		}
		a.mu.Unlock()
		if !again && wait > 0 {
			a.wake(wait)
		}
	}
}

// turn acts upon an account's events if no other replica does. It returns when to look
// again; 0: nothing waits.
func (p *Platform) turn(a *Authorizer) (wait time.Duration) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-p.ctx.Done():
		return 0
	}
	release, err := p.lease(token.Key{Platform: p.options.AppID, AppID: a.appID, Ticket: "events"})
	if err != nil {
		return turnPause
	}
	defer release()
	for p.ctx.Err() == nil {
		r, _, err := p.read(a.appID)
		if errors.Is(err, token.ErrNotStored) {
			return 0
		}
		if err != nil {
			return turnPause
		}
		q, now := p.queue(a.appID, r.Events), time.Now()
		toSend, toAct := q.NextToSend(now, forwardPatience), q.NextToAct()
		switch {
		case toSend != nil:
			err = p.forward(a, toSend)
		case toAct == nil:
			return 0
		case toAct.Next.After(now):
			return min(toAct.Next.Sub(now), untilSent(&q, now))
		default:
			err = p.act(a, toAct, &r)
		}
		if err != nil {
			return turnPause
		}
	}
	return 0
}

// untilSent returns how long it is until the first event that is not forwarded yet is so
// although it was not acted upon.
func untilSent(q *waiting.Queue, now time.Time) time.Duration {
	for _, e := range q.Events {
		if !e.Sent {
			return max(e.Received.Add(forwardPatience).Sub(now), time.Millisecond)
		}
	}
	return longestPause
}

// Turns make one Platform of a process the one that does something: after a reload there may
// be two of a kind for a moment, of which one is about to end.
type Turns interface {
	// Lease returns what ends the turn, or [token.ErrLeased].
	Lease(key token.Key) (release func(), err error)
}

// lease makes this Platform, of this process and of all replicas, the one that does something.
func (p *Platform) lease(key token.Key) (release func(), err error) {
	switch {
	case p.options.Shared != nil:
		return p.options.Shared.Lease(key)
	case p.options.Turns != nil:
		return p.options.Turns.Lease(key)
	}
	return func() {}, nil
}

// forward hands an event to programs.
func (p *Platform) forward(a *Authorizer, e *waiting.Event) error {
	if p.options.Forward != nil {
		err := p.options.Forward(p.ctx, Push{
			ID: e.ID, AppID: a.appID, Type: "info:" + e.InfoType, Received: e.Received,
			ContentType: e.ContentType, RequestID: e.RequestID, Body: e.Body,
		})
		if err != nil {
			return err
		}
	}
	return p.changeEvent(a, e.Hash, func(e *waiting.Event, _ *token.Record) { e.Sent = true })
}

// changeEvent changes an event that waits, and the record with it.
func (p *Platform) changeEvent(a *Authorizer, hash string, do func(*waiting.Event, *token.Record)) error {
	return p.change(a, func(q *waiting.Queue, r *token.Record) bool {
		e := q.Find(hash)
		if e != nil {
			do(e, r)
		}
		return e != nil
	})
}

// change changes what waits of an account, and the record with it.
func (p *Platform) change(a *Authorizer, do func(*waiting.Queue, *token.Record) (changed bool)) error {
	_, _, err := p.amend(a.appID, func(r *token.Record) bool {
		q := p.queue(a.appID, r.Events)
		if !do(&q, r) {
			return false
		}
		q.Tidy()
		r.Events = q.Write(time.Now())
		return true
	})
	return err
}
