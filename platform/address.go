package platform

import (
	"errors"
	"slices"
	"sync"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// addressWarnings is how far apart two warnings are that the address of this machine is not
// on the platform's list: where only one of several ways out is, calls fail by turns.
const addressWarnings = 10 * time.Minute

// An address is what WeChat says in calls of the address that they come from. The list of
// those that may call is one for the platform and all its accounts, and no token tells
// whether it has this machine.
type address struct {
	mu      sync.Mutex        // guards what follows
	refused *token.Refusal    // what it said last; nil: it takes calls
	counted token.DenialCount // how often it refused one since the start
	warned  time.Time         // of the last warning; zero if there was none
}

// AddressRefused tells that WeChat answered a call, for the platform or for one of its
// accounts, with an errcode which says that the address of this machine is not on the
// platform's list.
func (p *Platform) AddressRefused(errcode int, errmsg string) {
	refused, now := &token.Refusal{Code: errcode, Reason: secret.Quote(errmsg)}, time.Now()
	p.address.mu.Lock()
	p.address.refused = refused
	p.address.counted.Errcode = errcode
	p.address.counted.N++
	warns := p.address.warned.IsZero() || now.Sub(p.address.warned) >= addressWarnings
	if warns {
		p.address.warned = now
	}
	p.address.mu.Unlock()
	p.isAddressRefused.Store(true)
	if warns {
		e := p.issuer.Explain(refused)
		p.log().Error("WeChat refuses calls from this machine's address, for the platform and all its accounts", "errcode", e.Code, "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH)
	}
}

// noteAddress notes what the failure of a call of the platform's own says of the address. What
// its token could not be fetched for, its keeper says.
func (p *Platform) noteAddress(why error) {
	refusal, ok := errors.AsType[*token.Refusal](why)
	if _, isOfToken := errors.AsType[*token.Unavailable](why); ok && !isOfToken && refusal.Code == wechat.AddressRefused {
		p.AddressRefused(refusal.Code, refusal.Reason)
	}
}

// AddressAccepted tells that a call went well. It costs next to nothing unless one did not.
func (p *Platform) AddressAccepted() {
	if !p.isAddressRefused.Load() {
		return
	}
	p.address.mu.Lock()
	ended := p.address.refused != nil
	p.address.refused = nil
	p.isAddressRefused.Store(false)
	p.address.mu.Unlock()
	if ended {
		fill(p.failures.ended)
		p.log().Info("WeChat takes calls from this machine's address again")
	}
}

// refusedAddress returns what WeChat said of the address last, nil if it takes calls from it.
func (p *Platform) refusedAddress() error {
	p.address.mu.Lock()
	defer p.address.mu.Unlock()
	if p.address.refused == nil {
		return nil
	}
	return p.address.refused
}

// Denials returns how often WeChat refused the AppSecret in requests of callers, or this
// machine's address in calls, since the start.
func (p *Platform) Denials() []token.DenialCount {
	all := p.component.Denials()
	p.address.mu.Lock()
	defer p.address.mu.Unlock()
	if p.address.counted.N == 0 {
		return all
	}
	i := slices.IndexFunc(all, func(c token.DenialCount) bool { return c.Errcode == p.address.counted.Errcode })
	if i < 0 {
		return append(all, p.address.counted)
	}
	all[i].N += p.address.counted.N
	return all
}
