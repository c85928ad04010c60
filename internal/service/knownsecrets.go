package service

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"sync"

	"wxproxy/config"
	"wxproxy/internal/platforms"
	"wxproxy/internal/secret"
)

// leastToken is the length of the shortest word that is compared with the accounts'
// tokens. Those of WeChat have more than a hundred bytes, a caller's usual id of a
// request has 36.
const leastToken = 40

// leastGranted is the length of the shortest word that is taken for a token of an account of a
// platform: longer than what programs call a request.
const leastGranted = 100

// knownSecrets are all secrets that were configured since the start, so that the log
// shows none of them wherever a caller put it. Most are kept as hashes. The zero value
// knows none.
type knownSecrets struct {
	hashes sync.Map // of [sha256.Size]byte
	recent appSecrets

	mu     sync.Mutex // guards values
	values []string   // secrets of neither an account nor a client, the latest last
}

// leastRedacted is the length of the shortest secret that the log is searched for:
// shorter ones are parts of words.
const leastRedacted = 6

// maxRedacted is how many secrets the log is searched for, the latest ones.
const maxRedacted = 64

// redact adds a secret and has the log searched for it.
func (k *knownSecrets) redact(secret string) {
	k.add(secret)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(secret) < leastRedacted {
		return
	}
	others := slices.DeleteFunc(slices.Clone(k.values), func(known string) bool { return known == secret })
	k.values = append(others, secret)
	k.values = k.values[max(0, len(k.values)-maxRedacted):]
}

// toRedact returns the secrets that the log is searched for.
func (k *knownSecrets) toRedact() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.values
}

func (k *knownSecrets) add(secret string) {
	if secret != "" {
		k.hashes.LoadOrStore(sha256.Sum256([]byte(secret)), nil)
	}
}

// holds reports whether word is a known secret.
func (k *knownSecrets) holds(word []byte) bool {
	_, found := k.hashes.Load(sha256.Sum256(word))
	return found
}

// addHash adds the secret that the hash is of.
func (k *knownSecrets) addHash(hash string) {
	if len(hash) == sha256.Size {
		k.hashes.LoadOrStore([sha256.Size]byte([]byte(hash)), nil)
	}
}

// addAll adds the secrets of a configuration. Keys that a client had before stay
// secret too.
func (k *knownSecrets) addAll(cfg *config.Config) {
	for _, account := range cfg.Accounts {
		k.add(account.Secret.Reveal())
		k.recent.add(account.Key(), account.Secret)
	}
	for _, p := range cfg.Platforms {
		k.add(p.Secret.Reveal())
		k.recent.add(p.AppID, p.Secret)
	}
	for _, key := range pushSecrets(cfg) {
		k.redact(key.Reveal())
	}
	for _, client := range cfg.Clients {
		k.addHash(client.KeySHA256.Reveal())
		k.addHash(client.OldSHA256.Reveal())
	}
	for _, key := range []secret.Secret{cfg.Admin.ReadKey, cfg.Admin.KeyOld, cfg.Admin.Key} {
		k.redact(key.Reveal())
	}
	for _, key := range []secret.Secret{cfg.Token.EncryptionKeyOld, cfg.Token.EncryptionKey} {
		if !key.Empty() {
			k.redact(base64.StdEncoding.EncodeToString([]byte(key.Reveal())))
		}
	}
	for _, hidden := range egressSecrets(cfg) {
		k.redact(hidden.Reveal())
	}
	store, err := url.Parse(cfg.Token.Store.Reveal())
	if err != nil {
		return // it was checked with the configuration
	}
	password, _ := store.User.Password()
	k.redact(password)
	k.redact(store.Query().Get("sentinel_password"))
}

// egressSecrets returns what nobody is to see of the proxies that lead out.
func egressSecrets(cfg *config.Config) (all []secret.Secret) {
	for _, kind := range cfg.Kinds() {
		to := cfg.UpstreamOf(kind)
		for _, raw := range append([]string{to.URL}, to.FallbackURLs...) {
			u, err := url.Parse(raw)
			if err != nil {
				continue // it was checked with the configuration
			}
			if proxy, _, err := cfg.ProxyOf(kind).For(u); err == nil && proxy != nil {
				all = append(all, proxy.Secrets()...)
			}
		}
	}
	return all
}

// pushSecrets returns what proves pushes, and opens them.
func pushSecrets(cfg *config.Config) (all []secret.Secret) {
	for _, a := range cfg.Accounts {
		all = append(all, a.PushToken, a.PushAESKeyOld, a.PushAESKey)
	}
	for _, p := range cfg.Platforms {
		all = append(all, p.PushToken, p.PushAESKeyOld, p.PushAESKey)
	}
	for _, f := range cfg.Forwards {
		all = append(all, f.Token, f.AESKey)
	}
	return all
}

// isSecret returns the function that tells the proxy whether a word is a secret of
// the configuration or the token of one of its accounts.
func (s *Service) isSecret(of *setup) func(word []byte) bool {
	s.secrets.addAll(of.cfg)
	return func(word []byte) bool {
		if s.secrets.holds(word) {
			return true
		}
		if len(word) < leastToken {
			return false
		}
		if len(of.platforms) > 0 && looksGranted(word) {
			return true
		}
		value := string(word)
		for _, keeper := range of.keepers {
			if keeper.Holds(value) {
				return true
			}
		}
		return slices.ContainsFunc(of.platforms, func(p *platforms.Running) bool { return p.Component().Holds(value) })
	}
}

// looksGranted reports whether a word is as what WeChat hands to platforms, of which there
// are far too many to compare with each: as the tokens of their accounts, or as a ticket, a
// code or a refresh token, which say so themselves.
func looksGranted(word []byte) bool {
	return len(word) >= leastGranted || bytes.Contains(word, []byte("@@@"))
}
