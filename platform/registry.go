package platform

import (
	"errors"
	"runtime/debug"

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
		return p.unlisted(appID)
	}
	_, err := p.options.Store.Load(p.key(appID))
	if errors.Is(err, token.ErrNotStored) {
		return p.unlisted(appID)
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

// learnRead notes what was read of an account a while ago, unless more is known. The error
// says that the store is away.
func (p *Platform) learnRead(appID string, r *token.Record) (*Authorizer, error) {
	a := p.account(appID)
	a.storing.Lock()
	if known := a.hasRecord(); !known {
		p.learn(a, r)
		a.storing.Unlock()
		return a, nil
	}
	a.storing.Unlock()
	if _, _, err := p.read(appID); errors.Is(err, token.ErrAway) {
		return a, err
	}
	return a, nil // what cannot be read now was read before
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
