package platform

import (
	"context"
	"errors"
	"sync"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform/internal/waiting"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

const (
	// listLag is how much earlier than the list an authorization has to be for the list to
	// know of it.
	listLag = time.Minute

	// confirming is how many accounts WeChat is asked about at a time that its list has not
	// got.
	confirming = 8
)

// reconcile has the records agree with the list, where no later event knows better.
func (p *Platform) reconcile(ctx context.Context, l *listing) (done Recovery, err error) {
	done.Listed = len(l.all)
	for appID, one := range l.all {
		restored, err := p.restore(appID, one)
		if err != nil {
			return done, err
		}
		if restored {
			done.Restored++
		}
	}
	if done.Ended, err = p.endMissing(ctx, l); err != nil {
		return done, err
	}
	r, err := p.options.Store.Amend(p.own, func(r *token.Record) bool {
		r.ListedAt = l.began.Truncate(time.Second)
		return true
	})
	if err != nil {
		return done, err
	}
	p.listings.settled(l.began)
	p.learnOwn(&r)
	return done, nil
}

// restore restores what the list has of an account and its record has not.
func (p *Platform) restore(appID string, one wechat.Listed) (restored bool, err error) {
	p.mu.RLock()
	a := p.authorizers[appID]
	p.mu.RUnlock()
	if a != nil && !a.mayLack(one) {
		return false, nil
	}
	_, _, err = p.amend(appID, func(r *token.Record) bool {
		restored = lacks(r, one)
		if q := p.queue(appID, r.Events); isFresh(q.NextToAct()) {
			restored = false // its code is about to bring the same
			return false
		}
		if !restored {
			isNew := !r.HasGrants()
			if isNew {
				r.AuthorizedAt = one.AuthorizedAt // it is known from now on
			}
			return isNew
		}
		r.State, r.Refresh, r.RefreshBefore = token.Authorized, one.Refresh, secret.Secret{}
		if one.AuthorizedAt.After(r.AuthorizedAt) {
			r.AuthorizedAt = one.AuthorizedAt
		}
		return true
	})
	return restored && err == nil, err
}

// isFresh reports whether an event that waits brings tokens, and that was not tried in vain.
func isFresh(e *waiting.Event) bool { return hasCode(e) && e.Failures == 0 }

// mayLack reports whether the record of an account may lack what the list has.
func (a *Authorizer) mayLack(one wechat.Listed) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state != token.Authorized || !a.granted
}

// lacks reports whether a record lacks what the list has: a refresh token, or an
// authorization that no later event has ended.
func lacks(r *token.Record, one wechat.Listed) bool {
	switch {
	case one.Refresh.Empty():
		return false
	case r.State == token.Unauthorized:
		return !one.AuthorizedAt.Before(r.AuthorizedAt)
	}
	return r.State != token.Authorized || r.Refresh.Empty()
}

// endMissing ends the authorizations that are not in the list, if WeChat says of each that
// it is none.
func (p *Platform) endMissing(ctx context.Context, l *listing) (ended int, err error) {
	var (
		all   sync.WaitGroup
		mu    sync.Mutex // guards ended and err
		slots = make(chan struct{}, confirming)
	)
	p.each(func(a *Authorizer) {
		if _, isListed := l.all[a.appID]; isListed || !a.mayEnd(l.began) {
			return
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			isEnded, failed := p.endIfDenied(ctx, a, l.began)
			mu.Lock()
			defer mu.Unlock()
			if isEnded {
				ended++
			}
			err = errors.Join(err, failed)
		})
	})
	all.Wait()
	return ended, err
}

// endIfDenied ends an authorization that is not in the list if WeChat says of the account,
// too, that it is none. Otherwise the list is behind, or nothing is known.
func (p *Platform) endIfDenied(ctx context.Context, a *Authorizer, began time.Time) (ended bool, err error) {
	if _, err := p.wechat.Info(ctx, a.appID); !isRefusal(err, wechat.NotAuthorized) {
		return false, nil
	}
	return p.end(a, began)
}

// mayEnd reports whether a list that was begun at this time could know of the account.
func (a *Authorizer) mayEnd(began time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state == token.Authorized && !a.waits && a.authorized.Before(began.Add(-listLag))
}

// end ends an authorization that is older than the list which has not got it.
func (p *Platform) end(a *Authorizer, began time.Time) (ended bool, err error) {
	_, _, err = p.amend(a.appID, func(r *token.Record) bool {
		ended = r.State == token.Authorized && r.AuthorizedAt.Before(began.Add(-listLag))
		if ended {
			finding{state: token.Unauthorized}.note(r)
		}
		return ended
	})
	if err != nil {
		return false, err
	}
	if ended {
		e := (&NotAuthorized{State: token.Unauthorized}).Explanation()
		p.log().Warn("an account is not in WeChat's list of authorizers any more", "account", a.appID, "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH)
	}
	return ended, nil
}
