package platformtest

import (
	"context"
	"math/rand/v2"
	"time"
)

// Expire ends the lifetime of the tokens of the platform or of an account: they get 42001.
func (p *Platform) Expire(appID string) {
	now := p.wechat.Now()
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.lineOf(appID).expire(now)
}

// RevokeTokens ends the tokens of the platform or of an account: they get 40001.
func (p *Platform) RevokeTokens(appID string) {
	now := p.wechat.Now()
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.lineOf(appID).revoke(now)
}

// Steal does what happens when somebody else fetches a token of the platform or of an
// account: the current one is honoured for five more minutes.
func (p *Platform) Steal(appID string) {
	now := p.wechat.Now()
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.issue(p.lineOf(appID), appID, now)
}

// ReplaceRefresh gives an account another refresh token, which nobody is told; the list and
// info have it. The one before gets 61023.
func (p *Platform) ReplaceRefresh(appID string) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.mustAccount(appID).newRefresh(time.Time{})
}

// LoseRefresh has the list and info have no refresh token of an account, until it
// authorizes again, and the one that there is get 61023.
func (p *Platform) LoseRefresh(appID string) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	a := p.mustAccount(appID)
	a.newRefresh(time.Time{})
	a.lost = true
}

// Disown has WeChat say 61003 for an account that the list has, as it did for two hours once.
func (p *Platform) Disown(appID string, disowned bool) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.mustAccount(appID).disowned = disowned
}

// Forbid has api_query_auth answer without tokens for an account, which has no permission
// for APIs.
func (p *Platform) Forbid(appID string) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.mustAccount(appID).noPermission = true
}

// NewCode returns another code for the authorization that an account has, as a browser's
// redirect may bring beside the event's.
func (p *Platform) NewCode(appID string) string {
	now := p.wechat.Now()
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.newCode(p.mustAccount(appID), now)
}

// Chaos does one of Expire, Steal and RevokeTokens to the platform or to an account that
// authorizes it every so often, until ctx ends.
func (p *Platform) Chaos(ctx context.Context, every time.Duration) {
	mishaps := []func(appID string){p.Expire, p.Steal, p.RevokeTokens}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			mishaps[rand.IntN(len(mishaps))](p.anybody())
		case <-ctx.Done():
			return
		}
	}
}

// anybody returns the platform half of the time, else an account that authorizes it.
func (p *Platform) anybody() (appID string) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	if len(p.order) == 0 || rand.IntN(2) == 0 {
		return p.settings.AppID
	}
	return p.order[rand.IntN(len(p.order))]
}
