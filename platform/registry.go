package platform

import (
	"errors"
	"runtime/debug"
	"time"

	"wxproxy/token"
)

// Authorizer returns an account that the platform has heard of. Until the store was read,
// that is asked.
func (p *Platform) Authorizer(appID string) (a *Authorizer, isKnown bool) {
	p.mu.RLock()
	a, isKnown = p.authorizers[appID]
	p.mu.RUnlock()
	if isKnown || p.loaded.Load() {
		return a, isKnown
	}
	r, err := p.options.Store.Load(p.key(appID))
	if err != nil || !r.HasGrants() {
		return nil, false
	}
	return p.learn(appID, r), true
}

// learn notes what the store has of an account.
func (p *Platform) learn(appID string, r token.Record) *Authorizer {
	p.mu.Lock()
	a := p.authorizers[appID]
	if a == nil {
		a = &Authorizer{platform: p, appID: appID}
		p.authorizers[appID] = a
	}
	p.mu.Unlock()
	for _, code := range r.Codes {
		p.redeemed.add(code.Hash, appID, code.At)
	}
	q := p.queue(appID, r.Events)
	a.learn(&r, &q)
	return a
}

// load reads what the store has, and reports whether it has told all.
func (p *Platform) load() bool {
	r, err := p.options.Store.Load(p.own)
	if err != nil && !errors.Is(err, token.ErrNotStored) {
		p.log.Warn("the platform's record cannot be read", "err", err)
		if errors.Is(err, token.ErrAway) {
			return false
		}
	}
	p.learnOwn(&r)
	began, unread := time.Now(), 0
	err = p.options.Store.Each(p.options.AppID, func(key token.Key, r token.Record, unreadable error) error {
		if unreadable != nil {
			if unread++; unread == 1 {
				p.log.Error("the record of an account cannot be read", "account", key.AppID, "err", unreadable)
			}
			return p.ctx.Err()
		}
		if a := p.learn(key.AppID, r); !r.Events.Empty() {
			a.wake(0)
		}
		return p.ctx.Err()
	})
	if err != nil {
		p.log.Warn("the authorizers cannot be read from the store", "err", err)
		return false
	}
	p.mu.RLock()
	known := len(p.authorizers)
	p.mu.RUnlock()
	p.log.Info("authorizers loaded", "authorizers", known, "unreadable", unread, "took", time.Since(began).Round(time.Millisecond).String())
	return true
}

// takeOverAfter is how long another replica has for an event that it took.
const takeOverAfter = 8 * time.Second

// heard is called when another replica has written a record of the platform.
func (p *Platform) heard(key token.Key) {
	p.background(func() {
		if key == (token.Key{}) {
			p.load()
			return
		}
		r, err := p.options.Store.Load(key)
		switch {
		case err != nil:
		case key == p.own:
			p.learnOwn(&r)
		default:
			if a := p.learn(key.AppID, r); !r.Events.Empty() {
				a.wake(takeOverAfter)
			}
		}
	})
}

// each calls do with each authorizer.
func (p *Platform) each(do func(*Authorizer)) {
	p.mu.RLock()
	all := make([]*Authorizer, 0, len(p.authorizers))
	for _, a := range p.authorizers {
		all = append(all, a)
	}
	p.mu.RUnlock()
	for _, a := range all {
		do(a)
	}
}

// survive calls do, and keeps the process alive if that panics. The log gets the stack
// alone: the panic's own words could hold a secret.
func (p *Platform) survive(do func()) {
	defer func() {
		if recover() != nil {
			p.log.Error("panic in a platform", "stack", string(debug.Stack()))
		}
	}()
	do()
}
