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
	a = p.authorizers[appID]
	p.mu.RUnlock()
	if a != nil && a.hasRecord() {
		return a, true
	}
	if p.loaded.Load() {
		return nil, false
	}
	if r, err := p.options.Store.Load(p.key(appID)); err != nil || !r.HasGrants() {
		return nil, false
	}
	_, a, err := p.read(appID)
	return a, err == nil
}

// Unreadable returns why nobody can tell whether the platform has heard of an account: the
// store was not read yet, and cannot be asked; nil: it can be told.
func (p *Platform) Unreadable(appID string) error {
	if p.loaded.Load() {
		return nil
	}
	_, err := p.options.Store.Load(p.key(appID))
	if errors.Is(err, token.ErrNotStored) {
		return nil
	}
	return err
}

// account returns what is known of an account, or is about to be.
func (p *Platform) account(appID string) *Authorizer {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.authorizers[appID]
	if a == nil {
		a = &Authorizer{platform: p, appID: appID}
		p.authorizers[appID] = a
	}
	return a
}

// hasRecord reports whether the store has something of the account.
func (a *Authorizer) hasRecord() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.isStored
}

// read reads an account's record.
func (p *Platform) read(appID string) (token.Record, *Authorizer, error) {
	a := p.account(appID)
	a.storing.Lock()
	defer a.storing.Unlock()
	r, err := p.options.Store.Load(p.key(appID))
	if err == nil {
		p.learn(a, &r)
	}
	return r, a, err
}

// amend changes an account's record.
func (p *Platform) amend(appID string, change func(*token.Record) bool) (token.Record, *Authorizer, error) {
	a := p.account(appID)
	a.storing.Lock()
	defer a.storing.Unlock()
	r, err := p.options.Store.Amend(p.key(appID), change)
	if err == nil && r.HasGrants() {
		p.learn(a, &r)
	}
	return r, a, err
}

// learn notes what the store has of an account. The caller holds a.storing, or an older
// record could be noted after a newer one.
func (p *Platform) learn(a *Authorizer, r *token.Record) {
	for _, code := range r.Codes {
		p.redeemed.add(code.Hash, a.appID, code.At)
	}
	q := p.queue(a.appID, r.Events)
	a.learn(r, &q)
}

// learnRead notes what was read of an account a while ago, unless more is known.
func (p *Platform) learnRead(appID string, r *token.Record) *Authorizer {
	a := p.account(appID)
	a.storing.Lock()
	if known := a.hasRecord(); !known {
		p.learn(a, r)
		a.storing.Unlock()
		return a
	}
	a.storing.Unlock()
	_, _, _ = p.read(appID) // what cannot be read now was read before
	return a
}

// storeRemedy is what to do when the store cannot be read.
const storeRemedy = "see what is wrong with token.store; wxproxy tries again by itself, and reads a single account when it is called"

// load reads what the store has, and reports whether it has told all.
func (p *Platform) load() bool {
	r, err := p.options.Store.Load(p.own)
	if err != nil && !errors.Is(err, token.ErrNotStored) {
		p.log().Warn("the platform's record cannot be read", "err", err, "remedy", storeRemedy)
		if errors.Is(err, token.ErrAway) {
			p.unread.Store(&err)
			return false
		}
	}
	p.learnOwn(&r)
	began, unread := time.Now(), 0
	err = p.options.Store.Each(p.options.AppID, func(key token.Key, r token.Record, unreadable error) error {
		if unreadable != nil {
			if unread++; unread == 1 {
				p.log().Error("the record of an account cannot be read", "account", key.AppID, "err", unreadable,
					"remedy", "see that token.encryption_key, or encryption_key_old, is the key that it was written with; POST /platforms/"+p.name()+"/recover asks WeChat for what it had")
			}
			return p.ctx.Err()
		}
		if a := p.learnRead(key.AppID, &r); !r.Events.Empty() {
			a.wake(0)
		}
		return p.ctx.Err()
	})
	if err != nil {
		p.log().Warn("the authorizers cannot be read from the store", "err", err, "remedy", storeRemedy)
		p.unread.Store(&err)
		return false
	}
	p.mu.RLock()
	known := len(p.authorizers)
	p.mu.RUnlock()
	p.log().Info("authorizers loaded", "authorizers", known, "unreadable", unread, "took", time.Since(began).Round(time.Millisecond).String())
	return true
}

// takeOverAfter is how long another replica has for an event that it took.
const takeOverAfter = 8 * time.Second

// heard is called when another replica has written a record of the platform.
func (p *Platform) heard(key token.Key) {
	p.background(func() {
		p.hearing <- struct{}{}
		defer func() { <-p.hearing }()
		if key == (token.Key{}) {
			p.load()
			return
		}
		if key == p.own {
			if r, err := p.options.Store.Load(key); err == nil {
				p.learnOwn(&r)
			}
			return
		}
		if r, a, err := p.read(key.AppID); err == nil && !r.Events.Empty() {
			a.wake(takeOverAfter)
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
		if a.hasRecord() {
			do(a)
		}
	}
}

// survive calls do, and keeps the process alive if that panics. The log gets the stack
// alone: the panic's own words could hold a secret.
func (p *Platform) survive(do func()) {
	defer func() {
		if recover() != nil {
			p.log().Error("panic in a platform", "stack", string(debug.Stack()))
		}
	}()
	do()
}
