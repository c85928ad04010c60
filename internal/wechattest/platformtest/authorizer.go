package platformtest

import (
	"slices"
	"time"
)

// An account is one that authorizes a platform, or did.
type account struct {
	appID      string
	authorized bool
	since      time.Time // of the authorization
	nth        int       // which authorization it is
	token      line

	refresh      string // "": no code of this authorization was redeemed yet
	before       string // the refresh token before, where they rotate
	beforeUntil  time.Time
	lost         bool // the list and info do not have the refresh token
	disowned     bool // WeChat says 61003 although the list has it
	noPermission bool // api_query_auth has no tokens for it
	options      map[string]string
	refreshes    int // calls of api_authorizer_token that got a token
}

// A code is one that a platform gets for an authorization.
type code struct {
	account *account
	nth     int // of the account's authorizations
	until   time.Time
	used    bool
}

// An Authorization is what WeChat hands to a platform when an account authorizes it.
type Authorization struct {
	AppID string
	Code  string
	Event Event // authorized, or updateauthorized if it was authorized before

	// Redirect is where the browser goes after the event; "" without a page that it came from.
	Redirect string
}

// Grant has an account authorize the platform, for the first time or again: refresh tokens
// and tokens of an earlier authorization are dead from now on. Nothing is pushed.
func (p *Platform) Grant(appID string) Authorization {
	now := p.wechat.Now()
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.grant(appID, "preauthcode@@@"+random(2), now)
}

func (p *Platform) grant(appID, preAuthCode string, now time.Time) Authorization {
	a := p.accounts[appID]
	if a == nil {
		a = &account{appID: appID}
		p.accounts[appID] = a
	}
	infoType := "authorized"
	if a.authorized {
		infoType = "updateauthorized"
	} else {
		p.order = append(p.order, appID)
	}
	a.token.revoke(now)
	a.authorized, a.since = true, now
	a.nth++
	a.refresh, a.before, a.lost, a.disowned = "", "", false, false
	value := p.newCode(a, now)
	return Authorization{
		AppID: appID,
		Code:  value,
		Event: p.event(infoType, appID, now, []field{
			{"AuthorizerAppid", appID},
			{"AuthorizationCode", value},
			{"AuthorizationCodeExpiredTime", p.expiredTime(now)},
			{"PreAuthCode", preAuthCode},
		}),
	}
}

// newCode returns a code for the authorization that a has.
func (p *Platform) newCode(a *account, now time.Time) string {
	value := "queryauthcode@@@" + random(3)
	p.codes[value] = &code{account: a, nth: a.nth, until: now.Add(p.settings.CodeLife)}
	return value
}

// Revoke has an account cancel its authorization: its tokens are dead from now on. Nothing
// is pushed. It returns the event.
func (p *Platform) Revoke(appID string) Event {
	now := p.wechat.Now()
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	if a := p.accounts[appID]; a != nil {
		a.authorized, a.refresh, a.before = false, "", ""
		a.token.revoke(now)
	}
	p.order = slices.DeleteFunc(p.order, func(other string) bool { return other == appID })
	return p.event("unauthorized", appID, now, []field{{"AuthorizerAppid", appID}})
}

// mustAccount returns an account that authorizes the platform, or did.
func (p *Platform) mustAccount(appID string) *account {
	a := p.accounts[appID]
	if a == nil {
		panic("BUG: " + appID + " has never authorized " + p.settings.AppID)
	}
	return a
}

// newRefresh gives a a refresh token, in the place of the one that it has.
func (a *account) newRefresh(beforeUntil time.Time) {
	a.before, a.beforeUntil = a.refresh, beforeUntil
	a.refresh = "refreshtoken@@@" + random(2)
}
