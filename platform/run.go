package platform

import (
	"context"
	"errors"
	"time"

	"wxproxy/token"
)

const (
	tick = 20 * time.Second

	// sweepEvery is how often keepers are dropped that nobody has called for a day, and
	// codes are forgotten.
	sweepEvery = time.Hour

	// firstLoadPause and longestLoadPause are between two tries to read what the store has:
	// soon after it is back nothing must be missing.
	firstLoadPause, longestLoadPause = 500 * time.Millisecond, 2 * time.Second
)

// run loads what the store has, and then looks after tickets, the list and what is not
// needed any more, until ctx ends.
func (p *Platform) run(ctx context.Context) {
	if !p.loaded.Load() && !p.loadAll(ctx) {
		return
	}
	p.loaded.Store(true)
	if p.options.ReadsList {
		p.listings.want()
	}
	swept := time.Now()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		p.watchTickets()
		p.readDueList(ctx)
		p.listings.looked()
		if time.Since(swept) >= sweepEvery {
			p.sweep()
			swept = time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-p.listings.wanted:
		case <-ticker.C:
		}
	}
}

// storeRemedy is what to do when the store cannot be read.
const storeRemedy = "see what is wrong with token.store; wxproxy tries again by itself, and reads a single account when it is called"

// load reads what the store has. Without an error it has told all.
func (p *Platform) load() error {
	if err := p.loadOwn(); err != nil {
		return err
	}
	began, unread := time.Now(), 0
	err := p.options.Store.Each(p.options.AppID, func(key token.Key, r token.Record, unreadable error) error {
		if unreadable != nil {
			if unread++; unread == 1 {
				p.log().Error("the record of an account cannot be read", "account", key.AppID, "err", unreadable,
					"remedy", "see that token.encryption_key, or encryption_key_old, is the key that it was written with; POST /platforms/"+p.name()+"/recover asks WeChat for what it had")
			}
			return p.ctx.Err()
		}
		a, err := p.learnRead(key.AppID, &r)
		if err != nil {
			return err
		}
		if !r.Events.Empty() {
			a.wake(0)
		}
		return p.ctx.Err()
	})
	if err != nil {
		return err
	}
	p.mu.RLock()
	known := len(p.authorizers)
	p.mu.RUnlock()
	p.log().Info("authorizers loaded", "authorizers", known, "unreadable", unread, "took", time.Since(began).Round(time.Millisecond).String())
	return nil
}

// loadOwn reads the platform's own record. What that has lost, it gets again.
func (p *Platform) loadOwn() error {
	r, err := p.options.Store.Load(p.own)
	switch {
	case errors.Is(err, token.ErrAway):
		return err
	case err != nil && !errors.Is(err, token.ErrNotStored):
		p.log().Warn("the platform's record cannot be read", "err", err, "remedy", storeRemedy)
	}
	p.learnOwn(&r)
	if !r.Ticket.Empty() {
		return nil
	}
	return p.restoreTicket()
}

// loadAll reads what the store has, as often as that takes, and reports whether ctx goes on.
func (p *Platform) loadAll(ctx context.Context) bool {
	said := false
	for wait := firstLoadPause; ; wait = min(2*wait, longestLoadPause) {
		err := p.load()
		if err == nil {
			return true
		}
		p.unread.Store(&err)
		if !said && ctx.Err() == nil {
			said = true
			p.log().Warn("the authorizers cannot be read from the store", "err", err, "remedy", storeRemedy)
		}
		if !sleep(ctx, wait) {
			return false
		}
	}
}

// sweep drops what nobody has needed for a day.
func (p *Platform) sweep() {
	p.redeemed.forget(time.Now())
	p.each(func(a *Authorizer) {
		if k := a.kept(); k != nil {
			if s := k.Status(); s.Asleep {
				a.drop()
			}
		}
	})
}

// sleep waits for d, and reports whether ctx goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// drop has the account do without its keeper until it is called again.
func (a *Authorizer) drop() {
	a.mu.Lock()
	k, tickets := a.keeper, a.tickets
	a.keeper, a.tickets = nil, nil
	a.mu.Unlock()
	if tickets != nil {
		tickets.Stop()
	}
	if k != nil {
		k.Stop()
	}
}
