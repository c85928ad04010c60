package platform

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// fetches are how often WeChat was asked for the tokens of a platform's accounts: those too
// whose keepers are gone.
type fetches struct {
	mu     sync.Mutex                  // guards counts
	counts map[token.FetchCount]uint64 // by reason and outcome, whose N is 0
}

// add counts a fetch.
func (f *fetches) add(c token.FetchCount) {
	n := c.N
	c.N = 0
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[token.FetchCount]uint64{}
	}
	f.counts[c] += n
}

// counted counts a fetch of the token of one of the accounts. One that went well tells that
// WeChat takes calls from here.
func (p *Platform) counted(c token.FetchCount) {
	p.fetches.add(c)
	if c.Outcome == token.FetchSucceeded && c.N > 0 {
		p.AddressAccepted()
	}
}

// askComponent asks WeChat for the component's token. Without a ticket that it takes, it is
// asked for tickets.
func (p *Platform) askComponent(ctx context.Context, ticket secret.Secret) (token.Token, error) {
	t, err := p.wechat.Token(ctx, ticket)
	if refusal, ok := errors.AsType[*token.Refusal](err); ok && refusal.Code == ticketExpired {
		p.background(p.requestTickets)
	}
	p.noteAddress(err)
	return t, err
}

// askAccount asks WeChat for an account's token.
func (p *Platform) askAccount(ctx context.Context, appID string, refresh secret.Secret) (token.Grant, error) {
	grant, err := p.wechat.AuthorizerToken(ctx, appID, refresh)
	p.noteAddress(err)
	return grant, err
}

// ownCounted is told of each fetch of the platform's own token.
func (p *Platform) ownCounted(c token.FetchCount) {
	if c.Outcome == token.FetchSucceeded {
		p.AddressAccepted()
		fill(p.failures.ended)
	}
}

// Fetches returns how often WeChat was asked for the tokens of all its accounts since the
// start.
func (p *Platform) Fetches() []token.FetchCount {
	p.fetches.mu.Lock()
	defer p.fetches.mu.Unlock()
	all := make([]token.FetchCount, 0, len(p.fetches.counts))
	for c, n := range p.fetches.counts {
		c.N = n
		all = append(all, c)
	}
	return all
}

const (
	// endPause is between two ends of the platform's failures after which its accounts ask
	// again: where only one of several ways out is on the list, calls fail by turns.
	endPause = time.Minute

	// retriesAtOnce and retriesPause have a hundred thousand accounts ask again within two
	// minutes, and leave the queue to others meanwhile.
	retriesAtOnce, retriesPause = 100, 100 * time.Millisecond
)

// failures tell when accounts whose last fetch failed are to ask WeChat again.
type failures struct {
	ended  chan struct{} // of one; filled: what failed because of the platform may go well now
	byHand chan struct{} // of one; filled: somebody may have repaired anything

	ofToken atomic.Bool // there was no token of the platform's when one was last needed
}

// begin makes f ready for use.
func (f *failures) begin() {
	f.ended, f.byHand = make(chan struct{}, 1), make(chan struct{}, 1)
}

// noteToken notes whether there was a token of the platform's for who needed one: another
// replica may have fetched it.
func (f *failures) noteToken(err error) {
	if f.ofToken.Swap(err != nil) && err == nil {
		fill(f.ended)
	}
}

// Retry has WeChat asked again, in the background, for what it failed to answer with, for the
// platform and for its accounts: somebody may have repaired something.
func (p *Platform) Retry() {
	p.component.Retry()
	fill(p.failures.byHand)
}

// retryAccounts has accounts ask again that wait because their last fetch failed, until ctx
// ends.
func (p *Platform) retryAccounts(ctx context.Context) {
	ended, rested := p.failures.ended, (<-chan time.Time)(nil)
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.failures.byHand:
			p.retryFailed(ctx, func(error) bool { return true })
		case <-ended:
			if why := p.component.Status().LastError; isOfPlatform(why) {
				p.component.Retry()
			}
			p.retryFailed(ctx, isOfPlatform)
			ended, rested = nil, time.After(endPause)
		case <-rested:
			ended = p.failures.ended
		}
	}
}

// retryFailed has those accounts ask again that failed for such a reason, a few at a time, and
// events acted upon that wait.
func (p *Platform) retryFailed(ctx context.Context, isMeant func(why error) bool) {
	p.wakeAll()
	n := 0
	p.each(func(a *Authorizer) {
		k := a.kept()
		if k == nil || ctx.Err() != nil || a.Usable() != nil {
			return
		}
		if why := k.Status().LastError; why == nil || !isMeant(why) {
			return
		}
		k.Retry()
		if n++; n%retriesAtOnce == 0 {
			sleep(ctx, retriesPause)
		}
	})
}

// isOfPlatform reports whether an account's fetch failed for a reason that all accounts share.
func isOfPlatform(why error) bool {
	if _, isOfToken := errors.AsType[*token.Unavailable](why); isOfToken || errors.Is(why, token.ErrNoTicket) {
		return true
	}
	refusal, isRefusal := errors.AsType[*token.Refusal](why)
	return isRefusal && refusal.Code == wechat.AddressRefused
}
