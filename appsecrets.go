package main

import (
	"slices"
	"sync"

	"wxproxy/config"
	"wxproxy/token"
)

// appSecrets are the AppSecret of each app and the one before it: what was sent to
// WeChat lately and must not come back to a caller. The zero value has none.
type appSecrets struct {
	mu    sync.Mutex // guards byApp
	byApp map[string][]token.Secret
}

// lastSecrets is how many of one app are kept.
const lastSecrets = 2

// add makes secret the app's.
func (a *appSecrets) add(appID string, secret token.Secret) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := a.byApp[appID]
	if secret.Empty() || len(kept) > 0 && kept[0].Equal(secret.Reveal()) {
		return
	}
	if a.byApp == nil {
		a.byApp = map[string][]token.Secret{}
	}
	kept = slices.Insert(slices.Clone(kept), 0, secret)
	a.byApp[appID] = kept[:min(len(kept), lastSecrets)]
}

// of returns those of the app.
func (a *appSecrets) of(appID string) []token.Secret {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byApp[appID]
}

// reading returns a function that reads the account's AppSecret, which may be another
// one by now, and remembers it.
func (k *knownSecrets) reading(account config.Account) func() (token.Secret, error) {
	return func() (token.Secret, error) {
		secret, err := account.Source.Read()
		k.add(secret.Reveal())
		k.recent.add(account.AppID, secret)
		return secret, err
	}
}

// credentials returns a function that tells which credentials the account has and had
// last.
func (s *service) credentials(of *setup, account config.Account) func([]string) []string {
	keeper := of.keepers[account.Name]
	return func(dst []string) []string {
		dst = keeper.Known(dst)
		for _, secret := range s.secrets.recent.of(account.AppID) {
			dst = append(dst, secret.Reveal())
		}
		return dst
	}
}
