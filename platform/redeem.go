package platform

import (
	"context"
	"errors"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform/event"
	"wxproxy/token"
)

const (
	// redeemTime is for how long WeChat is waited for, and another replica that redeems
	// the same code.
	redeemTime = 20 * time.Second

	// clockSkew is how much later than WeChat's this machine's clock may be, where a program
	// shows a code and no event tells when the merchant authorized.
	clockSkew = 5 * time.Second

	leasePoll = 100 * time.Millisecond
)

// Redeem redeems an authorization code that a program shows, unless that was done within a
// day, and returns the app id of the account whose tokens are stored then. The error wraps a
// [*token.Refusal] if WeChat declines.
func (p *Platform) Redeem(ctx context.Context, code secret.Secret) (appID string, err error) {
	appID, err = p.redeem(ctx, code, time.Time{})
	if isSpent(err) {
		p.seek(ctx, event.Hash([]byte(code.Reveal())))
	}
	return appID, err
}

// redeem is Redeem for an event of this time, if there is one.
func (p *Platform) redeem(ctx context.Context, code secret.Secret, created time.Time) (appID string, err error) {
	hash := event.Hash([]byte(code.Reveal()))
	if appID := p.redeemed.of(hash); appID != "" {
		return appID, nil
	}
	one := p.redeemed.join(hash, func(one *redemption) {
		one.err = token.ErrStopped // unless it runs
		p.mu.RLock()
		defer p.mu.RUnlock()
		if p.stopped {
			go p.redeemed.end(hash, one)
			return
		}
		p.work.Go(func() {
			defer p.redeemed.end(hash, one)
			p.survive(func() { one.appID, one.err = p.redeemOnce(code, hash, created) })
		})
	})
	select {
	case <-one.done:
		return one.appID, one.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// redeemOnce redeems a code, as the only one of all replicas. Nobody who waits for it ends
// it.
func (p *Platform) redeemOnce(code secret.Secret, hash string, created time.Time) (string, error) {
	ctx, cancel := context.WithTimeout(p.ctx, redeemTime)
	defer cancel()
	key := token.Key{Platform: p.options.AppID, AppID: p.options.AppID, Ticket: "code-" + hash}
	release, err := p.await(ctx, key)
	if err != nil {
		return "", err
	}
	defer release()
	if appID := p.redeemedBy(key, hash); appID != "" {
		return appID, nil
	}
	whole, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), redeemTime)
	defer cancel() // the end of the platform is not that of the question: its answer comes once
	asked := time.Now()
	grant, err := p.wechat.QueryAuth(whole, code)
	if err != nil {
		return "", err
	}
	p.AddressAccepted()
	of := stamp{hash: hash, code: code.Reveal(), created: created, asked: asked, isShown: created.IsZero()}
	if of.isShown {
		of.created = asked.Add(-clockSkew).Truncate(time.Second)
	}
	p.store(grant, of)
	if p.options.Shared != nil { // for a replica that has not heard of it
		_, _ = p.options.Store.Save(key, token.Record{
			Token:  token.Token{Value: secret.New(grant.AppID), Expires: asked.Add(codeLife - time.Minute)},
			Notice: token.Notice{FetchedAt: asked},
		})
	}
	return grant.AppID, nil
}

// await makes this replica the one that redeems a code.
func (p *Platform) await(ctx context.Context, key token.Key) (release func(), err error) {
	for {
		release, err = p.lease(key)
		if !errors.Is(err, token.ErrLeased) || !sleep(ctx, leasePoll) {
			return release, err
		}
	}
}

// redeemedBy returns the account of a code that was redeemed before it was this replica's
// turn.
func (p *Platform) redeemedBy(key token.Key, hash string) string {
	appID := p.redeemed.of(hash)
	if appID != "" || p.options.Shared == nil {
		return appID
	}
	r, err := p.options.Store.Load(key)
	if err != nil || r.Token.Value.Empty() {
		return ""
	}
	appID = r.Token.Value.Reveal()
	_, _, _ = p.read(appID) // or it is heard of
	return appID
}

// A stamp says which code yielded a grant, and when.
type stamp struct {
	hash, code     string
	created, asked time.Time
	isShown        bool // by a program, so that created is a guess
}

// store stores what a code has yielded, for which nobody can ask again: it goes on until
// the store takes it, or the process ends.
func (p *Platform) store(grant token.Grant, of stamp) {
	for wait := leasePoll; ; wait = min(2*wait, turnPause) {
		r, a, err := p.amend(grant.AppID, func(r *token.Record) bool {
			p.take(r, grant, of)
			return true
		})
		if err == nil {
			if k := a.kept(); k != nil && r.Token.ValidAt(time.Now()) {
				k.Adopt(r.Token, of.asked)
			}
			p.log().Info("authorization redeemed", "account", grant.AppID)
			return
		}
		if wait == leasePoll {
			p.log().Error("an authorization is not stored yet", "account", grant.AppID, "err", err,
				"remedy", "have token.store be writable before this process ends: wxproxy has in memory what WeChat gives once, and tries again until then")
		}
		if !sleep(p.ctx, wait) {
			return
		}
	}
}

// take puts a grant into a record, unless the merchant has ended the authorization later. A
// code that a program has just shown, and WeChat taken, is of a later authorization than one
// that has ended.
func (p *Platform) take(r *token.Record, grant token.Grant, of stamp) {
	if r.State != token.Unauthorized || of.isShown || !of.created.Before(r.AuthorizedAt) {
		if of.created.After(r.AuthorizedAt) {
			r.AuthorizedAt = of.created
		}
		r.State = token.Authorized
		r.Refresh, r.RefreshBefore = grant.Refresh, secret.Secret{}
		r.Token, r.Notice.FetchedAt = grant.Token, of.asked
	}
	remember(r, token.Redeemed{Hash: of.hash, At: of.asked, Permissions: grant.Permissions})
	q := p.queue(grant.AppID, r.Events)
	for i := range q.Events {
		if q.Events[i].Code == of.code {
			q.Events[i].Acted = true
		}
	}
	q.Tidy()
	r.Events = q.Write(time.Now())
}
