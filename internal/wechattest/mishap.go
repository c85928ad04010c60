package wechattest

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Expire ends the lifetime of the app's classic and stable tokens now: they get 42001
// until a newer one is fetched, and then 40001.
func (w *WeChat) Expire(appID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.mustApp(appID)
	expire := func(t *accessToken) { t.end(w.now()) }
	a.classic.each(expire)
	a.stable.each(expire)
}

// Steal does what happens when somebody else fetches the app's tokens. The classic token
// is honoured for five more minutes; the stable one is refreshed by force and gets 40001
// at once. It uses no quota.
func (w *WeChat) Steal(appID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.mustApp(appID)
	w.issue(a, &a.classic, overlap)
	w.issue(a, &a.stable, 0)
}

// Revoke ends all tokens that the app was given: they get 40001 at once, and
// the next fetch gives a new one.
func (w *WeChat) Revoke(appID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.mustApp(appID)
	revoke := func(t *accessToken) {
		t.end(w.now())
		t.superseded = true
	}
	a.classic.each(revoke)
	a.stable.each(revoke)
	a.classic, a.stable = line{}, line{}
}

// Kill has every business API refuse the app's tokens with 40001, although stable_token
// goes on to answer with the same token in normal mode. Only a refresh by force, or the
// token's last minutes, end that.
func (w *WeChat) Kill(appID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.mustApp(appID)
	kill := func(t *accessToken) { t.dead = true }
	a.classic.each(kill)
	a.stable.each(kill)
}

// Chaos does one of Expire, Steal and Revoke to an app every so often, until ctx ends. It
// calls did with each event, which is "expired", "stolen" or "revoked".
func (w *WeChat) Chaos(ctx context.Context, every time.Duration, did func(event, appID string)) {
	mishaps := []struct {
		event  string
		happen func(appID string)
	}{{"expired", w.Expire}, {"stolen", w.Steal}, {"revoked", w.Revoke}}

	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		appID, ok := w.anyApp()
		if !ok {
			continue
		}
		m := mishaps[rand.IntN(len(mishaps))]
		m.happen(appID)
		did(m.event, appID)
	}
}

func (w *WeChat) anyApp() (appID string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.apps) == 0 {
		return "", false
	}
	ids := make([]string, 0, len(w.apps))
	for id := range w.apps {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids[rand.IntN(len(ids))], true
}
