package service

import (
	"fmt"
	"slices"
	"sync"

	"wxproxy/config"
	"wxproxy/internal/secret"
)

// appSecrets are the AppSecret of each app and the one before it, which were sent to
// WeChat lately and must not come back to a caller. The zero value has none.
type appSecrets struct {
	mu    sync.Mutex // guards byApp
	byApp map[string][]secret.Secret
}

// lastSecrets is how many of one app are kept.
const lastSecrets = 2

// add makes appSecret the app's.
func (a *appSecrets) add(appID string, appSecret secret.Secret) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := a.byApp[appID]
	if appSecret.Empty() || len(kept) > 0 && kept[0].Equal(appSecret.Reveal()) {
		return
	}
	if a.byApp == nil {
		a.byApp = map[string][]secret.Secret{}
	}
	kept = slices.Insert(slices.Clone(kept), 0, appSecret)
	a.byApp[appID] = kept[:min(len(kept), lastSecrets)]
}

// of returns the AppSecrets of the app, the latest first.
func (a *appSecrets) of(appID string) []secret.Secret {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byApp[appID]
}

// reading returns the function that reads the account's AppSecret, which may have
// changed in its file, and adds it to the known ones.
func (k *knownSecrets) reading(account config.Account) func() (secret.Secret, error) {
	return func() (secret.Secret, error) {
		appSecret, err := account.Source.Read()
		if path, ok := account.Source.File(); err != nil && ok {
			err = fmt.Errorf("%s: %w", path, err)
		}
		k.add(appSecret.Reveal())
		k.recent.add(account.AppID, appSecret)
		return appSecret, err
	}
}

// credentials returns the function that appends the credentials that the account has,
// and those that it had last.
func (s *Service) credentials(of *setup, account config.Account) func([]string) []string {
	keeper := of.keepers[account.Name]
	return func(dst []string) []string {
		dst = keeper.Known(dst)
		for _, appSecret := range s.secrets.recent.of(account.AppID) {
			dst = append(dst, appSecret.Reveal())
		}
		return dst
	}
}
