package grants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// An Authorizer fetches the token of an account that authorized a platform. Its fields must
// be set and not be changed once it is in use.
//
// What WeChat answers is stored before the token that came with it is used: should it ever
// replace a refresh token, nobody else has the new one.
type Authorizer struct {
	Key   token.Key
	Store token.PlatformStore
	Means *Means // of the platform

	// Heard returns what was last heard of the record, for when the store is away or has lost
	// it; nil: nothing.
	Heard func() token.Granted

	mu       sync.Mutex    // guards what follows and is held during a fetch: a Keeper has one at a time
	known    token.Granted // what the store had last
	unstored *token.Grant  // what WeChat answered and the store did not take yet
	used     secret.Secret // the refresh token that this was for
}

// Means are how a platform fetches the tokens of all who authorized it.
type Means struct {
	// Ask is as [wechat.Component.AuthorizerToken].
	Ask func(ctx context.Context, appID string, refresh secret.Secret) (token.Grant, error)

	// Recover is called when the store had no refresh token, or a useless one: WeChat refused
	// it with RefreshInvalid or NotAuthorized, which is why; empty and nil: there was none. It
	// finds another refresh token, which the store may have by now, and stores it, or returns
	// the error to end with.
	Recover func(ctx context.Context, key token.Key, useless secret.Secret, why *token.Refusal) (secret.Secret, error)
}

// rounds is how often another refresh token is tried that somebody else has stored
// meanwhile, or recovered.
const rounds = 3

// Fetch is a [token.Fetch]. The error is token.ErrNotAuthorized if the account has ended
// its authorization, or has to give it anew.
func (a *Authorizer) Fetch(ctx context.Context) (token.Token, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.unstored != nil {
		t, err := a.keep(*a.unstored, a.used)
		if err != nil || t.ValidAt(time.Now().Add(token.RotationWindow)) {
			return t, err
		}
	}
	var why *token.Refusal
	var tried []secret.Secret
	for range rounds {
		refresh, err := a.refresh(ctx, tried, why)
		if err != nil {
			return token.Token{}, err
		}
		if isIn(tried, refresh) {
			break
		}
		tried = append(tried, refresh)
		grant, used, err := a.ask(ctx, refresh)
		if err == nil {
			return a.keep(grant, used)
		}
		if why = refused(err); why == nil {
			return token.Token{}, err
		}
	}
	return token.Token{}, why
}

// refused returns WeChat's word that a refresh token is of no use; nil: err is something else.
func refused(err error) *token.Refusal {
	refusal, ok := errors.AsType[*token.Refusal](err)
	if ok && (refusal.Code == wechat.RefreshInvalid || refusal.Code == wechat.NotAuthorized) {
		return refusal
	}
	return nil
}

// isIn reports whether one of all is the same as s.
func isIn(all []secret.Secret, s secret.Secret) bool {
	return slices.ContainsFunc(all, func(one secret.Secret) bool { return one.Equal(s.Reveal()) })
}

// refresh returns the refresh token to ask with. Why is what the last one that was tried was
// refused with.
func (a *Authorizer) refresh(ctx context.Context, tried []secret.Secret, why *token.Refusal) (secret.Secret, error) {
	err := a.look()
	switch {
	case err != nil && !a.known.HasGrants() && errors.Is(err, token.ErrAway):
		return secret.Secret{}, err
	case a.known.State != token.Authorized:
		return secret.Secret{}, fmt.Errorf("%w: it is %s", token.ErrNotAuthorized, a.known.State)
	case !a.known.Refresh.Empty() && !isIn(tried, a.known.Refresh):
		return a.known.Refresh, nil // or of a redemption that ran beside
	}
	recovered, err := a.Means.Recover(ctx, a.Key, a.known.Refresh, why)
	if err == nil {
		a.known.Refresh, a.known.RefreshBefore = recovered, secret.Secret{}
	}
	return recovered, err
}

// look reads what the store has. What it has lost, it gets again.
func (a *Authorizer) look() error {
	if a.Heard != nil {
		if heard := a.Heard(); !a.known.HasGrants() || heard.AuthorizedAt.After(a.known.AuthorizedAt) {
			a.known = heard
		}
	}
	r, err := a.Store.Load(a.Key)
	switch {
	case err == nil && (r.HasGrants() || !a.known.HasGrants()):
		a.known = r.Granted
	case err == nil, errors.Is(err, token.ErrNotStored):
		if a.known.HasGrants() {
			_, err = a.Store.Amend(a.Key, func(r *token.Record) bool {
				if r.HasGrants() {
					a.known = r.Granted
					return false
				}
				r.Granted = a.known
				return true
			})
		}
	}
	return err
}

// ask asks with the refresh token, and with the one before if WeChat does not know it: of
// two that were answered at the same time, either may be the last.
func (a *Authorizer) ask(ctx context.Context, refresh secret.Secret) (grant token.Grant, used secret.Secret, err error) {
	grant, err = a.Means.Ask(ctx, a.Key.AppID, refresh)
	before := a.known.RefreshBefore
	if why := refused(err); why == nil || why.Code != wechat.RefreshInvalid || before.Empty() || before.Equal(refresh.Reveal()) {
		return grant, refresh, err
	}
	grant, err = a.Means.Ask(ctx, a.Key.AppID, before)
	return grant, before, err
}

// keep stores a grant, for which this refresh token was used, and returns its token. What the
// store has already need not be stored. A redemption that ran beside wins.
func (a *Authorizer) keep(grant token.Grant, used secret.Secret) (token.Token, error) {
	a.unstored = nil
	if grant.Refresh.Empty() || grant.Refresh.Equal(a.known.Refresh.Reveal()) {
		return grant.Token, nil
	}
	based, overtaken := a.known, false
	r, err := a.Store.Amend(a.Key, func(r *token.Record) bool {
		if overtaken = r.HasGrants() && !isSame(r.Refresh, based.Refresh); overtaken {
			return false
		}
		if !r.HasGrants() {
			r.Granted = based // which the store has lost
		}
		r.RefreshBefore, r.Refresh = used, grant.Refresh
		return true
	})
	if err != nil {
		a.unstored, a.used = &grant, used
		return token.Token{}, fmt.Errorf("%w: %w", token.ErrUnstored, err)
	}
	a.known = r.Granted
	switch {
	case !overtaken:
		return grant.Token, nil
	case r.State != token.Authorized:
		return token.Token{}, fmt.Errorf("%w: it is %s", token.ErrNotAuthorized, r.State)
	case r.Token.ValidAt(time.Now()):
		return r.Token, nil
	}
	return token.Token{}, errOvertaken
}

// errOvertaken is the end of a fetch that an authorization has made worthless: the next one
// goes on with that.
var errOvertaken = errors.New("the account has authorized the platform anew meanwhile")

// isSame reports whether both are the same, or missing.
func isSame(a, b secret.Secret) bool { return a.Empty() && b.Empty() || a.Equal(b.Reveal()) }
