package platform

import (
	"context"
	"errors"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform/event"
	"wxproxy/platform/internal/waiting"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// A finding is what WeChat says of an account when it is asked for its refresh token.
type finding struct {
	state   token.Authorization
	refresh secret.Secret // if it is Authorized
}

// note puts a finding into a record. Nobody knows when an authorization ended of which no
// event told: what the list or an event says of it later counts, however old that is.
func (f finding) note(r *token.Record) {
	if r.State = f.state; f.state == token.Authorized {
		r.Refresh, r.RefreshBefore = f.refresh, secret.Secret{}
		return
	}
	r.Token = token.Token{}
	if f.state == token.Unauthorized {
		r.AuthorizedAt = time.Time{}
	}
}

// A doubt is why WeChat is asked for a refresh token.
type doubt struct {
	refused  secret.Secret // the refresh token that is of no use; empty: there is none
	isDenied bool          // WeChat says that the account has not authorized the platform
	since    time.Time     // when the account authorized: a list from before says nothing; zero: any list will do
}

// mayUse reports whether there is a refresh token that may be good.
func (d doubt) mayUse(refresh secret.Secret) bool {
	return !refresh.Empty() && !d.refused.Equal(refresh.Reveal())
}

// mayUseOf is mayUse of a refresh token that the list has: one from before is dead.
func (d doubt) mayUseOf(l *listing, refresh secret.Secret) bool {
	return l.knows(d.since) && d.mayUse(refresh)
}

// find asks WeChat for the refresh token of an account, other than one that it refuses: by
// itself, and then in the list. An error means that nothing is to be concluded.
func (p *Platform) find(ctx context.Context, appID string, d doubt) (finding, error) {
	refresh, err := p.wechat.Info(ctx, appID)
	since := d.since
	isDenied := isRefusal(err, wechat.NotAuthorized)
	switch {
	case err == nil && d.mayUse(refresh):
		return finding{refresh: refresh}, nil
	case err == nil && d.isDenied:
		return finding{}, errGranted
	case err != nil && !isDenied:
		return finding{}, err
	case err == nil && refresh.Empty():
		since = time.Time{} // WeChat has just said that there is none
	}
	l, err := p.recentList(ctx, since)
	if err != nil {
		return finding{}, err
	}
	one, isListed := l.all[appID]
	switch {
	case isListed && isDenied:
		return finding{}, errListed
	case isListed && d.mayUseOf(l, one.Refresh):
		return finding{refresh: one.Refresh}, nil
	case isDenied:
		return finding{state: token.Unauthorized}, nil
	}
	return finding{state: token.NeedsAuthorization}, nil
}

func isRefusal(err error, code int) bool {
	refusal, ok := errors.AsType[*token.Refusal](err)
	return ok && refusal.Code == code
}

// recoverRefresh finds a refresh token for an account whose own WeChat refuses, or that has
// none. See [grants.Means].
func (p *Platform) recoverRefresh(ctx context.Context, key token.Key, useless secret.Secret, why *token.Refusal) (secret.Secret, error) {
	r, err := p.options.Store.Load(key)
	if err != nil {
		return secret.Secret{}, err
	}
	if q := p.queue(key.AppID, r.Events); hasCode(q.NextToAct()) {
		return secret.Secret{}, p.redeeming(key.AppID)
	}
	if r.State == token.Authorized && !r.Refresh.Empty() && !useless.Equal(r.Refresh.Reveal()) {
		return r.Refresh, nil // a redemption that ran beside has brought it
	}
	based := r.Granted
	found, err := p.find(ctx, key.AppID, doubt{useless, why != nil && why.Code == wechat.NotAuthorized, authorizedAt(&r)})
	if err != nil {
		return secret.Secret{}, err
	}
	r, _, err = p.amend(key.AppID, func(r *token.Record) bool {
		if !isBased(r, based) {
			return false // a redemption ran beside
		}
		found.note(r)
		return true
	})
	if err != nil {
		return secret.Secret{}, err
	}
	if r.State != token.Authorized {
		unusable := &NotAuthorized{Platform: p.name(), AppID: key.AppID, State: r.State}
		e := unusable.Explanation()
		p.log().Warn("an account has to authorize the platform again", "account", key.AppID, "state", string(r.State), "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH)
		return secret.Secret{}, unusable
	}
	p.log().Info("a refresh token was recovered", "account", key.AppID)
	return r.Refresh, nil
}

// isBased reports whether the authorization in a record is still that of before.
func isBased(r *token.Record, before token.Granted) bool {
	return r.State == before.State && r.AuthorizedAt.Equal(before.AuthorizedAt) && r.Refresh.Reveal() == before.Refresh.Reveal()
}

// hasCode reports whether an event that waits brings tokens.
func hasCode(e *waiting.Event) bool {
	return e != nil && e.InfoType != event.Unauthorized && e.Code != ""
}

// Reconsider has WeChat asked again for the refresh token of an account that needs to be
// authorized, because somebody wants that, and waits for it until ctx ends. The error may be
// a [*NotAuthorized].
func (a *Authorizer) Reconsider(ctx context.Context) error {
	p := a.platform
	if a.Usable() == nil {
		return nil
	}
	done := make(chan error, 1)
	p.background(func() { done <- a.reconsider(p.ctx) }) // the list that it reads is of use to all
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ctx.Done():
		return token.ErrStopped
	}
}

func (a *Authorizer) reconsider(ctx context.Context) error {
	p := a.platform
	r, err := p.options.Store.Load(p.key(a.appID))
	if err != nil {
		return err
	}
	based := r.Granted
	found, err := p.find(ctx, a.appID, doubt{since: authorizedAt(&r)})
	if errors.Is(err, errListed) { // a list from before it ended
		return a.Usable()
	}
	if err != nil {
		return err
	}
	_, _, err = p.amend(a.appID, func(r *token.Record) bool {
		if !isBased(r, based) || found.state != token.Authorized {
			return false
		}
		r.State, r.Refresh = token.Authorized, found.refresh
		return true
	})
	if err != nil {
		return err
	}
	return a.Usable()
}
