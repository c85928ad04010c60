package wechattest

import (
	"slices"
	"time"
)

// forcedApart is the least time between two refreshes by force.
const forcedApart = 30 * time.Second

// An issued is what the token APIs answer; it has no errcode.
type issued struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
}

// classicToken answers /cgi-bin/token: each call issues a new token.
func (w *WeChat) classicToken(c *call) answer {
	if c.params.Get("grant_type") != "client_credential" {
		return w.refuseToken(c, 40002)
	}
	if errcode := w.admit(c, c.params.Get("appid"), c.params.Get("secret")); errcode != 0 {
		return w.refuseToken(c, errcode)
	}
	a := c.app
	a.usage.turn(w.now())
	if a.usage.classic >= a.ClassicPerDay {
		return w.refuseToken(c, 45009)
	}
	a.usage.classic++
	a.fetches.Classic++
	return w.grant(c, w.issue(a, &a.classic, overlap))
}

// stableToken answers /cgi-bin/stable_token: with the current token, until that has nearly
// expired or the caller asks for another one by force.
func (w *WeChat) stableToken(c *call) answer {
	var ask struct {
		GrantType    string `json:"grant_type"`
		AppID        string `json:"appid"`
		Secret       string `json:"secret"`
		ForceRefresh bool   `json:"force_refresh"`
	}
	if !c.decode(&ask) {
		return w.refuse(c, 47001)
	}
	if ask.GrantType != "client_credential" {
		return w.refuseToken(c, 40002)
	}
	if errcode := w.admit(c, ask.AppID, ask.Secret); errcode != 0 {
		return w.refuseToken(c, errcode)
	}
	a := c.app
	if errcode := a.countStable(w.now()); errcode != 0 {
		return w.refuseToken(c, errcode)
	}
	if ask.ForceRefresh {
		a.fetches.Forced++
	}
	switch {
	case ask.ForceRefresh && a.mayForce(w.now()):
		a.forcedAt = w.now()
		a.usage.forced++
		w.issue(a, &a.stable, 0)
	case a.stableDue(w.now()):
		w.issue(a, &a.stable, overlap)
	}
	return w.grant(c, a.stable.current)
}

// countStable counts a call of stable_token against its quotas.
func (a *app) countStable(now time.Time) (errcode int) {
	a.usage.turn(now)
	switch {
	case a.usage.stable >= a.StablePerDay:
		return 45009
	case a.usage.stableThisMinute >= a.StablePerMinute:
		return 45011
	}
	a.usage.stable++
	a.usage.stableThisMinute++
	a.fetches.Stable++
	return 0
}

// mayForce reports whether WeChat refreshes by force. Where it does not, it answers with
// the current token and does not say so.
func (a *app) mayForce(now time.Time) bool {
	return a.usage.forced < a.ForcedPerDay && now.Sub(a.forcedAt) >= forcedApart
}

// stableDue reports whether a call in normal mode gets a new token: in the last five
// minutes of the current one. Tests have tokens that live for less than ten minutes,
// which WeChat does not have; for these it is the last half of their life.
func (a *app) stableDue(now time.Time) bool {
	t := a.stable.current
	return t == nil || t.until.Sub(now) < min(overlap, a.Life/2)
}

// grant returns an answer with t and the number of whole seconds for which it is good,
// rounded down.
func (w *WeChat) grant(c *call, t *accessToken) answer {
	return c.success(issued{t.value, int64(t.until.Sub(w.now()) / time.Second)})
}

// admit finds the app that c proves to be by its secret.
func (w *WeChat) admit(c *call, appID, secret string) (errcode int) {
	if appID == "" {
		return 41002
	}
	if w.extension != nil && w.extension.IsComponent(appID) {
		return 61024
	}
	a, ok := w.apps[appID]
	if !ok {
		return 40013
	}
	c.app = a
	switch {
	case secret == "":
		return 41004
	case secret != a.Secret:
		return 40125
	case len(a.AllowIPs) > 0 && !slices.Contains(a.AllowIPs, c.From):
		return 40164
	}
	return 0
}

func (w *WeChat) refuseToken(c *call, errcode int) answer {
	if c.app != nil {
		c.app.fetches.Refused++
	}
	return w.refuse(c, errcode)
}
