package wecomtest

import (
	"crypto/rand"
	"encoding/base64"
	"time"
)

// An accessToken is a token of an application.
type accessToken struct {
	app       *Application
	value     string
	issued    int       // counts tokens
	until     time.Time // when it ends to be honoured
	revokedAt time.Time // when it was ended before its time; zero: it was not
}

// problem returns why t is refused; 0: it is good.
func (t *accessToken) problem(now time.Time) (errcode int) {
	switch rules := t.app.wecom.rules; {
	case now.Before(t.until):
		return 0
	case t.revokedAt.IsZero():
		return rules.Expired
	default:
		return rules.Revoked
	}
}

// getToken answers gettoken.
func (w *WeCom) getToken(c *call) answer {
	corpID, secret := c.params.Get("corpid"), c.params.Get("corpsecret")
	switch {
	case corpID == "":
		return w.refuse(c, 41002)
	case secret == "":
		return w.refuse(c, 41004)
	}
	a, errcode := w.bySecret(corpID, secret)
	if errcode != 0 {
		w.countWrong(c.From)
		return w.refuse(c, errcode)
	}
	if a.disabled {
		a.fetches.Refused++
		w.countWrong(c.From)
		return w.refuse(c, 40001)
	}
	t := a.fetch()
	a.fetches.Tokens++
	return w.success(struct {
		outcome
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}{done(), t.value, w.expiresIn(t.until, a.Life)})
}

// bySecret returns the application of a corp with this secret.
func (w *WeCom) bySecret(corpID, secret string) (a *Application, errcode int) {
	if w.corps[corpID] == nil {
		return nil, 40013
	}
	errcode = 40001
	for _, a := range w.apps {
		switch {
		case a.Secret != secret:
		case a.CorpID == corpID:
			return a, 0
		default:
			errcode = 40091
		}
	}
	return nil, errcode
}

// expiresIn returns what an answer says of something that ends then.
func (w *WeCom) expiresIn(until time.Time, life time.Duration) int {
	if w.rules.SaysFull {
		return int(life / time.Second)
	}
	return max(0, int(until.Sub(w.now()).Round(time.Second)/time.Second))
}

// fetch returns the token that gettoken yields now.
func (a *Application) fetch() *accessToken {
	now, rules := a.wecom.now(), a.wecom.rules
	t := a.current
	switch {
	case t == nil:
		return a.issue()
	case t.problem(now) != 0:
		if !t.revokedAt.IsZero() && now.Before(t.revokedAt.Add(rules.StaleFor)) {
			return t
		}
		return a.issue()
	case t.until.Sub(now) >= rules.Near || rules.NearEnd == Keep:
		return t
	case rules.NearEnd == Prolong:
		t.until = now.Add(a.Life)
		return t
	default:
		return a.issue()
	}
}

// issue returns a new token of a. The one before lives to its end, and for the overlap at
// least.
func (a *Application) issue() *accessToken {
	w := a.wecom
	now := w.now()
	if t := a.current; t != nil && t.problem(now) == 0 && t.until.Before(now.Add(w.rules.Overlap)) {
		t.until = now.Add(w.rules.Overlap)
	}
	a.current = &accessToken{app: a, value: random(tokenBytes), issued: len(w.tokens), until: now.Add(a.Life)}
	w.tokens[a.current.value] = a.current
	a.fetches.New++
	return a.current
}

// tokenBytes makes a token as long as WeCom's, which have 214 characters.
const tokenBytes = 160

// random returns n random bytes, in letters, digits, '-' and '_'.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// ban is how long an address is refused.
const ban = time.Hour

// countWrong counts a wrong secret from an address, and refuses that if there are too many.
func (w *WeCom) countWrong(from string) {
	now := w.now()
	recent := append(w.wrong[from], now)
	for now.Sub(recent[0]) >= time.Hour {
		recent = recent[1:]
	}
	w.wrong[from] = recent
	if len(recent) >= w.rules.BanAfter {
		w.banned[from] = now.Add(ban)
		delete(w.wrong, from)
	}
}

// isBanned reports whether c comes from an address that is refused.
func (w *WeCom) isBanned(c *call) bool {
	if w.rules.BanTokensOnly && c.path != pathGetToken {
		return false
	}
	return w.now().Before(w.banned[c.From])
}

// Unban ends the refusal of an address, as the developer's own page does.
func (w *WeCom) Unban(ip string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.banned, ip)
}
